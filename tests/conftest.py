"""Shared settings and data of the tests."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pathlib
import sys
import tarfile
from typing import TYPE_CHECKING, Any

# Tests compile many small programs once each: optimising them costs more than it gives. XLA ends a
# process that hands it a flag that it does not know, so its own flag is for the releases that do.
os.environ.setdefault('JAX_DISABLE_MOST_OPTIMIZATIONS', '1')
if importlib.util.find_spec('jaxlib') and importlib.metadata.version('jaxlib').startswith('0.10.'):
  os.environ.setdefault('XLA_FLAGS', '--xla_cpu_use_fusion_emitters=false')

import h5py
import numpy as np
import pytest

if TYPE_CHECKING:  # JAX comes with the tests that need it
  from calojax.methods.state import Network

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'configs'))


@pytest.fixture(scope='session')
def geant4(tmp_path_factory):
  """Environment variables under which Geant4 runs, always with the tables of the tests: the same
  for everybody.
  """
  from calojax.simulation import datasets

  if importlib.util.find_spec('geant4_pybind') is None:
    pytest.skip(datasets.EXTRA)
  folder = tmp_path_factory.mktemp('geant4')
  with tarfile.open(ROOT / 'tests' / 'data' / 'geant4_tables.tar.xz') as tables:
    tables.extractall(folder, filter='data')
  others = {key: value for key, value in os.environ.items() if key not in datasets.NEEDED}
  return {**others, datasets.ROOT: str(folder)}


@pytest.fixture(scope='session')
def embedded():
  """The embedded showers."""
  from calojax import data

  return data.load('lhcb_ecal')


@pytest.fixture(scope='session')
def few(embedded):
  """The first 256 embedded showers."""
  from calojax.showers import take

  return take(embedded.showers, slice(256))


def many_devices(count: int) -> dict[str, str]:
  """The environment of a process whose CPU is that many devices for JAX."""
  flags = f'{os.environ.get("XLA_FLAGS", "")} --xla_force_host_platform_device_count={count}'
  return {**os.environ, 'XLA_FLAGS': flags, 'JAX_PLATFORMS': 'cpu'}


def stored(file: h5py.File, name: str) -> h5py.Dataset:
  """The array of that name in an open file, which is no group."""
  found = file[name]
  assert isinstance(found, h5py.Dataset)
  return found


def network(module) -> Network:
  """A flax module by the type that methods call it by: its own `apply` returns a union."""
  return module


def save(path: pathlib.Path, arrays: dict[str, Any], **attributes) -> pathlib.Path:
  """A file of these arrays, npz or HDF5 by its name, and its attributes."""
  if path.suffix == '.npz':
    np.savez(path, **arrays)
  else:
    with h5py.File(path, 'w') as file:
      for key, array in arrays.items():
        file[key] = array
      file.attrs.update(attributes)
  return path

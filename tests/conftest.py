"""Shared settings and data of the tests."""

import os
import pathlib
import sys

# Tests compile many small programs once each: optimising them costs more than it gives.
os.environ.setdefault('JAX_DISABLE_MOST_OPTIMIZATIONS', '1')

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'configs'))


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

"""What Python code is offered, as `calojax.NAME`: the work of the commands, on values of Python.

Energies are in MeV, lengths in mm, angles in degrees, directions are unit vectors with z into the
calorimeter. Bad input raises ValueError, which names the value and what was expected.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from calojax.data.conventions import Conventions
from calojax.data.reader import Dataset
from calojax.geometry import Geometry
from calojax.inference import Model
from calojax.showers import Condition, Shower
from calojax.spectrum import Range

__all__ = [
  'Condition',
  'Dataset',
  'Geometry',
  'Model',
  'Range',
  'Shower',
  'evaluate',
  'load',
  'read',
  'train',
  'write',
]
Path = str | os.PathLike[str]


def load(
  source: Path,
  runtime: str | None = None,
  threads: int | None = None,
  checkpoint: str = 'newest',
) -> Model:
  """A trained generator, ready to make showers: `generate`, `sample`, `stream`.

  Args:
    source: the name of one that comes with the package, the folder of an exported one, or the
      workdir of a run.
    runtime: onnxruntime, openvino or jax, for an exported one; by default the first installed.
    threads: of onnxruntime and openvino; by default as many as there are cores.
    checkpoint: of a run: `newest`, `best` or a step.

  Raises:
    ValueError: it is none of these, a file of it was altered, or no runtime is installed.
  """
  from calojax.commands import sources

  return sources.load(os.fspath(source), runtime, threads, checkpoint)


def read(
  source: Path,
  *,
  geometry: Geometry | None = None,
  units: str = '',
  axes: str = '',
  negative: str = 'refuse',
) -> Dataset:
  """The showers, geometry and provenance of a file of any readable format, or of an embedded set.

  Args:
    source: the file, or `lhcb_ecal`, `calogan` or `clic`.
    geometry: in place of the one that the file or its layout tells.
    units: `KEY:UNIT,...` that the file does not tell, as `ParticleMomentum:MeV`.
    axes: order of the image axes, as `yx`.
    negative: cells below zero are refused, or become `zero`.

  Raises:
    ValueError: there is no such file, or its showers are not valid or not plausible.
  """
  from calojax import data

  return data.load(source, geometry, Conventions(units, axes, negative))


def write(
  path: Path,
  showers: Shower,
  geometry: Geometry,
  provenance: Mapping[str, Any] | None = None,
  *,
  layout: str = 'calojax',
  overwrite: bool = False,
) -> None:
  """Writes showers, which `read` reads back: HDF5, npz, Parquet or ROOT by the ending of the name.

  Args:
    path: the file; `calojax.write(path, *calojax.read(other))` copies one.
    showers: `[n, v]` energies in MeV and their particles.
    geometry: of v cells.
    provenance: JSON values by name.
    layout: calojax, lhcb, calogan, threedgan, calochallenge or lemurs.
    overwrite: whether a file that is there is replaced.

  Raises:
    ValueError: another ending or layout, a file that is there, a library that is not installed, or
      showers that are not valid.
  """
  from calojax import data

  data.check_output(path, overwrite)
  with data.writer(path, geometry, dict(provenance or {}), layout) as file:
    file.append(showers)


def evaluate(
  reference: Path | Dataset,
  generated: Path | Dataset | None = None,
  *,
  output: Path | None = None,
  training: Path | Dataset | None = None,
  clusters: int | None = None,
  metrics: Sequence[str] = (),
  classifier: bool | None = None,
  seed: int = 0,
  checkpoint: str = 'newest',
) -> dict[str, Any]:
  """The summary of generated showers against real ones: figures by name, each with `value`, `error`
  and what Geant4 against Geant4 gives. Reports and pictures are written, the table is printed.

  Args:
    reference: real showers, a file or what `read` gives; or, alone, the workdir of a run, which is
      judged on its test showers.
    generated: showers of any generator.
    output: the folder to write; that of a run by default in its workdir.
    training: the showers that were trained on, to see whether they are repeated.
    clusters: of the PRD, by default 400 or what a run's config says; fewer where there are less
      than four showers for each.
    metrics: names of those that are wanted; by default all, of a run those of its config.
    classifier: whether networks are trained as judges too, which takes longest; by default if they
      are among the metrics.
    seed: of everything random; a run has its own.
    checkpoint: of a run: `newest`, `best` or a step.

  Raises:
    ValueError: a file cannot be read, the geometries differ, or there are too few showers.
  """
  from calojax.commands import evaluate as command
  from calojax.evaluation.wishes import Wishes

  wishes = Wishes(
    output=None if output is None else os.fspath(output),
    clusters=clusters,
    metrics=tuple(metrics),
    classifier=classifier,
    seed=None if generated is None else seed,  # a run has its own
  )
  if generated is None:
    if isinstance(reference, Dataset) or training is not None:
      raise ValueError('no generated showers, expected some, or the workdir of a run alone')
    return command.of_run(os.fspath(reference), wishes, checkpoint=checkpoint)()
  if output is None:
    raise ValueError('output is None, expected the folder to write')
  with contextlib.ExitStack() as stack:
    first, second, third = (
      None if source is None else stack.enter_context(_as_file(source))
      for source in (reference, generated, training)
    )
    return command.compare_files(str(first), str(second), third, wishes.checked())


@contextlib.contextmanager
def _as_file(source: Path | Dataset) -> Iterator[str]:
  """The name of a file of these showers, which is gone afterwards if it was made for that."""
  if not isinstance(source, Dataset):
    yield os.fspath(source)
    return
  with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'showers.h5')
    write(path, *source)
    yield path


def train(
  config: Path | Any,
  workdir: Path | None = None,
  changes: Mapping[str, Any] | None = None,
  *,
  steps: int | None = None,
  origin: Path | None = None,
  checkpoint: str = 'newest',
) -> Model:
  """Trains a system, or goes on with a training that was interrupted, judges it on held-out showers
  and returns its generator.

  Args:
    config: the name of a system that comes with the package, as `cnn_aux`, a file, a run, or a
      config as its `get_config` makes it.
    workdir: of the run; by default that of `calojax train`.
    changes: values of the config by key, as `{'train.steps': 12000}`.
    steps: the end of the training; a run that has ended goes on to it.
    origin: the run whose weights the new run starts from, also on other data.
    checkpoint: of `origin`: `newest`, `best` or a step.

  Raises:
    ValueError: the config, a value of it, the data or the workdir does not do.
    FloatingPointError: the training diverged; the last good checkpoint is kept.
  """
  from calojax import config as configs
  from calojax.commands import train as command
  from calojax.commands.work import default_workdir
  from calojax.config import shipped
  from calojax.exit_codes import DIVERGED

  named = isinstance(config, str | os.PathLike)
  if not (named or workdir):
    raise ValueError('no workdir, expected one: a config of your own has no name to make it of')
  asked = shipped.load(os.fspath(config)) if named else config
  asked = configs.check(shipped.changed(asked, changes or {}))
  folder = os.fspath(workdir or default_workdir(shipped.path(os.fspath(config)), changes or {}))
  start = None if origin is None else os.fspath(origin)
  work = command.training(asked, folder, steps=steps, origin=start, checkpoint=checkpoint)
  if work() == DIVERGED:
    raise FloatingPointError(f'{folder}: the training diverged')
  return load(folder)

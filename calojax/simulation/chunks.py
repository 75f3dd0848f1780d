"""A simulation divided into chunks: files that are there whole or not at all, and what remains to
be done.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import numpy as np

from calojax import data
from calojax.data.writer import smallest
from calojax.files import Lease, check_room, named, write_text
from calojax.interruption import check as check_interruption
from calojax.provenance import origin
from calojax.showers import Condition, Shower
from calojax.simulation.calorimeters import Calorimeter, Slab
from calojax.simulation.gun import Gun

CHUNK = 50  # events: what a kill costs a job at most
BINS = 5  # of the CPU time by energy
MIN_CHUNKS = 16  # so that a few events still make work for several jobs


@dataclasses.dataclass(frozen=True)
class Plan:
  """What to simulate, and the file that it becomes. The same plan gives the same showers, whatever
  the number of jobs.
  """

  calorimeter: Calorimeter
  gun: Gun
  physics: str
  cut: float  # mm
  seed: int
  events: int
  output: str

  @property
  def folder(self) -> pathlib.Path:
    """Of the chunks and of the jobs' logs."""
    return pathlib.Path(f'{self.output}.chunks')

  @property
  def count(self) -> int:
    """How many chunks there are."""
    return -(-self.events // self.size)

  @property
  def size(self) -> int:
    """Events of a chunk."""
    return max(1, min(CHUNK, self.events // MIN_CHUNKS))

  def extent(self, number: int) -> tuple[int, int]:
    """First event of a chunk, and the one after its last."""
    return number * self.size, min(self.events, (number + 1) * self.size)

  def path(self, number: int) -> pathlib.Path:
    """The file of a chunk."""
    return self.folder / f'{number:06d}.h5'


def settings(plan: Plan) -> dict[str, Any]:
  """What decides the showers, as JSON values by name."""
  calorimeter = plan.calorimeter
  return {
    'binding': f'geant4-pybind {metadata.version("geant4-pybind")}',
    'physics': plan.physics,
    'range_cut_mm': plan.cut,
    'stack': stack(calorimeter.slabs),
    'depths_mm': list(calorimeter.depths),
    'width_mm': calorimeter.width,
    'geometry': calorimeter.geometry.to_json(),
    'gun': {**dataclasses.asdict(plan.gun), 'energy': list(plan.gun.energy)},
    'seed': plan.seed,
    'events': plan.events,
  }


def stack(slabs: tuple[Slab, ...]) -> str:
  """The plates in words, e.g. `66 x (2 mm G4_Pb + 4 mm G4_lAr active)`."""
  period = next(
    n
    for n in range(1, len(slabs) + 1)
    if len(slabs) % n == 0 and slabs == slabs[:n] * (len(slabs) // n)
  )
  words = [
    f'{slab.thickness:g} mm {slab.material}' + ' active' * slab.active for slab in slabs[:period]
  ]
  return f'{len(slabs) // period} x ({" + ".join(words)})'


@contextlib.contextmanager
def begun(plan: Plan) -> Iterator[list[int]]:
  """The chunks still to be made, in order; their folder is there, and no other process works in it
  until the end.

  A simulation may go on with another number of events than it began with: an event does not depend
  on it.

  Raises:
    ValueError: the output exists or cannot be written, its chunks are those of another simulation,
      or another process is making them.
  """
  if os.path.isfile(plan.output):
    raise ValueError(
      f'{plan.output} exists already, expected a new name: a simulation is not overwritten'
    )
  data.writer(plan.output, plan.calorimeter.geometry, {})  # refuses a path without a folder
  lease = None
  try:
    plan.folder.mkdir(exist_ok=True)
    lease = Lease(plan.folder, 'simulation')
    needed = 2 * smallest(plan.events, plan.calorimeter.geometry)  # the chunks and then the whole
    check_room(plan.folder, needed, f'{plan.events} showers and their chunks')
    _agree(plan)
  except (OSError, ValueError) as error:
    if lease:
      lease.release()
    raise ValueError(f'{plan.folder} cannot be used: {error}') from None
  try:
    yield missing(plan, range(plan.count))
  finally:
    lease.release()


@contextlib.contextmanager
def shared(plan: Plan, some: range) -> Iterator[tuple[list[int], pathlib.Path]]:
  """Which of some chunks are still to be made in the folder of a simulation that has begun, and a
  folder for logs; no other process makes any of these until the end.

  Raises:
    ValueError: no such simulation has begun there, or another process is making these chunks.
  """
  note = plan.folder / 'settings.json'
  if not note.exists():
    raise ValueError(f'{note} is not there, expected chunks of a simulation that has begun')
  if _noted(note) != settings(plan):
    raise ValueError(f'{plan.folder} holds chunks of another simulation')
  logs = plan.folder / f'{some.start:06d}-{some.stop - 1:06d}'
  logs.mkdir(exist_ok=True)
  with named(logs):
    lease = Lease(logs, 'simulation')
  try:
    yield missing(plan, some), logs
  finally:
    lease.release()


def missing(plan: Plan, some: range) -> list[int]:
  """Those of these chunks that are not there."""
  return [number for number in some if not plan.path(number).exists()]


def _agree(plan: Plan) -> None:
  """Keeps what decides the showers in the folder, or finds the same there.

  Raises:
    ValueError: the chunks are those of another simulation.
  """
  note, now = plan.folder / 'settings.json', settings(plan)
  before = _noted(note) if any(plan.folder.glob('*.h5')) else now
  earlier = dataclasses.replace(plan, events=before['events'])
  for key in now:
    if before.get(key) != now[key] and not (key == 'events' and earlier.size == plan.size):
      raise ValueError(
        f'it holds chunks of another simulation, {key} {before.get(key)}, now {now[key]}; '
        'choose another output or remove the folder'
      )
  if before['events'] != plan.events:
    # Where one of the two ends, its last chunk is shorter than the other's: it is made again.
    for events in {before['events'], plan.events}:
      if events % plan.size:
        plan.path(events // plan.size).unlink(missing_ok=True)
  write_text(note, json.dumps(now, indent=1))


def _noted(note: pathlib.Path) -> dict[str, Any]:
  """What decides the showers of the chunks that are there.

  Raises:
    ValueError: it cannot be read; the chunks cannot be told from those of another simulation.
  """
  with named(note.name):
    try:
      found = json.loads(note.read_text(encoding='utf-8'))
      return {**found, 'events': int(found['events'])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
      raise ValueError(f'damaged, expected the settings of the chunks: {error!r}') from None


def write(
  plan: Plan, number: int, particles: Condition, energies: np.ndarray, account: dict[str, Any]
) -> None:
  """Writes a chunk, aside and renamed; `account` has Geant4's version and, by event, the `cpu` and
  `python` seconds.
  """
  response = energies.sum(axis=1) / particles.energy
  lists = {'energy': particles.energy, 'response': response, **account}
  provenance = {
    key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in lists.items()
  }
  with data.Writer(plan.path(number), plan.calorimeter.geometry, provenance) as writer:
    writer.append(Shower(energies, particles))


def merge(plan: Plan) -> dict[str, Any]:
  """Makes the output of the chunks, in the order of the events, and removes them; returns its
  provenance.

  Further chunks, of a simulation that was to be longer, stay.
  """
  paths = [plan.path(number) for number in range(plan.count)]
  provenance = {**settings(plan), **_account(paths), **origin()}
  del provenance['geometry']  # the file has it
  with data.writer(plan.output, plan.calorimeter.geometry, provenance) as writer:
    for path in paths:
      check_interruption()
      writer.append(data.read(path).showers)
  for path in paths:
    path.unlink()
  if not any(plan.folder.glob('*.h5')):
    shutil.rmtree(plan.folder)
  return provenance


def _account(paths: list[pathlib.Path]) -> dict[str, Any]:
  """By the chunks' own accounts: versions of Geant4, CPU seconds an event in all and by energy,
  Python's share, mean response.
  """
  accounts = [data.read(path, 0, 1).provenance for path in paths]
  energy, response, cpu, python = (
    np.concatenate([a[key] for a in accounts]) for key in ('energy', 'response', 'cpu', 'python')
  )
  edges = np.geomspace(energy.min(), energy.max(), BINS + 1)
  bins = np.clip(np.searchsorted(edges, energy, 'right') - 1, 0, BINS - 1)
  table = [
    {
      'from_mev': edges[i],
      'to_mev': edges[i + 1],
      'events': int((bins == i).sum()),
      'cpu_seconds': cpu[bins == i].mean(),
    }
    for i in range(BINS)
    if (bins == i).any()
  ]
  return {
    'geant4': ', '.join(sorted({a['geant4'] for a in accounts})),
    'cpu_seconds_per_event': cpu.mean(),
    'cpu_seconds_by_energy': table,
    'python_share': python.sum() / cpu.sum(),
    'mean_response': response.mean(),
    'mean_response_error': response.std() / np.sqrt(len(response)),
    'random_numbers': 'event i: MixMax stream (seed + 1, i + 1, 1, 1)',
  }

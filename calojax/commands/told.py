"""What is told of a file, a run or a model: names and texts, and the showers of a picture."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import h5py
import numpy as np

from calojax import data, spectrum, zoo
from calojax.commands import sources, words
from calojax.data import incident
from calojax.data.layouts import recognised
from calojax.data.opened import opened
from calojax.files import named
from calojax.geometry import Geometry
from calojax.inference import sidecar
from calojax.showers import Condition, Shower, concatenate, thinned

BLOCKS, LOOKED_AT = 20, 10_000  # places of a file, and showers in all, that are looked at
DRAWN = 1_000  # showers of a picture
UNITS = 'cells and incident energies in MeV, positions in mm, directions unit vectors'


class Shown(NamedTuple):
  """What is told of a source.

  Attributes:
    title: what it is.
    rows: names and texts.
    below: what stands under them.
    showers: makes those of a picture and says of which calorimeter; None where there are none.
  """

  title: str
  rows: list[tuple[str, str]]
  below: str = ''
  showers: Callable[[], tuple[Shower, Geometry]] | None = None


def of_file(path: str, said: data.Conventions) -> Shown:
  """A file of showers or of particles alone."""
  if not incident.has_showers(path):
    found = data.conditions(path, conventions=said)
    rows = [('particles', f'{len(found.energy):,}'), *words.particles(found)]
    return Shown(f'{path}: particles without showers', rows)
  with data.flagged('--'):
    found, count, layout = looked_at(path, said)
  title = f'{path}: {count:,} showers of {found.geometry.name}, layout {layout}'
  return of_dataset(title, found, count)


def looked_at(path: str, said: data.Conventions) -> tuple[data.Dataset, int, str]:
  """Showers evenly from a file, how many it has, and the name of its layout."""
  with opened(path) as file:
    keys, streamed = set(file.arrays), h5py.is_hdf5(path)
  with named(path):
    kind = recognised(keys)
  layout = next(name for name, known in data.LAYOUTS.usable().items() if known is kind)
  if not streamed:
    found = data.read(path, conventions=said)
    count = len(found.showers.energies)
    return found._replace(showers=thinned(found.showers, LOOKED_AT)), count, layout
  count = data.extent(path)[0]
  size = max(1, LOOKED_AT // BLOCKS)
  starts = range(0, count, size) if count <= LOOKED_AT else _evenly(count - size)
  parts = [data.read(path, i, min(i + size, count), conventions=said) for i in starts or [0]]
  return parts[0]._replace(showers=concatenate([part.showers for part in parts])), count, layout


def _evenly(last: int) -> list[int]:
  return [int(start) for start in np.linspace(0, last, BLOCKS)]


def of_dataset(title: str, found: data.Dataset, count: int | None = None) -> Shown:
  """Showers that are in memory, of so many."""
  showers, geometry, provenance = found
  total, energy = showers.energies.sum(axis=1, dtype=np.float64), showers.condition.energy
  response, hit = total / energy, (showers.energies > 0).sum(axis=1)
  seen, count = len(energy), count or len(energy)
  rows = [
    ('showers', f'{count:,}' + (f', of which {seen:,} were looked at' if seen < count else '')),
    *of_geometry(geometry),
    *words.particles(showers.condition),
    ('visible energy', f'{total.min() / 1e3:.4g} to {total.max() / 1e3:.4g} GeV'),
    ('response', f'{response.mean():.4f}, spread {response.std():.4f} (visible / incident)'),
    ('cells hit', f'{hit.mean():.1f} of {geometry.cells:,}; {(hit == 0).sum()} empty showers'),
    *of_provenance(provenance),
  ]
  return Shown(title, rows, showers=lambda: (thinned(showers, DRAWN), geometry))


def of_model(source: str) -> Shown:
  """An exported generator."""
  folder = zoo.find(source)
  card = sidecar.read(folder)
  geometry = Geometry.from_json(json.dumps(card['geometry']))
  files = ', '.join(f'{name} ({file["bytes"]:,} bytes)' for name, file in card['files'].items())
  made = f'calojax {card["calojax"]}, commit {card["commit"] or "unknown"}'
  known = spectrum.load(os.path.join(folder, spectrum.FILE))
  rows = [
    ('system', f'{card["config"]["method"]}, {card["step"]:,} steps, {made}'),
    ('files', files),
    *of_geometry(geometry),
    ('trained on', 'particles of'),
    *words.particles(known),
    *of_provenance({'fingerprint': card['data']['fingerprint'], **card['data']['provenance']}),
  ]
  title = f'{source}: exported generator {card["name"]}'
  return Shown(title, rows, figures(card['quality']), lambda: _made(source, known))


def of_run(folder: str) -> Shown:
  """A training."""
  from calojax.training import workdir  # which imports nothing of JAX

  config, (geometry, origin, known) = workdir.stored_config(folder), workdir.stored_data(folder)
  kept, best = (_steps(os.path.join(folder, 'checkpoints', part)) for part in ('', 'best'))
  name, train = getattr(config, 'generator', {}).get('name', ''), config.train
  source = config.data.source
  rows = [
    ('system', ' '.join(word for word in (config.method, name) if word) + f', seed {config.seed}'),
    ('steps', f'{kept[-1] if kept else 0:,} of {train.steps:,}, batches of {train.batch}'),
    ('checkpoints', ', '.join([*map(str, kept), *(f'best {step}' for step in best)]) or 'none'),
    *of_history(folder),
    *of_geometry(geometry),
    ('trained on', f'{source}, particles of'),
    *words.particles(known),
    *of_provenance({'fingerprint': origin['fingerprint'], **origin.get('provenance', {})}),
  ]
  summaries = sorted(
    pathlib.Path(folder, 'evaluation').glob('*/summary.json'), key=os.path.getmtime
  )
  below = 'not judged yet: calojax evaluate ' + folder
  if summaries:
    from calojax.evaluation.report.verdict import verdict_table

    table = verdict_table(json.loads(summaries[-1].read_text('utf-8')))
    below = f'{summaries[-1]}\n{table}'
  return Shown(f'{folder}: a run', rows, below, lambda: _made(folder, known))


def _steps(folder: str) -> list[int]:
  """The steps of the checkpoints in a folder."""
  return sorted(int(path.name) for path in pathlib.Path(folder).glob('*') if path.name.isdecimal())


def of_history(folder: str) -> list[tuple[str, str]]:
  """The ends that a training had, and what it began from."""
  path = pathlib.Path(folder, 'history.json')
  if not path.is_file():
    return []
  entries = json.loads(path.read_text('utf-8'))
  text = ', '.join(f'from step {entry["step"]:,} to {entry["steps"]:,}' for entry in entries)
  began = f'; with the weights of {entries[0]["from"]["path"]}' if 'from' in entries[0] else ''
  return [('history', text + began)]


def _made(source: str, known: Condition) -> tuple[Shower, Geometry]:
  """Showers of a generator for a picture."""
  model = sources.load(source)
  particles = spectrum.draw(known, DRAWN, 0)
  return Shower(model.generate(*particles), particles), model.geometry


def of_geometry(geometry: Geometry) -> list[tuple[str, str]]:
  """The calorimeter and the units."""
  fraction = f'mean visible / incident energy {geometry.sampling_fraction:g}'
  return [
    ('geometry', f'{geometry.name}: {words.geometry(geometry)}, {fraction}'),
    ('units', UNITS),
  ]


def of_provenance(provenance: dict[str, Any]) -> list[tuple[str, str]]:
  """Where showers come from, a value a line."""
  rows = []
  for key, value in provenance.items():
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    rows.append((f'  {key}', text if len(text) <= 200 else f'{text[:200]} ...'))
  return [('provenance', '' if rows else 'none'), *rows]


def figures(quality: dict[str, Any]) -> str:
  """Figures of a card beside what Geant4 against Geant4 gives."""
  from calojax.evaluation.report.verdict import verdict_table

  if not quality.get('figures'):
    return 'no figures'
  return verdict_table({**quality['figures'], 'meta': quality['meta']})

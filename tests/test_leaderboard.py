"""The leaderboard: ties by known answers, a better file above a worse one, marks, refusals."""

from __future__ import annotations

import json
import runpy

import numpy as np
import pytest

from calojax import data
from calojax.evaluation.defects import energy_scale, memorised
from calojax.evaluation.report.pulls import statistic
from calojax.evaluation.samples import sample
from calojax.showers import take
from conftest import ROOT

BOARD = runpy.run_path(str(ROOT / 'experiments' / 'leaderboard.py'))
FEW = 120  # showers of a file; the reference has twice as many


def write(path, showers, geometry) -> str:
  with data.Writer(path, geometry, {'made': 'for a test'}) as file:
    file.append(showers)
  return str(path)


@pytest.fixture(scope='module')
def found(embedded, tmp_path_factory):
  """The written board of a wrong, a right and a repeating file."""
  folder = tmp_path_factory.mktemp('board')
  showers = embedded.showers
  reference = take(showers, slice(2 * FEW))
  training = take(showers, slice(1000, 1400))
  sets = {
    'reference': reference,
    'training': training,
    'wrong': energy_scale(take(showers, slice(400, 400 + 3 * FEW)), 1.5),
    'right': take(showers, slice(2000, 2000 + FEW)),
    'repeats': reference._replace(energies=memorised(training, 2 * FEW).energies),
  }
  paths = {
    name: write(folder / f'{name}.h5', part, embedded.geometry) for name, part in sets.items()
  }
  BOARD['main'](
    [
      paths['reference'],
      paths['wrong'],
      paths['right'],
      paths['repeats'],
      f'--training={paths["training"]}',
      '--clusters=10',
      f'--output={folder / "new" / "board.json"}',
    ]
  )
  return folder / 'new'


def test_ranks_share_places_within_the_error():
  figures = [
    statistic('', {'value': value, 'error': 0.1, 'floor': 1.0}) for value in (3.0, 1.05, 0.9, 2.0)
  ]
  assert BOARD['ranks'](figures) == [4, 1.5, 1.5, 3]  # too small is as bad as too large
  assert BOARD['ranks'](figures[:1]) == [1]


def test_a_better_file_ranks_higher(found):
  written = json.loads((found / 'board.json').read_text())
  rows = {row['file'].split('/')[-1]: row for row in written['rows']}
  assert [*rows][0] == 'right.h5'
  assert rows['right.h5']['rank'] < rows['wrong.h5']['rank']
  assert [row['rank'] for row in written['rows']] == sorted(row['rank'] for row in written['rows'])
  assert np.mean([sum(row['ranks'].values()) for row in rows.values()]) == 2 * len(
    rows['right.h5']['ranks']
  )
  assert (
    written['meta']['count'] == FEW and written['meta']['seed'] == 0 and len(written['files']) == 4
  )
  for key in ('prd_auc/raw', 'distances/fpd', 'separation/mean', 'resolution/worst'):
    kind = statistic('', rows['right.h5']['figures'][key]).kind
    assert len({row['figures'][key][kind] for row in rows.values()}) == 1, (
      f'{key}: files were compared with different showers'
    )


def test_the_table(found):
  lines = (found / 'board.md').read_text().splitlines()
  assert lines[0].startswith('| | rank | PRD-AUC min | PRD-AUC raw |') and lines[0].endswith(
    '| memorised |'
  )
  assert [line.split(' ')[1] for line in lines[2:6]].count('repeats†') == 1 and lines[5].startswith(
    '| Geant4 |'
  )
  assert len({line.count('|') for line in lines[:6]}) == 1
  assert 'repeats training showers' in lines[-1]


def test_only_what_was_made_for_the_reference_is_cut_with_it(embedded):
  real, other = (
    sample(take(embedded.showers, slice(*ends)), embedded.geometry) for ends in ((0, 40), (40, 80))
  )
  short = sample(take(embedded.showers, slice(100, 110)), embedded.geometry)
  cut, (alike, unlike, small) = BOARD['levelled'](real, [real, other, short], seed=0)
  np.testing.assert_array_equal(cut.condition.energy, alike.condition.energy)
  assert (len(cut.columns), len(unlike.columns), len(small.columns)) == (20, 40, 10)


def test_refusals(found, tmp_path):
  calogan = data.load('calogan')
  path = write(tmp_path / 'layers.h5', take(calogan.showers, slice(20)), calogan.geometry)
  reference, right = (str(found.parent / name) for name in ('reference.h5', 'right.h5'))
  output = tmp_path / 'board.json'
  with pytest.raises(ValueError, match='layers.h5 are of different calorimeters'):
    BOARD['main']([reference, right, path, f'--output={output}'])
  with pytest.raises(ValueError, match='layers.h5: showers of 504 cells, expected 900'):
    BOARD['main']([reference, right, f'--training={path}', f'--output={output}'])
  with pytest.raises(ValueError, match='no file of showers and no embedded set'):
    BOARD['main']([reference, str(tmp_path / 'none.h5'), f'--output={output}'])
  with pytest.raises(ValueError, match=r'ends in \.json'):
    BOARD['main']([reference, right, '--output=board.txt'])
  assert not output.exists()

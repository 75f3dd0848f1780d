"""Words: planted defects and the sentences that tell them; none for Geant4 against itself."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest

from calojax import data
from calojax.commands.judging import present
from calojax.evaluation import defects
from calojax.evaluation.arrangement import Compared
from calojax.evaluation.report.html import page
from calojax.evaluation.samples import sample
from calojax.evaluation.study import Settings, evaluate
from calojax.evaluation.words import MOST, sentences
from calojax.showers import take

COUNT = 1500
META = {'count': COUNT}


@functools.cache
def sets():
  """Reference, independent and fresh showers, training showers, and their geometry."""
  showers, geometry, _ = data.load('lhcb_ecal')
  parts = [take(showers, slice(i * COUNT, (i + 1) * COUNT)) for i in range(4)]
  return sample(parts[0], geometry), sample(parts[1], geometry), parts[2], parts[3], geometry


def summary(wrong, *metrics: str) -> dict:
  real, other, _, training, geometry = sets()
  compared = Compared(real, sample(wrong, geometry), other, training, wrong)
  return evaluate(compared, geometry, Settings(40, 2, metrics=metrics))


@functools.cache
def of(defect: str) -> dict:
  _, _, fresh, training, geometry = sets()
  return summary(PLANTED[defect](fresh, training, geometry), *METRICS)


METRICS = ('observables', 'response')
PLANTED = {
  'none': lambda fresh, training, geometry: fresh,
  'energy': lambda fresh, training, geometry: defects.energy_scale(fresh, 1.02),
  'little energy': lambda fresh, training, geometry: defects.energy_scale(fresh, 0.97),
  'resolution': lambda fresh, training, geometry: defects.worse_resolution(fresh, 3),
  'width': lambda fresh, training, geometry: defects.stretched(fresh, geometry, 1.07),
  'other particles': lambda fresh, training, geometry: defects.shuffled_conditions(fresh),
}


def size(sentence: str) -> float:
  found = re.search(r'[\d.]+', sentence)
  assert found
  return float(found[0])


def test_geant4_against_itself_has_nothing_wrong():
  assert sentences(of('none')) == [
    f'nothing found beyond the statistical errors of {COUNT} showers'
  ]


@pytest.mark.parametrize(
  'defect, expected, low, high',
  [
    ('energy', r'mean energy [\d.]+ % too high', 1.5, 2.5),
    ('little energy', r'mean energy [\d.]+ % too low', 2.5, 3.5),
    ('resolution', r'[\d.]+ x too much spread of E/E_p', 2.6, 3.4),
  ],
)
def test_a_defect_is_told_first_and_alone(defect, expected, low, high):
  first, *others = sentences(of(defect))
  assert re.fullmatch(expected, first) and low < size(first) < high
  assert others == []


def test_wide_showers_are_told_along_and_across():
  told = sentences(of('width'))
  for side in ('along', 'across'):
    (sentence,) = (one for one in told if re.fullmatch(f'showers .* % too wide {side} the .*', one))
    assert 5 < size(sentence) < 9
  # Stretching lights dark neighbours; energies and places stay as they are.
  assert any('too many cells lit' in one for one in told)
  assert not any('energy' in one or 'E/E_p' in one or 'barycentre' in one for one in told)


def test_narrow_showers_are_told_by_the_same_figures():
  wide = of('width')
  swapped = {
    key: figure | {'value': figure['reference'], 'reference': figure['value']}
    for key, figure in wide.items()
    if key.startswith('observables/')
  }
  told = sentences(swapped | {'meta': META})
  assert any(re.fullmatch('showers .* % too narrow along the inclination', one) for one in told)
  assert any(re.fullmatch('.* too few cells lit', one) for one in told)


def test_showers_of_other_particles_do_not_lie_on_their_trajectories():
  told = sentences(of('other particles'))
  for axis in 'xy':
    assert any(
      re.fullmatch(f'.* x too much spread of the barycentre about the trajectory in {axis}', one)
      for one in told
    )


def test_what_is_sure_and_small_is_called_small():
  showers = {'value': 1.0045, 'error': 0.0003, 'reference': 1.0, 'reference_error': 0.0003}
  (told,) = sentences({'response/ratio': showers, 'meta': META})
  assert told.startswith('beyond the statistical errors') and told.endswith(
    'only what is small: mean energy 0.45 % too high'
  )
  unsure = showers | {'value': 1.5, 'error': 0.2}
  (told,) = sentences({'response/ratio': unsure, 'meta': META})
  assert told == f'nothing found beyond the statistical errors of {COUNT} showers'


def test_copies_and_missing_kinds_of_showers_are_told():
  _, _, fresh, training, _ = sets()
  (told,) = sentences(summary(defects.memorised(training, COUNT), 'neighbours'))
  assert told == '100 % of the showers lie as near to a training shower as 5 % of Geant4 showers do'
  (told,) = sentences(summary(defects.mode_collapse(fresh, 10), 'manifold'))
  assert told.startswith('only ') and size(told) < 10 and 'have a generated one like them' in told


def area(value: float, floor: float = 0.5) -> dict[str, float]:
  return {'value': value, 'error': 0.01, 'floor': floor, 'floor_error': 0.01}


def test_the_strongest_judge_is_told_beside_the_largest_floor():
  judges = {'classifier/trees_high': area(0.55), 'classifier/trees_halo': area(0.73)}
  (told,) = sentences(judges | {'classifier/trees_ring_12': area(0.6, 0.52), 'meta': META})
  assert told == 'cells of the halo told by trees with an area of 0.73 (Geant4 from Geant4: 0.52)'
  (told,) = sentences({'classifier/trees_high': area(0.7), 'classifier/worst_trees': area(0.7)})
  assert told.startswith('observables told by trees')
  assert sentences({'classifier/low': area(0.52)}) == [
    'nothing found beyond the statistical errors'
  ]


def test_slopes_of_traversals_are_told():
  slope = {'value': 0.56, 'error': 0.02, 'reference': 0.98, 'reference_error': 0.01}
  (told,) = sentences({'traversals/theta': slope})
  assert told == "barycentre follows the particle's slope by only 0.56"
  assert 'nothing' in sentences({'traversals/theta': slope | {'value': 0.97}})[0]


def test_most_serious_first_and_not_without_end():
  wide = {'value': 1.2, 'error': 0.001, 'reference': 1.0}
  dark = {'value': 0.0, 'error': 0.001, 'reference': 1.0}
  told = sentences({'observables/width_longitudinal/mean': wide, 'observables/max_cell/mean': dark})
  assert told == ['hottest cell 1000 x too faint', 'showers 20 % too wide along the inclination']
  names = ('response', 'width_longitudinal', 'width_transverse', 'delta_x', 'delta_y', 'depth')
  all_wrong = {f'observables/{name}/{kind}': wide for name in names for kind in ('mean', 'std')}
  told = sentences(all_wrong)
  assert len(told) == MOST + 1 and re.fullmatch('and [1-9] more, less serious', told[-1])


def test_figures_that_are_not_there_tell_nothing():
  assert sentences({'prd_auc/min': area(0.3), 'meta': META}) == []
  missing = {'value': None, 'error': None, 'reference': 1.0}
  assert sentences({'observables/response/mean': missing, 'meta': META}) == []
  assert sentences({'observables/response/mean': {'value': np.nan, 'error': 1.0}}) == []


def test_words_are_printed_and_written(tmp_path, capsys):
  scores = dict(of('energy'))
  scores['meta'] = scores['meta'] | {'note': 'a < b'}
  present(str(tmp_path), scores, {}, ())
  (sentence,) = scores['words']
  assert f'\n- {sentence}\n' in capsys.readouterr().out
  assert f'"{sentence}"' in (tmp_path / 'summary.json').read_text()
  assert f'<li>{sentence}</li>' in (tmp_path / 'report.html').read_text()
  assert '<li>' not in page({key: v for key, v in scores.items() if key != 'words'}, {})

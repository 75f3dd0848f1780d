"""The whole evaluation: numbers, files and figures."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from calojax.evaluation.arrangement import Compared, arrange, independent_of, particles
from calojax.evaluation.comparable import check_comparable, paired
from calojax.evaluation.features import (
  default_variant,
  observe,
  prd_features,
)
from calojax.evaluation.figures import plots
from calojax.evaluation.figures.rendering import figure_to_array, rendered
from calojax.evaluation.metrics.moments import moment_metrics
from calojax.evaluation.report.folder import write_evaluation, write_images
from calojax.evaluation.report.verdict import verdict_table
from calojax.evaluation.samples import CELLS, gathered, most_cells, observed, read_sample, sample
from calojax.evaluation.sets import Sets
from calojax.evaluation.study import Settings, evaluate, prepare
from calojax.geometry import Geometry, Layer
from calojax.observables import evaluate_observables
from calojax.showers import Condition, Shower, take, thinned

LHCB = Geometry('lhcb', (Layer((30, 30), (20.2, 20.2), 150.0),), 0.17)
DEEP = Geometry('deep', (Layer((3, 8), (16.0, 6.0), 40.0), Layer((5, 5), (10.0, 10.0), 250.0)), 0.2)
COUNT = 300


def showers(geometry: Geometry, seed: int, width: float = 25.0, count: int = COUNT) -> Shower:
  """Gaussian blobs about the trajectory with fluctuating cells."""
  rng = np.random.default_rng(seed)
  energy, slopes = 1000 * 100 ** rng.random(count), rng.normal(0, 0.175, (count, 2))
  direction = np.concatenate([slopes, np.ones((count, 1))], axis=1)
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  condition = Condition(energy, rng.uniform(-10, 10, (count, 2)) - 150 * slopes, direction)
  positions = geometry.positions[None]
  away = positions[..., :2] - condition.position[:, None] - positions[..., 2:] * slopes[:, None]
  mean = np.exp(-(away**2).sum(-1) / (2 * width**2))
  return Shower(
    (mean * rng.gamma(2.0, 0.5, mean.shape) * energy[:, None] * 0.01).astype(np.float32), condition
  )


@pytest.fixture(scope='module')
def summary():
  calls = []
  sets = Compared(showers(LHCB, 0), showers(LHCB, 1, 35.0), showers(LHCB, 2))
  result = evaluate(sets, LHCB, Settings(20, 3), lambda *call: calls.append(call))
  return result, calls


def test_every_score_has_its_error_and_ceiling(summary):
  result, calls = summary
  for score in ('prd_auc', 'prd_f8', 'prd_f1_8'):
    for kind in ('raw', 'physics', 'physics_corrected'):
      figure = result[f'{score}/{kind}']
      assert set(figure) == {'value', 'error', 'ceiling', 'ceiling_error'}
      assert 0 <= figure['value'] <= 1 and 0.9 < figure['ceiling'] <= 1
  assert result['prd_auc/min']['value'] == min(
    result['prd_auc/raw']['value'], result['prd_auc/physics']['value']
  )
  assert result['meta']['count'] == result['meta']['ceiling_count'] == COUNT
  assert ('PRD raw', 1, 3) in calls and ('ceiling physics_corrected', 3, 3) in calls
  assert [call for call in calls if call[0] == 'PRD in bins'][-1] == ('PRD in bins', 7, 7)


def test_wrong_widths_are_seen(summary):
  figure = summary[0]['prd_auc/physics_corrected']
  assert figure['value'] < figure['ceiling'] - 5 * figure['error']
  width = summary[0]['observables/width_transverse/mean']
  assert width['value'] - width['reference'] > 20 * width['error']
  offset = summary[0]['observables/delta_x/mean']
  assert abs(offset['value'] - offset['reference']) < 5 * offset['error']
  assert 'observables/occupancy_19/std' in summary[0]


def test_evaluation_is_repeatable():
  sets = Compared(showers(DEEP, 0, count=60), showers(DEEP, 1, count=60))
  first, again = (evaluate(sets, DEEP, Settings(6, 2, 3)) for _ in range(2))
  assert first == again
  assert first['meta']['variant'] == 'lhcb_corrected' and 'prd_auc/physics_corrected' not in first


def test_without_independent_showers_the_reference_is_divided():
  sets = Compared(showers(DEEP, 0), showers(DEEP, 1))
  result = evaluate(sets, DEEP, Settings(10, 2, metrics=('prd',)))
  assert result['meta']['count'] == result['meta']['ceiling_count'] == COUNT // 2
  assert (
    '150 showers against 150; ceilings and floors, Geant4 against Geant4: '
    'two disjoint parts of the reference' in verdict_table(result)
  )


def test_arrangement():
  real, fake = (sample(showers(DEEP, seed, count=count), DEEP) for seed, count in ((0, 20), (1, 7)))
  sets, *_ = arrange(Compared(real, fake), DEEP, seed=1)
  assert [len(s.columns) for s in sets] == [7, 7, 7]
  energies = [set(s.condition.energy) for s in sets]
  assert energies[1] == set(fake.condition.energy) and not energies[0] & energies[2]
  assert energies[0] | energies[2] <= set(real.condition.energy)
  same = sample(showers(DEEP, 0, width=35.0, count=20), DEEP)
  assert paired(real, same) and not paired(real, fake)
  divided, _, own = arrange(Compared(real, same), DEEP)
  np.testing.assert_array_equal(
    divided.generated.condition.energy, divided.independent.condition.energy
  )
  assert not set(divided.generated.condition.energy) & set(divided.reference.condition.energy)
  np.testing.assert_array_equal(
    divided.generated.showers.condition.energy, divided.generated.condition.energy
  )
  assert own is not None
  np.testing.assert_array_equal(own.condition.energy, divided.reference.condition.energy)
  with pytest.raises(
    ValueError, match='6 reference and 7 generated showers, expected at least 8 and 4'
  ):
    arrange(Compared(showers(DEEP, 0, count=6), fake), DEEP)


def test_generated_showers_are_asked_for_the_particles_of_the_independent_ones():
  real, others = (
    Shower(np.ones((count, 4), np.float32), Condition.of(np.full(count, energy)))
    for count, energy in ((5, 1e3), (8, 2e3))
  )
  independent = independent_of(real, others)
  assert independent is not None and len(independent.energies) == 5
  assert independent_of(others, real) is None, 'there are not enough'
  assert particles(real, independent, stores=False) is independent.condition
  assert particles(real, independent, stores=True) is real.condition, 'it holds the others'
  assert particles(real, None, stores=False) is real.condition


def test_independent_showers_are_of_the_whole_file():
  """Not the first ones: a file may be sorted by energy, or joined of files of several laws."""
  energy = np.sort(np.geomspace(1e3, 1e5, 1000))
  others = Shower(np.ones((1000, 4), np.float32), Condition.of(energy))
  independent = independent_of(thinned(others, 100), others)
  assert independent is not None
  np.testing.assert_allclose(np.log(independent.condition.energy).mean(), np.log(1e4), rtol=0.01)


def test_no_particle_is_on_both_sides_unless_the_figure_says_so():
  """Whatever independent showers there are; the paired PRD alone compares like with like."""
  real, other = showers(DEEP, 0), showers(DEEP, 2)
  same = showers(DEEP, 0, width=26.0)
  sets, ceiling, _ = arrange(Compared(real, same, other), DEEP)
  assert 'the generated showers have its particles' in ceiling
  for part in (sets.generated, sets.independent):
    assert not set(part.condition.energy) & set(sets.reference.condition.energy)
  halved = evaluate(Compared(real, same, other), DEEP, Settings(20, 2, metrics=('prd',)))
  assert halved['meta']['count'] == COUNT // 2 and 'prd_auc_paired/raw' in halved
  # A generator asked for other particles, and besides for the reference's own.
  asked = Compared(real, showers(DEEP, 1), other, paired=real)
  found = evaluate(asked, DEEP, Settings(20, 2, metrics=('prd',)))
  assert found['meta']['count'] == COUNT
  # The reference's own showers are the end of what pairing can do, and beyond the ceiling.
  assert found['prd_auc_paired/raw']['value'] > 0.999 > found['prd_auc/raw']['value']
  for key in ('ceiling', 'ceiling_error'):
    assert found['prd_auc_paired/raw'][key] == found['prd_auc/raw'][key]
  assert not any(
    key.startswith('prd_auc_paired')
    for key in evaluate(
      Compared(real, showers(DEEP, 1), other), DEEP, Settings(20, 2, metrics=('prd',))
    )
  )


def test_showers_of_other_particles_are_not_compared():
  real, fake = showers(DEEP, 0), showers(DEEP, 1)
  compare = lambda other: check_comparable(sample(real, DEEP), sample(other, DEEP), DEEP)
  compare(fake)
  with pytest.raises(
    ValueError, match=r'incident energy \(GeV\) of the reference is 1\..* generated showers 10'
  ):
    compare(fake._replace(condition=fake.condition._replace(energy=10 * fake.condition.energy)))
  with pytest.raises(ValueError, match=r'impact point y \(mm\)'):
    compare(
      fake._replace(condition=fake.condition._replace(position=fake.condition.position + [0, 40]))
    )
  with pytest.raises(ValueError, match='951 times the energy of the reference'):
    compare(fake._replace(energies=1000 * fake.energies))


def test_thinning_does_not_depend_on_the_order():
  ordered = showers(DEEP, 0, count=90)
  energy = np.arange(90.0)
  some = thinned(ordered._replace(condition=ordered.condition._replace(energy=energy)), 30)
  assert len(some.energies) == 30 and abs(some.condition.energy.mean() - energy.mean()) < 2
  assert thinned(ordered, 90) is ordered


def test_a_large_file_is_streamed(tmp_path):
  from calojax.data import Writer

  written = showers(DEEP, 0, count=4200)
  with Writer(tmp_path / 'a.h5', DEEP, {'by': 'test'}) as file:
    file.append(written)
  read, geometry, origin = read_sample(tmp_path / 'a.h5', cells=DEEP.cells * 100)
  assert (
    geometry == DEEP
    and origin['showers'] == 4200
    and origin['provenance'] == {'by': 'test'}
    and len(origin['sha256']) == 64
  )
  assert len(read.columns) == 4200 and len(read.kept) == len(read.showers.energies) == 100
  np.testing.assert_array_equal(read.showers.energies, written.energies[read.kept])
  np.testing.assert_allclose(
    observed(read, ('energy',), DEEP)[:, 0], written.energies.sum(-1), rtol=1e-5
  )
  again = read_sample(tmp_path / 'a.h5', cells=DEEP.cells * 100)[0]
  np.testing.assert_array_equal(again.kept, read.kept)


def test_cells_of_few_showers_are_kept_and_observables_of_all():
  made = showers(DEEP, 0, count=50)
  few = sample(made, DEEP, cells=DEEP.cells * 20)
  assert len(few.columns) == 50 and few.kept.tolist() == [i * 5 // 2 for i in range(20)]
  np.testing.assert_array_equal(few.showers.energies, made.energies[few.kept])
  pieces = (take(made, slice(start, start + 7)) for start in range(0, 50, 7))
  same = gathered(pieces, 50, DEEP, DEEP.cells * 20)
  for a, b in zip((*same[:2], *same.showers, same.kept), (*few[:2], *few.showers, few.kept)):
    for left, right in zip(a, b):  # rows, or the fields of the particles
      np.testing.assert_array_equal(left, right)
  assert sample(made, DEEP).showers is made
  assert most_cells(4.0) == CELLS > most_cells(1.0) > DEEP.cells
  fake, other = (sample(showers(DEEP, i, count=50), DEEP, DEEP.cells * 20) for i in (1, 2))
  study = prepare(Compared(few, fake, other), DEEP, Settings(40, 2))
  assert study.settings.clusters == 5  # of 20 showers; of all of them 40 would do
  figures = evaluate(Compared(few, fake, other), DEEP, Settings(40, 2, metrics=('prd',)))
  assert figures['meta']['count'] == 50 and figures['meta']['cells_of'] == 20


def test_unequal_sets_are_refused():
  with pytest.raises(ValueError, match='300 reference, 300 generated, 10 independent showers'):
    evaluate(Compared(showers(DEEP, 0), showers(DEEP, 1), showers(DEEP, 1, count=10)), DEEP)
  with pytest.raises(ValueError, match="no metric 'fid'; .*known: prd"):
    evaluate(Compared(showers(DEEP, 0), showers(DEEP, 1)), DEEP, Settings(metrics=('fid',)))
  with pytest.raises(ValueError, match="'lhcb', expected 'lhcb_reference'"):
    prd_features(Sets(*(showers(DEEP, seed) for seed in range(3))), DEEP, 'lhcb')


def test_summary_round_trip(summary, tmp_path):
  path = write_evaluation(tmp_path / 'evaluation' / '10', summary[0])
  assert [file.name for file in path.parent.iterdir()] == ['summary.json']
  assert json.loads(path.read_text()) == summary[0]


def test_verdict_table(summary):
  lines = verdict_table(summary[0]).splitlines()
  figure = summary[0]['prd_auc/raw']
  expected = [
    f'{figure[key]:.{digits}g}'
    for key, digits in (('value', 4), ('error', 2), ('ceiling', 4), ('ceiling_error', 2))
  ]
  assert lines[1].startswith('classifier/worst trees')
  assert lines[2].split() == [
    'PRD-AUC',
    'raw',
    expected[0],
    '+-',
    expected[1],
    expected[2],
    '+-',
    expected[3],
  ]
  assert len({len(line) for line in lines[:5]}) == 1


def test_chunks_do_not_show():
  some = showers(LHCB, 0, count=50)
  names = ['energy', 'lhcb_corrected']
  np.testing.assert_allclose(
    observe(names, some, LHCB, chunk=7), evaluate_observables(names, some, LHCB)
  )


def test_default_variant():
  assert default_variant(LHCB) == 'lhcb_reference' and default_variant(DEEP) == 'lhcb_corrected'


def test_pulls_of_equal_distributions_are_of_order_one():
  names = ['energy', 'response', 'delta_x', 'width_transverse']
  real, fake = (observe(names, showers(LHCB, seed), LHCB) for seed in (5, 6))
  table = moment_metrics(names, real, fake)
  pulls = [(figure['value'] - figure['reference']) / figure['error'] for figure in table.values()]
  assert len(pulls) == 8 and 0.1 < np.sqrt(np.mean(np.square(pulls))) < 2.5


def test_plots_are_written(summary, tmp_path):
  flat = Geometry('flat', (Layer((5, 5), (10.0, 10.0), 150.0),), 0.2)
  real = showers(flat, 0, count=40)
  fake = real._replace(
    energies=real.energies * (np.arange(40) > 2)[:, None]
  )  # some empty showers among them
  images = rendered(plots.figures(real, fake, flat, {'curves': summary[0]['curves']}))
  paths = write_images(tmp_path, images)
  assert sorted(file.name for file in tmp_path.iterdir()) == sorted(path.name for path in paths)
  assert [path.read_bytes()[:4] for path in paths] == [b'\x89PNG'] * 5


def test_a_layer_is_drawn_a_panel():
  sample = showers(DEEP, 0, count=10)
  titles = [axis.get_title() for axis in plots.mean_image_figure(sample, sample, DEEP).axes]
  assert (
    sum('layer 0' in title for title in titles) == sum('layer 1' in title for title in titles) == 3
  )


def test_image_axes():
  """A shower in the corner of large x and small y is drawn right and low."""
  energies = np.zeros((1, 900), np.float32)
  energies[0, 29 * 30] = 10
  sample = showers(LHCB, 0, count=1)._replace(energies=energies)
  image = plots.mean_image_figure(sample, sample, LHCB).axes[0].images[0]
  drawn = image.get_array()
  assert drawn is not None and image.origin == 'lower' and drawn[0, 29] == 10


def test_figure_to_array():
  pixels = figure_to_array(plots.prd_figure({}))
  assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3


def test_evaluation_imports_neither_jax_nor_matplotlib_nor_scikit_learn():
  code = (
    'import sys, calojax.evaluation.comparison, calojax.evaluation.figures.plots;'
    'sys.exit(", ".join({"jax", "matplotlib", "sklearn", "scipy"} & set(sys.modules)))'
  )
  assert (
    subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stderr.strip()
    == ''
  )

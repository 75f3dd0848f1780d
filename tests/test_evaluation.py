"""The whole evaluation: numbers, files and figures."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from calojax.evaluation import plots
from calojax.evaluation.physics import compare_observables, default_variant, observe, prd_features
from calojax.evaluation.summary import evaluate, verdict_table, write_summary
from calojax.geometry import Geometry, Layer
from calojax.observables import evaluate_observables
from calojax.showers import Condition, Shower

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
  return Shower((mean * rng.gamma(2.0, 0.5, mean.shape) * energy[:, None] * 0.01).astype(np.float32), condition)


@pytest.fixture(scope='module')
def summary():
  calls = []
  sets = showers(LHCB, 0), showers(LHCB, 1, 35.0), LHCB, showers(LHCB, 2)
  result = evaluate(*sets, clusters=20, runs=3, progress=lambda *call: calls.append(call))
  return result, calls


def test_every_score_has_its_error_and_ceiling(summary):
  result, calls = summary
  for score in ('prd_auc', 'prd_f8', 'prd_f1_8'):
    for kind in ('raw', 'physics', 'physics_corrected'):
      figure = result[f'{score}/{kind}']
      assert set(figure) == {'value', 'error', 'ceiling', 'ceiling_error'}
      assert 0 <= figure['value'] <= 1 and 0.9 < figure['ceiling'] <= 1
  assert result['prd_auc/min']['value'] == min(result['prd_auc/raw']['value'], result['prd_auc/physics']['value'])
  assert result['meta']['count'] == result['meta']['ceiling_count'] == COUNT
  assert calls[0] == ('PRD raw', 1, 3) and calls[-1] == ('ceiling physics_corrected', 3, 3) and len(calls) == 18


def test_wrong_widths_are_seen(summary):
  figure = summary[0]['prd_auc/physics_corrected']
  assert figure['value'] < figure['ceiling'] - 5 * figure['error']
  width = summary[0]['observables/width_transverse/mean']
  assert width['value'] - width['reference'] > 20 * width['error']
  offset = summary[0]['observables/delta_x/mean']
  assert abs(offset['value'] - offset['reference']) < 5 * offset['error']
  assert 'observables/occupancy_19/std' in summary[0]


def test_evaluation_is_repeatable():
  arguments = showers(DEEP, 0, count=60), showers(DEEP, 1, count=60), DEEP
  first, again = (evaluate(*arguments, clusters=6, runs=2, seed=3) for _ in range(2))
  assert first == again
  assert first['meta']['variant'] == 'lhcb_corrected' and 'prd_auc/physics_corrected' not in first


def test_without_independent_showers_the_ceiling_is_of_halves():
  result = evaluate(showers(DEEP, 0), showers(DEEP, 1), DEEP, clusters=10, runs=2)
  assert result['meta']['ceiling_count'] == COUNT // 2
  assert 'two halves of the reference, at half its size (150 against 150)' in verdict_table(result)


def test_unequal_sets_are_refused():
  with pytest.raises(ValueError, match='300 reference and 10 generated'):
    evaluate(showers(DEEP, 0), showers(DEEP, 1, count=10), DEEP)
  with pytest.raises(ValueError, match='300 reference and 10 independent'):
    evaluate(showers(DEEP, 0), showers(DEEP, 1), DEEP, showers(DEEP, 1, count=10))
  with pytest.raises(ValueError, match="'lhcb', expected 'lhcb_reference'"):
    prd_features([showers(DEEP, 0)], DEEP, 'lhcb')


def test_summary_round_trip(summary, tmp_path):
  path = write_summary(summary[0], tmp_path / 'evaluation' / '10')
  assert [file.name for file in path.parent.iterdir()] == ['summary.json']
  assert json.loads(path.read_text()) == summary[0]


def test_verdict_table(summary):
  lines = verdict_table(summary[0]).splitlines()
  figure = summary[0]['prd_auc/raw']
  assert lines[1].split() == ['raw', f'{figure["value"]:.4f}', '+-', f'{figure["error"]:.4f}',
                              f'{figure["ceiling"]:.4f}', '+-', f'{figure["ceiling_error"]:.4f}']
  assert len({len(line) for line in lines[:5]}) == 1


def test_chunks_do_not_show():
  sample = showers(LHCB, 0, count=50)
  names = ['energy', 'lhcb_corrected']
  np.testing.assert_allclose(observe(names, sample, LHCB, chunk=7), evaluate_observables(names, sample, LHCB))


def test_default_variant():
  assert default_variant(LHCB) == 'lhcb_reference' and default_variant(DEEP) == 'lhcb_corrected'


def test_pulls_of_equal_distributions_are_of_order_one():
  names = ['energy', 'response', 'delta_x', 'width_transverse']
  table = compare_observables(showers(LHCB, 5), showers(LHCB, 6), LHCB, names)
  pulls = [(figure['value'] - figure['reference']) / figure['error'] for figure in table.values()]
  assert len(pulls) == 8 and 0.1 < np.sqrt(np.mean(np.square(pulls))) < 2.5


def test_plots_are_written(summary, tmp_path):
  flat = Geometry('flat', (Layer((5, 5), (10.0, 10.0), 150.0),), 0.2)
  sample = showers(flat, 0, count=40)
  fake = sample._replace(energies=sample.energies * (np.arange(40) > 2)[:, None])  # some empty showers among them
  paths = plots.write_plots(tmp_path, sample, fake, flat, summary[0]['curves'])
  assert sorted(file.name for file in tmp_path.iterdir()) == sorted(path.name for path in paths)
  assert [path.read_bytes()[:4] for path in paths] == [b'\x89PNG'] * 4


def test_a_layer_is_drawn_a_panel():
  sample = showers(DEEP, 0, count=10)
  titles = [axis.get_title() for axis in plots.mean_image_figure(sample, sample, DEEP).axes]
  assert sum('layer 0' in title for title in titles) == sum('layer 1' in title for title in titles) == 3


def test_image_axes():
  """A shower in the corner of large x and small y is drawn right and low."""
  energies = np.zeros((1, 900), np.float32)
  energies[0, 29 * 30] = 10
  sample = showers(LHCB, 0, count=1)._replace(energies=energies)
  image = plots.mean_image_figure(sample, sample, LHCB).axes[0].images[0]
  assert image.origin == 'lower' and image.get_array()[0, 29] == 10


def test_figure_to_array():
  pixels = plots.figure_to_array(plots.prd_figure({}))
  assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3


def test_evaluation_imports_neither_jax_nor_matplotlib_nor_scikit_learn():
  code = ('import sys, calojax.evaluation.summary, calojax.evaluation.plots;'
          'sys.exit(", ".join({"jax", "matplotlib", "sklearn", "scipy"} & set(sys.modules)))')
  assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stderr.strip() == ''

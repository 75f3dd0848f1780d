"""What figures show: pairs or independent showers, scales by the data, words at the panels, and
the files.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from calojax.evaluation.figures import distributions, labels, layered, plots, scale
from calojax.evaluation.figures.rendering import rendered
from calojax.evaluation.metrics.distances import distance_metrics
from calojax.evaluation.sets import Sets
from calojax.geometry import Geometry, Layer
from calojax.showers import Condition, Shower, take

FLAT = Geometry('flat', (Layer((6, 6), (20.0, 20.0), 150.0),), 0.2)


def showers(seed: int, count: int = 60, energy: float | None = None) -> Shower:
  """Round blobs in the middle with 1 to 100 GeV, or all of one energy."""
  rng = np.random.default_rng(seed)
  energies = 1000 * 100 ** rng.random(count) if energy is None else np.full(count, energy)
  away = np.square(FLAT.positions[:, :2]).sum(-1)
  cells = 0.02 * energies[:, None] * np.exp(-away / 1800) * rng.gamma(2.0, 0.5, (count, 36))
  condition = Condition(energies, rng.uniform(-5, 5, (count, 2)), np.tile([0, 0, 1.0], (count, 1)))
  return Shower(cells.astype(np.float32), condition)


def titles(figure) -> list[str]:
  return [axis.get_title() for axis in figure.axes if axis.get_title()]


def test_showers_of_the_same_particles_are_pairs():
  real = showers(0)
  figure = plots.sample_figure(real, real._replace(energies=real.energies * 2), FLAT)
  assert figure.get_suptitle() == 'Pairs of the same particle'
  assert sum('GeV' in title for title in titles(figure)) == 5  # said once for both
  images = [axis.images[0].get_array() for axis in figure.axes if axis.images]
  shown = [np.ma.filled(image, 0) for image in images if image is not None]
  np.testing.assert_allclose(shown[5], 2 * shown[0], rtol=1e-5)


def test_showers_of_other_particles_are_no_pairs():
  real, fake = showers(0), showers(1)
  figure = plots.sample_figure(real, fake, FLAT)
  assert 'not of the same particles' in figure.get_suptitle()
  said = [title for title in titles(figure) if 'GeV' in title]
  assert len(said) == 10  # each has its own particle
  energies = np.array([float(re.findall(r'[\d.]+(?= GeV)', title)[0]) for title in said])
  np.testing.assert_allclose(energies[5:], energies[:5], rtol=0.2)
  assert len(set(energies[:5])) == 5


def test_nearest_energies_by_hand_and_none_twice():
  wanted, offered = np.array([10.0, 20, 20]), np.array([5.0, 19, 11, 22])
  assert list(plots.like_energies(wanted, offered)) == [2, 1, 3]
  assert len(set(plots.like_energies(np.full(3, 7.0), np.full(5, 7.0)))) == 3


def test_one_rule_for_scales():
  rng = np.random.default_rng(0)
  gauss, decades = rng.normal(10, 1, 20_000), 10 ** rng.uniform(0, 2, 20_000)
  assert not scale.bins(gauss)[1] and scale.bins(decades)[1]
  assert not scale.bins(np.append(decades, np.zeros(500)))[1]  # 0 has no place
  heights = lambda values: np.histogram(values, scale.bins(values)[0])[0] / len(values)
  assert not scale.high(heights(gauss)) and scale.high(heights(rng.exponential(1, 20_000)))
  assert not scale.high(np.zeros(0))
  assert len(scale.bins(np.full(9, 3.0))[0]) == 41  # a constant


def test_panels_have_units_scales_and_the_separation_with_its_floor():
  real, fake, third = (showers(seed, 400) for seed in range(3))
  observed = [s.energies.sum(1, dtype=float)[:, None] for s in (real, fake, third)]
  scores = distance_metrics(['energy'], Sets(*observed), 20)
  figure = distributions.observables_figure(
    real, fake, FLAT, scores, ('energy', 'width_transverse')
  )
  energy, ratio, width, below = figure.axes
  found = scores['separation/energy']
  assert f'separation {found["value"]:.2f}'[:14] in energy.get_title('left')
  assert '(Geant4: ' in energy.get_title('left')
  # Without an evaluation it is of the showers themselves: the same value.
  assert labels.separation_of(*observed[0].T, *observed[1].T) == pytest.approx(found['value'])
  assert re.fullmatch(r'separation [\d.]+', width.get_title('left'))
  assert energy.get_xscale() == 'log' and width.get_xscale() == 'linear'
  assert ratio.get_xlabel() == '$E$ [MeV]' and below.get_xlabel().endswith('[mm]')
  assert energy.get_ylabel() == 'fraction of showers'


def test_a_spectrum_of_one_energy_is_drawn():
  real, fake = showers(0, energy=2e4), showers(1, energy=2e4)
  figure = layered.response_figure(real, fake)
  assert figure.axes[0].get_xscale() == 'linear' and '[GeV]' in figure.axes[1].get_xlabel()
  assert 'worst bin' in figure.axes[0].get_title('left')
  assert all(rendered(plots.figures(real, fake, FLAT, {})).values())


def test_vectors_are_whole_and_repeatable_and_need_nothing_else():
  real = take(showers(0), slice(40))
  draw = lambda: {
    'observables': distributions.observables_figure(real, real, FLAT, {}, ('energy',))
  }
  for kind, start in (('pdf', b'%PDF-'), ('svg', b'<?xml')):
    first, again = (rendered(draw(), kind)['observables'] for _ in range(2))
    assert first.startswith(start) and first == again
  text = first.decode()
  links = re.findall(r'(?:href|src)="([^"#][^"]*)"', text)
  assert '<path' in text and all(link.startswith('data:') for link in links)

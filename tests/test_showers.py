"""Particles and showers as arrays: made, checked, cut and put together."""

from __future__ import annotations

import numpy as np
import pytest

from calojax import spectrum
from calojax.geometry import Geometry, Layer
from calojax.registry import find
from calojax.showers import Condition, Shower, at, check, concatenate, joined, pieces, take, thinned

LINE = Geometry('line', (Layer((3, 1), (5.0, 5.0), 10.0),))


def numbered(count: int) -> Shower:
  energies = np.arange(3.0 * count).reshape(count, 3)
  return Shower(energies, Condition.of(np.arange(count) + 1.0, np.ones((count, 2))))


def test_one_position_and_direction_stand_for_all_particles():
  found = Condition.of([1e3, 2e3], (1.0, -2.0))
  np.testing.assert_array_equal(found.energy, [1e3, 2e3])
  np.testing.assert_array_equal(found.position, [[1, -2], [1, -2]])
  np.testing.assert_array_equal(found.direction, [[0, 0, 1], [0, 0, 1]])
  assert {field.dtype for field in found} == {np.dtype('float32')}
  found.position[0] = 0  # the particles are apart in memory
  assert found.position[1, 0] == 1


def test_one_energy_stands_for_all_positions():
  found = Condition.of(5e3, np.zeros((4, 2)))
  assert found.energy.tolist() == [5e3] * 4 and found.direction.shape == (4, 3)
  alone = Condition.of(5e3)
  assert [field.shape for field in alone] == [(1,), (1, 2), (1, 3)]


@pytest.mark.parametrize(
  'given, message',
  [
    (([1.0, 0.0],), r'incident energy \(MeV\) is 0 in shower 1 '),
    (([1.0, -3.0],), 'energy .* is -3 in shower 1'),
    (([1.0, np.inf],), 'energy is inf in shower 1'),
    (([1.0, 1e300],), 'energy is inf in shower 1'),
    ((1.0, (0.0, np.nan)), 'position is nan in shower 0'),
    ((1.0, (0, 0), (0, 0, 2)), 'length of the direction is 2 in shower 0 .*expected 1'),
    ((1.0, (0, 0), (0, 0, -1)), 'z of the direction is -1'),
    ((1.0, (0, 0), (1, 0, 0)), 'z of the direction is 0'),
    (([1.0, 2.0], np.zeros((3, 2))), '2 values of energy for 3 particles'),
    (([[1.0]],), r'energy of shape \(1, 1\), expected a number or \[b\]'),
    ((1.0, (0, 0, 0)), r'position of shape \(3,\), expected \(2,\) or \[b, 2\]'),
    ((1.0, 0.0), r'position of shape \(\), expected'),
  ],
)
def test_what_is_no_particle_is_refused(given, message):
  with pytest.raises(ValueError, match=message):
    Condition.of(*given)


def test_pieces_put_together_are_the_showers():
  showers = numbered(10)
  parts = list(pieces(showers, 4))
  assert [len(part.energies) for part in parts] == [4, 4, 2]
  for whole in (concatenate(parts), Shower(showers.energies, joined(p.condition for p in parts))):
    np.testing.assert_array_equal(whole.energies, showers.energies)
    for a, b in zip(whole.condition, showers.condition):
      np.testing.assert_array_equal(a, b)


def test_rows_keep_their_particles():
  showers = numbered(6)
  assert take(showers, np.array([[4, 0], [1, 5]])).condition.energy.tolist() == [[5, 1], [2, 6]]
  assert at(showers.condition, showers.condition.energy > 4).energy.tolist() == [5, 6]
  assert thinned(showers, 3).condition.energy.tolist() == [1, 3, 5]  # from the whole set
  assert thinned(showers, 7) is showers


def test_check_names_the_first_value_that_is_wrong():
  assert check(numbered(3), LINE, 'a') is not None
  for change, message in (
    (lambda s: s.energies.__setitem__((2, 1), -1), 'a: cell energy .* is -1 in shower 2'),
    (lambda s: s.energies.__setitem__((1, 1), np.nan), 'a: energies is nan in shower 1'),
    (lambda s: s.condition.direction.__setitem__((1, 2), 0.5), 'a: length of .* is 0.5'),
  ):
    showers = numbered(3)
    change(showers)
    with pytest.raises(ValueError, match=message):
      check(showers, LINE, 'a')
  with pytest.raises(ValueError, match=r'a: energies of shape \(3, 2\), expected \(3, 3\)'):
    check(numbered(3)._replace(energies=np.ones((3, 2))), LINE, 'a')


def test_a_kept_spectrum_is_drawn_from(tmp_path):
  particles = numbered(100).condition
  spectrum.save(tmp_path / 'a.npz', particles, 10)
  kept = spectrum.load(tmp_path / 'a.npz')
  assert kept.energy.tolist() == list(range(1, 101, 10))
  drawn = spectrum.draw(kept, 500, seed=1)
  assert set(drawn.energy.tolist()) == set(kept.energy.tolist())
  np.testing.assert_array_equal(drawn.energy, spectrum.draw(kept, 500, seed=1).energy)
  assert (drawn.energy != spectrum.draw(kept, 500, seed=2).energy).any()
  with pytest.raises(ValueError, match='count is 0'):
    spectrum.draw(kept, 0, seed=1)
  (tmp_path / 'a.npz').write_bytes(b'PK')
  with pytest.raises(ValueError, match='a.npz does not hold particles'):
    spectrum.load(tmp_path / 'a.npz')


def test_a_name_that_is_not_there_is_answered_with_the_nearest():
  assert find({'one': 1, 'two': 2}, 'two', 'number') == 2
  with pytest.raises(ValueError, match="no number 'twoo'; did you mean 'two'. known: one, two"):
    find({'one': 1, 'two': 2}, 'twoo', 'number')
  with pytest.raises(ValueError, match="no number 'xyz'; known: none"):
    find({}, 'xyz', 'number')

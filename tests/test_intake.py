"""Files as people have them: units, axes, pitch and signs that are not the layout's are found by
physics, what is right passes, and further layouts are read with right values.
"""

from __future__ import annotations

import time
from typing import Any

import h5py
import numpy as np
import pytest

import tiny
from calojax import data
from calojax.data import calogan, lhcb, plausible, threedgan
from calojax.data.batches import Streamed
from calojax.data.conventions import Conventions, parsed, turned
from calojax.data.measured import Roles
from calojax.detectors import CALOCHALLENGE_2, CALOGAN, CLIC, LHCB_ECAL
from calojax.evaluation.comparison import Said, read_files
from calojax.evaluation.samples import read_sample
from calojax.geometry import Geometry, Layer
from calojax.showers import Condition, Shower, take
from calojax.training.parts import load_parts
from calojax.units import AXES
from conftest import ROOT, save
from conftest import stored as in_file

COUNT = 300


@pytest.fixture(scope='module')
def arrays(embedded) -> dict[str, np.ndarray]:
  """The arrays of an LHCb file of Geant4 showers."""
  return lhcb.encode(take(embedded.showers, slice(COUNT)), LHCB_ECAL)


def changed(arrays: dict[str, np.ndarray], key: str, change) -> dict[str, np.ndarray]:
  return {**arrays, key: change(arrays[key])}


# Units.


WRONG_UNITS = {
  'momenta in MeV': ('ParticleMomentum', 1000, 'ParticleMomentum:MeV', 'divide by 1000'),
  'energies in GeV': ('EnergyDeposit', 1e-3, 'EnergyDeposit:GeV', 'multiply by 1000'),
  'energies in keV': ('EnergyDeposit', 1000, 'EnergyDeposit:keV', 'divide by 1000'),
  'momenta in TeV': ('ParticleMomentum', 1e-3, 'ParticleMomentum:TeV', 'multiply by 1000'),
  'points in mm': ('ParticlePoint', 10, 'ParticlePoint:mm', 'divide by 10'),
  'points in m': ('ParticlePoint', 0.01, 'ParticlePoint:m', 'multiply by 100'),
}


@pytest.mark.parametrize('suffix', ['.npz', '.h5'])
@pytest.mark.parametrize('case', WRONG_UNITS)
def test_wrong_units_are_refused_with_the_way_out_which_works(tmp_path, arrays, case, suffix):
  key, factor, units, advice = WRONG_UNITS[case]
  path = save(tmp_path / f'a{suffix}', changed(arrays, key, lambda x: x * factor))
  with pytest.raises(ValueError) as refused:
    data.load(path)
  message = str(refused.value)
  assert message.startswith(f'{path}: ') and '\n' not in message
  assert f'--config.data.units={units}' in message and advice in message
  mended = data.load(path, conventions=Conventions(units=units))
  right = data.load(save(tmp_path / f'b{suffix}', arrays))
  np.testing.assert_allclose(mended.showers.energies, right.showers.energies, rtol=1e-5)
  for a, b in zip(mended.showers.condition, right.showers.condition):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
  assert mended.provenance['conventions'] == {'units': units}


def test_energies_of_other_showers_are_refused(tmp_path, arrays):
  """The spread of E_vis / E_p: 60 showers of E_p from 1 to 100 GeV, in another order."""
  order = np.argsort(np.linalg.norm(arrays['ParticleMomentum'], axis=1))
  mixed = {
    'EnergyDeposit': arrays['EnergyDeposit'][order],
    'ParticleMomentum': arrays['ParticleMomentum'][order[::-1]],
    'ParticlePoint': arrays['ParticlePoint'][order[::-1]],
  }
  with pytest.raises(ValueError, match='runs from .* mixed units, or of other showers'):
    data.load(save(tmp_path / 'a.npz', mixed))


def test_units_that_the_file_tells_are_used(tmp_path, arrays):
  right = data.load(save(tmp_path / 'a.npz', arrays)).showers.condition
  mev = changed(arrays, 'ParticleMomentum', lambda x: x * 1000)
  for text in ('ParticleMomentum MeV', '{"ParticleMomentum": "MeV", "ParticlePoint": "cm"}'):
    found = data.load(save(tmp_path / 'b.h5', mev, units=text)).showers.condition
    np.testing.assert_allclose(found.energy, right.energy, rtol=1e-5)
  found = data.load(save(tmp_path / 'c.npz', {**mev, 'units': np.array(text)})).showers.condition
  np.testing.assert_allclose(found.energy, right.energy, rtol=1e-5)


def test_an_exotic_detector_passes_if_its_owner_says_so(tmp_path):
  """A gas calorimeter sees a ten-thousandth."""
  rng = np.random.default_rng(0)
  gas = Geometry('gas', (Layer((4, 4), (10.0, 10.0), 50.0),))
  energies = (1e-4 * 1e4 / 16 * rng.uniform(0.5, 1.5, (50, 16))).astype(np.float32)
  with data.Writer(tmp_path / 'a.h5', gas, {'made by': 'us'}) as writer:
    writer.append(Shower(energies, Condition.of(np.full(50, 1e4))))
  with pytest.raises(ValueError, match='0.0001.*, expected 0.002 to 1.2.*data.units=as_written'):
    data.load(tmp_path / 'a.h5')
  found = data.load(tmp_path / 'a.h5', conventions=Conventions(units='as_written'))
  assert found.provenance == {'made by': 'us', 'conventions': {'units': 'as_written'}}
  with data.Writer(tmp_path / 'b.h5', gas, {'generator': 'a model'}) as writer:
    writer.append(Shower(energies, Condition.of(np.full(50, 1e4))))
  assert len(data.load(tmp_path / 'b.h5').showers.energies) == 50  # to be judged, not refused


def test_particles_that_miss_the_detector_are_refused(tmp_path):
  sample = data.load('calogan')
  far = sample.showers.condition.position + 600
  showers = take(
    sample.showers._replace(condition=sample.showers.condition._replace(position=far)), slice(99)
  )
  with data.Writer(tmp_path / 'a.h5', CALOGAN, {}) as writer:
    writer.append(showers)
  with pytest.raises(
    ValueError, match='100% of the particles miss the cells along x: they cross at (59|60).'
  ):
    data.load(tmp_path / 'a.h5')


def test_angles_in_degrees_are_refused_with_the_way_out(tmp_path):
  sample = take(data.load('calogan').showers, slice(80))
  stored = calogan.encode(sample, CALOGAN)
  x, y, z = np.asarray(stored.pop('ParticleMomentum'), np.float64).T
  stored |= {
    'theta': np.degrees(np.arctan2(np.hypot(x, y), z)),
    'phi': np.degrees(np.arctan2(y, x)),
  }
  path = save(tmp_path / 'a.h5', stored)
  with pytest.raises(ValueError, match='theta up to .* rad.*degrees.*data.units=theta:deg'):
    data.load(path)
  found = data.load(path, conventions=Conventions(units='theta:deg,phi:deg')).showers.condition
  np.testing.assert_allclose(found.direction, sample.condition.direction, atol=1e-5)


def test_rows_of_other_particles_and_empty_showers_are_refused(tmp_path, arrays):
  """Cells of one order and momenta of another: each value is one that a calorimeter gives."""
  energy = np.linalg.norm(arrays['ParticleMomentum'], axis=1)
  few = {key: array[(energy > 3) & (energy < 40)] for key, array in arrays.items()}
  order = np.random.default_rng(3).permutation(len(few['EnergyDeposit']))
  assert len(order) > 100
  path = save(tmp_path / 'a.npz', changed(few, 'EnergyDeposit', lambda x: x[order]))
  with pytest.raises(ValueError, match='rows of EnergyDeposit and ParticleMomentum of the same'):
    data.load(path)
  data.load(path, conventions=Conventions(units='as_written'))
  dark = (np.arange(COUNT) % 5 < 2)[:, None, None]
  for faulty, message in ((dark & False, '300 of 300 showers have no'), (dark, '180 of 300')):
    path = save(tmp_path / 'b.npz', changed(arrays, 'EnergyDeposit', lambda x: x * faulty))
    with pytest.raises(ValueError, match=message):
      data.load(path)


MOVED: dict[str, tuple[dict[str, Any], str]] = {  # what is wrong beside the usual units and axes
  'both energies': (
    {'EnergyDeposit': 1e-3, 'ParticleMomentum': 1e-3},
    'TeV and EnergyDeposit like',
  ),
  'an origin elsewhere': ({'EnergyDeposit': lambda x: np.roll(x, 5, 1)}, '101 mm beside'),
  'points of other showers': (
    {'ParticlePoint': lambda x: x[::-1]},
    'rows of EnergyDeposit and Par',
  ),
  'px of another sign': ({'ParticleMomentum': np.array([-1, 1, 1])}, 'x of it run the other way'),
  'px and py exchanged': ({'ParticleMomentum': lambda x: x[:, [1, 0, 2]]}, 'its x and y are exch'),
  'one shower': ({key: lambda x: x[:1].repeat(len(x), 0) for key in lhcb.UNITS}, 'only 1 of 800 '),
}


@pytest.mark.parametrize('case', MOVED)
def test_showers_of_other_particles_are_refused(tmp_path, embedded, case):
  stored: dict[str, Any] = {**lhcb.encode(take(embedded.showers, slice(800)), LHCB_ECAL)}
  changes, message = MOVED[case]
  for key, change in changes.items():
    stored[key] = change(stored[key]) if callable(change) else stored[key] * change
  path = save(tmp_path / 'a.npz', stored)
  with pytest.raises(ValueError, match=message) as refused:
    data.load(path)
  assert 'as_written if it is right' in str(refused.value)
  data.load(path, conventions=Conventions(units='as_written', axes='as_written'))


def test_a_unit_that_the_file_tells_wrong_is_guessed_from_what_it_tells(tmp_path, arrays):
  path = save(tmp_path / 'a.npz', {**arrays, 'units': np.array('ParticleMomentum MeV')})
  with pytest.raises(ValueError, match='pass --config.data.units=ParticleMomentum:GeV;'):
    data.load(path)


@pytest.mark.parametrize(
  'order, message',
  [
    ((0, 3, 1, 2), 'move along x and not in depth'),
    ((0, 1, 3, 2), 'move along y and not in depth'),
    (None, 'run back to front'),
  ],
)
def test_a_block_of_cells_in_another_order_is_refused(tmp_path, order, message):
  stored = threedgan.encode(data.load('clic').showers, CLIC)
  ecal = stored['ECAL']
  stored['ECAL'] = ecal.transpose(order) if order else ecal[..., ::-1]
  with pytest.raises(ValueError, match=message):
    data.load(save(tmp_path / 'a.h5', stored))


def test_columns_of_a_target_that_are_exchanged_are_refused(tmp_path):
  stored = threedgan.encode(take(data.load('clic').showers, slice(30)), CLIC)
  stored['target'] = stored['target'][:, ::-1]
  with pytest.raises(ValueError, match='second column of target is 11 throughout'):
    data.load(save(tmp_path / 'a.h5', stored))


def test_each_array_of_cells_is_looked_at(tmp_path):
  stored = calogan.encode(data.load('calogan').showers, CALOGAN)
  turned_one = {**stored, 'layer_1': stored['layer_1'].swapaxes(1, 2)}
  with pytest.raises(ValueError, match='layer_1: the showers lie .* x and y are exchanged'):
    data.load(save(tmp_path / 'a.h5', turned_one))
  with pytest.raises(ValueError, match='layer_0 has 0.0002. of the energy, expected more than'):
    data.load(save(tmp_path / 'b.h5', {**stored, 'layer_0': stored['layer_0'] / 1000}))


def deepening(count: int = 220) -> tuple[np.ndarray, np.ndarray]:
  """Round showers `[n, 45, 16, 9]` that lie the deeper the more energy they have, and E_p."""
  rng = np.random.default_rng(7)
  energy = 10 ** rng.uniform(3, 6, count)
  away = np.arange(45) - (4 + 1.8 * np.log(energy / 1e3) + rng.normal(0, 2, count))[:, None]
  rings = np.exp(-np.arange(9)) * (2 * np.arange(9) + 1)
  cells = np.exp(-0.5 * (away / 5) ** 2)[:, :, None, None] * rings
  cells = cells * rng.gamma(2, 0.5, (count, 45, 16, 9))
  return cells / cells.sum((1, 2, 3), keepdims=True) * 0.03 * energy[:, None, None, None], energy


@pytest.mark.parametrize(
  'change, message',
  [
    (lambda x: x, ''),
    (lambda x: x[:, ::-1], 'back to front'),
    (lambda x: x[..., ::-1], 'outermost ring holds'),
    (lambda x: x.transpose(0, 3, 2, 1), 'depth of showers does not follow'),
    (lambda x: x.transpose(0, 2, 1, 3), 'jump up and down by'),
  ],
)
def test_cylinders_are_read_from_front_and_axis(tmp_path, change, message):
  cells, energy = deepening()
  flat = change(cells).reshape(len(cells), -1)
  path = save(tmp_path / 'a.h5', {'showers': flat, 'incident_energies': energy})
  if message:
    with pytest.raises(ValueError, match=message):
      data.load(path)
  assert len(data.load(path, conventions=Conventions(axes='as_written')).showers.energies) == 220


def test_lemurs_back_to_front_are_refused(tmp_path):
  cells, energy = deepening(80)
  stored = {**lemurs_arrays(80), 'incident_energy': energy}
  whole = cells.transpose(0, 3, 2, 1)
  data.load(save(tmp_path / 'a.h5', {**stored, 'showers': whole}))
  with pytest.raises(ValueError, match='back to front'):
    data.load(save(tmp_path / 'b.h5', {**stored, 'showers': whole[..., ::-1]}))
  with pytest.raises(ValueError, match='outermost ring holds'):
    data.load(save(tmp_path / 'c.h5', {**stored, 'showers': whole[:, ::-1]}))
  flat = np.random.default_rng(0).normal(0, 0.5, 80)
  with pytest.raises(ValueError, match='incident_theta from .* is it a pseudorapidity'):
    data.load(save(tmp_path / 'd.h5', {**stored, 'showers': whole, 'incident_theta': flat}))


def challenge(count: int = 100) -> dict[str, np.ndarray]:
  """A file of data set 2 of the CaloChallenge: round showers that fall along the radius."""
  rng = np.random.default_rng(5)
  mean = np.exp(-np.hypot(*CALOCHALLENGE_2.positions[:, :2].T) / 8)
  energy = 10 ** rng.uniform(3, 6, (count, 1))
  showers = 0.9 * energy * mean / mean.sum() * rng.gamma(0.5, 2, (count, len(mean)))
  return {'incident_energies': energy, 'showers': showers}


def test_cells_in_rings_are_read_in_the_right_order_and_unit(tmp_path):
  arrays = challenge()
  data.load(save(tmp_path / 'a.h5', arrays))
  rings = arrays['showers'].reshape(-1, 45, 16, 9)
  swapped = rings.swapaxes(2, 3).reshape(-1, 6480)  # radius slower, angle faster
  path = save(tmp_path / 'b.h5', {**arrays, 'showers': swapped})
  with pytest.raises(ValueError, match='of 16 angles .* showers seem to be in another order'):
    data.load(path)
  data.load(path, conventions=Conventions(axes='as_written'))
  both = save(tmp_path / 'c.h5', {key: array / 1000 for key, array in arrays.items()})
  units = 'incident_energies:GeV,showers:GeV'
  with pytest.raises(ValueError, match=f'--config.data.units={units}; '):
    data.load(both)
  found = data.load(both, conventions=Conventions(units)).showers
  np.testing.assert_allclose(found.energies, arrays['showers'], rtol=1e-5)
  one = {**arrays, 'incident_energies': arrays['incident_energies'] / 1000}
  with pytest.raises(ValueError, match='incident_energies looks like GeV: multiply by 1000'):
    data.load(save(tmp_path / 'd.h5', one))
  below = {**arrays, 'showers': arrays['showers'] - 1e-4}
  with pytest.raises(ValueError, match=r'such values of 648000 in the file'):
    data.load(save(tmp_path / 'e.h5', below))


@pytest.mark.parametrize('order', [(0, 2, 1, 3), (0, 3, 2, 1), (0, 3, 1, 2)])
def test_cylinders_in_another_order_are_refused(tmp_path, order):
  cells = np.ones((2, 9, 16, 45), np.float32).transpose(order)
  angles = {'incident_theta': np.full(2, 1.5), 'incident_phi': np.zeros(2)}
  arrays = {'showers': cells, 'incident_energy': np.full(2, 1e5), **angles}
  with pytest.raises(ValueError, match=r'here \(2, 9, 16, 45\)'):
    data.load(save(tmp_path / 'a.h5', arrays))


@pytest.mark.parametrize(
  'content, message',
  [
    (b'', 'expected an intact HDF5 or npz file: it is empty'),
    (b'energy,x,y\n1,2,3\n', "it begins with b'energy'"),
    (None, 'is a folder or a device, expected a file'),
  ],
)
def test_what_is_no_file_of_arrays_is_told(tmp_path, content, message):
  path = tmp_path if content is None else tmp_path / 'a.h5'
  if content is not None:
    path.write_bytes(content)
  with pytest.raises(ValueError, match=message):
    data.load(path)


# Axes.


WRONG_AXES = {
  'yx': lambda image: image.swapaxes(1, 2),
  '-xy': lambda image: image[:, ::-1],
  'x-y': lambda image: image[:, :, ::-1],
  '-x-y': lambda image: image[:, ::-1, ::-1],
  'y-x': lambda image: image.swapaxes(1, 2)[:, :, ::-1],
  '-yx': lambda image: image.swapaxes(1, 2)[:, ::-1],
  '-y-x': lambda image: image.swapaxes(1, 2)[:, ::-1, ::-1],
}


@pytest.mark.parametrize('axes', WRONG_AXES)
def test_wrong_axes_are_refused_with_the_way_out_which_works(tmp_path, arrays, axes):
  path = save(tmp_path / 'a.npz', changed(arrays, 'EnergyDeposit', WRONG_AXES[axes]))
  with pytest.raises(ValueError, match=f'data.axes={axes}, or --config.data.axes=as_wr') as refused:
    data.load(path)
  assert '\n' not in str(refused.value)
  mended = data.load(path, conventions=Conventions(axes=axes))
  np.testing.assert_array_equal(mended.showers.energies, arrays['EnergyDeposit'].reshape(COUNT, -1))
  assert mended.geometry == LHCB_ECAL and mended.provenance['conventions'] == {'axes': axes}
  assert data.load(path, conventions=Conventions(axes='as_written')).geometry == LHCB_ECAL


@pytest.mark.parametrize('axes', WRONG_AXES)
def test_wrong_axes_of_three_layers_are_found(axes):
  """Also where one layer does not resolve an axis, and where the axes were said and are wrong."""
  showers, geometry, _ = data.load('calogan')
  names = Roles('layer_0', 'energy', 'position', {'position': 'mm'})
  turn, shape = turned(take(showers, slice(400)), geometry, 'xy', axes)
  with pytest.raises(ValueError, match='where the particles do not point'):
    plausible.check(turn, shape, 'a', Conventions(), names)
  plausible.check(turn, shape, 'a', Conventions(axes='as_written', units='as_written'), names)


def test_axes_turn_and_turn_back():
  showers, geometry, _ = data.load('calogan')
  few = take(showers, slice(3))
  inverse = {'y-x': '-yx', '-yx': 'y-x'}
  for axes in AXES:
    once, shape = turned(few, geometry, 'xy', axes)
    twice, again = turned(once, shape, 'xy', inverse.get(axes, axes))
    np.testing.assert_array_equal(twice.energies, few.energies)
    assert again == geometry


def test_a_wrong_pitch_is_refused(tmp_path, arrays):
  """Half the pitch: the showers lie twice as far from the axis as the particles point."""
  wide = data.load('calogan').showers
  half = Geometry(
    'half',
    tuple(
      Layer(x.shape, (5 * x.pitch[0], 5 * x.pitch[1]), x.depth) for x in CALOGAN.regular_layers()
    ),
  )
  with data.Writer(tmp_path / 'a.h5', half, {}) as writer:
    writer.append(take(wide, slice(200)))
  with pytest.raises(ValueError, match='the cells look like (5|4.9|5.1) mm and not 25 mm'):
    data.load(tmp_path / 'a.h5')


def test_showers_of_fine_cells_are_no_lhcb_ecal(tmp_path):
  """Gaussians of 14 mm in cells of 4.04 mm, in a file that does not tell its pitch."""
  rng = np.random.default_rng(0)
  fine = (np.arange(30) - 14.5) * 4.04
  energy = rng.uniform(5e3, 5e4, 60)
  profile = np.exp(-0.5 * (fine / 14) ** 2)
  image = np.outer(profile, profile) / profile.sum() ** 2 * 0.17
  stored = {
    'EnergyDeposit': image * energy[:, None, None] * rng.uniform(0.9, 1.1, (60, 30, 30)),
    'ParticlePoint': np.zeros((60, 3)),
    'ParticleMomentum': energy[:, None] / 1000 * np.array([0, 0, 1.0]),
  }
  with pytest.raises(ValueError, match=r"3\.\d cells wide .* 'pitch_mm' .* about (4|4\.\d),"):
    data.load(save(tmp_path / 'a.npz', stored))
  found = data.load(save(tmp_path / 'b.npz', {**stored, 'pitch_mm': np.array(4.04)}))
  assert found.geometry.regular_layers()[0].pitch == (4.04, 4.04)
  with pytest.raises(ValueError, match='pitch_mm is -4.0, expected lengths > 0'):
    data.load(save(tmp_path / 'c.npz', {**stored, 'pitch_mm': np.array(-4.0)}))


# What is right passes.


@pytest.mark.parametrize('name', ['lhcb_ecal', 'calogan', 'clic'])
def test_the_embedded_showers_are_plausible_in_every_part(name):
  showers, geometry, _ = data.load(name)
  names = Roles('energies', 'energy', 'position', {'energies': 'MeV', 'energy': 'MeV'})
  size = max(60, len(showers.energies) // 12)
  for start in range(0, len(showers.energies) - size, size):
    part = take(showers, slice(start, start + size))
    plausible.check(part, geometry, name, Conventions(), names, assumed_pitch=True)


def toy(count: int, pitch: float, reach: float, **gun: Any) -> tuple[Shower, Geometry]:
  """Showers of one width in cells of any pitch, of particles that fill a square of `reach`."""
  rng = np.random.default_rng(1)
  geometry = Geometry('toy', (Layer((12, 12), (pitch, pitch), gun.get('depth', 80.0)),), 0.1)
  position = rng.uniform(-reach, reach, (count, 2))
  slope = rng.normal(0, gun.get('slope', 0.0), (count, 2))
  direction = np.concatenate([slope, np.ones((count, 1))], axis=1)
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  crossing = position + slope * 80.0
  cells = geometry.positions[:, :2]
  apart = ((cells[None] - crossing[:, None]) ** 2).sum(-1)
  image = np.exp(-0.5 * apart / gun.get('width', 15.0) ** 2) + 1e-9
  energy = 10 ** rng.uniform(3, 5, count)
  energies = image / image.sum(1, keepdims=True) * 0.1 * energy[:, None]
  return Shower(energies.astype(np.float32), Condition.of(energy, position, direction)), geometry


@pytest.mark.parametrize(
  'pitch, reach, gun',
  [
    (20.0, 8.0, {}),  # the gun aims into one cell
    (100.0, 5.0, {}),  # in cells that do not see it
    (100.0, 300.0, {}),
    (5.0, 1.0, {}),
    (20.0, 50.0, {'slope': 0.3}),
    (20.0, 0.0, {'slope': 0.3}),  # all meet one point
    (20.0, 50.0, {'slope': 0.3, 'depth': 0.0}),  # the depth is not known
    (20.0, 50.0, {'slope': 0.1, 'depth': 300.0}),
    (20.0, 0.0, {}),  # one particle
    (20.0, 100.0, {'width': 100.0}),  # as wide as the detector
  ],
)
def test_other_guns_and_cells_raise_no_alarm(tmp_path, pitch, reach, gun):
  showers, geometry = toy(400, pitch, reach, **gun)
  with data.Writer(tmp_path / 'a.h5', geometry, {}) as writer:
    writer.append(showers)
  assert len(data.load(tmp_path / 'a.h5').showers.energies) == 400


def test_the_check_is_cheap(embedded):
  names = Roles('energies', 'energy', 'position', {'energies': 'MeV', 'energy': 'MeV'})
  start = time.process_time()
  plausible.check(embedded.showers, LHCB_ECAL, 'a', Conventions(), names)
  assert time.process_time() - start < 2  # of 20,000 showers; some 0.1 s


def test_a_streamed_file_is_asked_too(tmp_path, embedded, monkeypatch):
  wrong = take(embedded.showers, slice(600))
  wrong = wrong._replace(condition=wrong.condition._replace(energy=wrong.condition.energy * 1000))
  with data.Writer(tmp_path / 'a.h5', LHCB_ECAL, {}) as writer:
    writer.append(wrong)
  monkeypatch.setattr(plausible, 'SHOWERS', 100)  # read in blocks
  for ask in (data.examine, lambda path: next(data.pieces(path, 100))):
    with pytest.raises(ValueError, match='energy looks like keV: divide by 1000'):
      ask(tmp_path / 'a.h5')
  data.examine(tmp_path / 'a.h5', conventions=Conventions(units='as_written'))


@pytest.mark.parametrize('memory', [4.0, 0.0])
def test_a_training_uses_what_the_config_says_of_the_file(tmp_path, arrays, memory):
  """In memory and streamed: units and axes are asked, said, and kept in the provenance."""
  cells = arrays['EnergyDeposit'].swapaxes(1, 2).copy()
  cells[7, 0, 0] = -3.0
  wrong = {
    **changed(arrays, 'ParticleMomentum', lambda x: 1000 * x),
    'EnergyDeposit': cells,
  }
  path = str(save(tmp_path / 'a.h5', {**wrong, 'EnergyDeposit': np.maximum(cells, 0)}))
  config = tiny.config('published/cnn', data__source=path, data__memory_gib=memory)
  config.data.split = (0.4, 0.3, 0.3)
  if not memory:  # one level below `load_parts`, which needs more chunks than 300 showers make
    for part in ('examine', 'load'):
      with pytest.raises(ValueError, match='units=ParticleMomentum:MeV'):
        getattr(data, part)(path)
    conventions = Conventions('ParticleMomentum:MeV', 'yx')
    batch = Streamed(path, np.array([0, 1]), 100, 1, 0, None, conventions).batch(0)
    assert batch.condition.energy.max() < 2e5
    np.testing.assert_allclose(
      np.median(batch.energies.sum(-1) / batch.condition.energy), 0.17, rtol=0.1
    )
    return
  with pytest.raises(ValueError, match='--config.data.units=ParticleMomentum:MeV'):
    load_parts(config)
  config.data.units = 'ParticleMomentum:MeV'
  with pytest.raises(ValueError, match='--config.data.axes=yx'):
    load_parts(config)
  config.data.axes = 'yx'
  save(tmp_path / 'a.h5', wrong)
  with pytest.raises(ValueError, match=r'-3 in shower 7 \(1 such .* --config.data.negative=zero'):
    load_parts(config)
  config.data.negative = 'zero'
  parts = load_parts(config)
  said = {'units': 'ParticleMomentum:MeV', 'axes': 'yx', 'negative': 'zero'}
  assert parts.provenance['conventions'] == said
  assert parts.train.condition.energy.max() < 2e5


def test_generated_showers_are_compared_whatever_they_are(tmp_path, arrays):
  """A generator that makes a thousandth of the energy, of another program: no origin is told."""
  path = save(tmp_path / 'a.npz', changed(arrays, 'EnergyDeposit', lambda x: x / 1000))
  with pytest.raises(ValueError, match='EnergyDeposit looks like GeV'):
    data.load(path)
  sample, geometry, _ = read_sample(path, conventions=data.UNASKED)
  assert geometry == LHCB_ECAL and len(sample.columns) == COUNT
  assert len(read_sample('clic', conventions=data.UNASKED)[0].columns) == 900


def test_two_files_are_compared_as_a_user_says_that_they_are(tmp_path, arrays):
  """Real showers in other units, of other axes and with noise below zero; generated ones too."""
  cells = arrays['EnergyDeposit'].transpose(0, 2, 1).copy()
  cells[7, 0, 0] = -3
  wrong = {**arrays, 'ParticleMomentum': arrays['ParticleMomentum'] * 1000, 'EnergyDeposit': cells}
  real, made = save(tmp_path / 'a.h5', wrong), save(tmp_path / 'b.npz', wrong)
  words: dict[str, Any] = {}
  for key, value in (('negative', 'zero'), ('units', 'ParticleMomentum:MeV'), ('axes', 'yx')):
    with pytest.raises(ValueError, match=rf'--{key}={value}') as refused:
      read_files(str(real), [str(made)], said=Said(Conventions(**words)))
    assert 'data.' not in str(refused.value)
    words[key] = value
  with pytest.raises(ValueError, match='--generated_negative=zero'):
    read_files(str(real), [str(made)], said=Said(Conventions(**words)))
  said = Said(Conventions(**words), Conventions(**words, asked=False))
  found = read_files(str(real), [str(made)], str(real), said=said)
  plain = read_sample(save(tmp_path / 'c.npz', arrays))[0]
  for sample in (found.reference, found.generated[0]):
    np.testing.assert_allclose(sample.condition.energy, plain.condition.energy, rtol=1e-6)
    np.testing.assert_array_equal(sample.showers.energies[0], plain.showers.energies[0])
  assert found.training and found.training.condition.energy.max() < 2e5
  assert found.origins[0]['provenance']['conventions'] == words
  # A generator may make a hundredth of the energy, in units that are told.
  faint = save(tmp_path / 'd.npz', {**wrong, 'EnergyDeposit': np.maximum(cells, 0) / 90})
  with pytest.raises(ValueError, match='the median of visible over incident energy is'):
    read_files(str(faint), [str(faint)], said=said)
  read_files(str(real), [str(faint)], said=said)
  with pytest.raises(ValueError, match='units is .Momentum., expected KEY:UNIT'):
    read_files(str(real), [str(made)], said=Said(Conventions(units='Momentum')))


def test_showers_are_asked_of_particles_in_units_that_a_user_tells(tmp_path, arrays):
  momenta = arrays['ParticleMomentum']
  words = Conventions(units='ParticleMomentum:MeV')
  for name, content in (
    ('a.npz', {'ParticleMomentum': momenta * 1000, 'ParticlePoint': arrays['ParticlePoint']}),
    ('b.npz', {**arrays, 'ParticleMomentum': momenta * 1000}),
  ):
    found = data.conditions(save(tmp_path / name, content), conventions=words)
    np.testing.assert_allclose(found.energy, 1000 * np.linalg.norm(momenta, axis=1), rtol=1e-5)
  alone = save(tmp_path / 'c.h5', {'energy': np.array([5.0, 80.0])})
  with pytest.raises(ValueError, match='--config.data.units=energy:MeV'):
    data.conditions(alone)
  assert data.conditions(alone, conventions=Conventions('energy:GeV')).energy[1] == 80_000


# Words of a user.


@pytest.mark.parametrize(
  'conventions, message',
  [
    (Conventions(units='ParticleMomentum'), 'expected KEY:UNIT'),
    (Conventions(units='ParticleMomentum:MEV'), "no unit 'MEV'; did you mean 'MeV'"),
    (
      Conventions(units='ParticleMomentum:cm'),
      "unit 'cm' of 'ParticleMomentum', expected one like",
    ),
    (Conventions(units='Momentum:MeV'), "no array 'Momentum'; did you mean 'ParticleMomentum'"),
    (Conventions(axes='yz'), "no order of the axes, data.axes, 'yz'"),
    (Conventions(negative='abs'), "no way with negative cells, data.negative, 'abs'"),
  ],
)
def test_words_without_a_meaning_are_refused(tmp_path, arrays, conventions, message):
  with pytest.raises(ValueError, match=message):
    data.load(save(tmp_path / 'a.npz', arrays), conventions=conventions)


def test_an_embedded_set_needs_no_conventions():
  assert parsed('a:mm, b:GeV') == {'a': 'mm', 'b': 'GeV'} and parsed('as_written') == {}
  with pytest.raises(ValueError, match="'axes': 'yx'} for the embedded set 'clic'"):
    data.load('clic', conventions=Conventions(axes='yx'))


# Cells below zero.


def test_negative_cells_are_counted_over_the_whole_file_and_can_become_zero(tmp_path, embedded):
  showers = take(embedded.showers, slice(900))
  with data.Writer(tmp_path / 'a.h5', LHCB_ECAL, {}) as writer:
    writer.append(showers)
  with h5py.File(tmp_path / 'a.h5', 'a') as file:
    cells = file['energies']
    assert isinstance(cells, h5py.Dataset)
    for shower in (300, 301, 899):
      cells[shower, 7] = -2.5
  message = r'is -2.5 in shower 300 \(3 such values of 810000 in the file\).*data.negative=zero'
  for read in (data.load, lambda path: list(data.pieces(path, 310))):
    with pytest.raises(ValueError, match=message):
      read(tmp_path / 'a.h5')
  with pytest.raises(ValueError, match=message.replace('300', '301')):
    data.read(tmp_path / 'a.h5', 301, 400)
  zero = Conventions(negative='zero')
  found = data.load(tmp_path / 'a.h5', conventions=zero)
  expected = showers.energies.copy()
  expected[[300, 301, 899], 7] = 0
  np.testing.assert_array_equal(found.showers.energies, expected)
  assert found.provenance['conventions'] == {'negative': 'zero'}
  with pytest.raises(ValueError, match='energies is nan'):
    with h5py.File(tmp_path / 'a.h5', 'a') as file:
      file['energies'][5, 5] = np.nan  # pyright: ignore[reportIndexIssue]
    data.load(tmp_path / 'a.h5', conventions=zero)


# More layouts.


@pytest.mark.parametrize(
  'shape', [lambda x: x.reshape(COUNT, 900), lambda x: x[:, None], lambda x: x[..., None]]
)
def test_lhcb_matrices_of_every_shape(tmp_path, arrays, shape):
  stored = {
    **changed(arrays, 'EnergyDeposit', shape),
    'ParticlePoint': arrays['ParticlePoint'][:, :2],
  }
  found = data.load(save(tmp_path / 'a.npz', stored)).showers
  np.testing.assert_array_equal(found.energies, arrays['EnergyDeposit'].reshape(COUNT, 900))
  np.testing.assert_allclose(
    found.condition.position, 10 * arrays['ParticlePoint'][:, :2], rtol=1e-6
  )


@pytest.mark.parametrize('axis, way', [(-1, r'\[..., 0\]'), (1, r'\[:, 0\]')])
def test_two_channels_are_refused_by_name(tmp_path, arrays, axis, way):
  double = changed(arrays, 'EnergyDeposit', lambda x: np.stack([x, x], axis=axis))
  with pytest.raises(ValueError, match=f'EnergyDeposit of shape .* has 2 channels, .*{way}'):
    data.load(save(tmp_path / 'a.npz', double))


def conditional_calogan(sample: Shower) -> dict[str, np.ndarray]:
  """Showers as the variable-angle branch of CaloGAN's program writes them: vertex 48 mm before the
  front face, images [x, y] with 3 bins of x and 96 of y in the first layer.

  Its x is our y: the embedded calorimeter has the fine cells of the first layer along x.
  """
  stored = calogan.encode(sample, CALOGAN)
  energy, position, direction = (np.asarray(field, np.float64) for field in sample.condition)
  along = position - 48.0 * direction[:, :2] / direction[:, 2:]
  return {
    **{key: stored[key] for key in ('layer_0', 'layer_1', 'layer_2', 'energy', 'overflow')},
    'x0': along[:, 1:],
    'y0': along[:, :1],
    'z0': np.full((len(energy), 1), -288.0),
    't0': np.zeros((len(energy), 1)),
    **{
      key: (energy / 1000 * direction[:, axis])[:, None]
      for key, axis in (('px', 1), ('py', 0), ('pz', 2))
    },
  }


def test_conditional_calogan_files_have_a_vertex_and_a_momentum(tmp_path):
  sample = take(data.load('calogan').showers, slice(300))
  showers, geometry, _ = data.load(save(tmp_path / 'a.h5', conditional_calogan(sample)))
  energy, position, direction = showers.condition
  np.testing.assert_allclose(energy, sample.condition.energy, rtol=1e-6)
  np.testing.assert_allclose(direction, sample.condition.direction[:, [1, 0, 2]], atol=1e-6)
  np.testing.assert_allclose(position, sample.condition.position[:, ::-1], atol=1e-4)
  assert geometry == calogan.TURNED and geometry.grids == ((3, 96), (12, 12), (12, 6))
  # Each layer's barycentre follows the particle along the same axis.
  slope = direction[:, :2] / direction[:, 2:]
  for image, layer in zip(geometry.split(showers.energies), geometry.regular_layers()):
    flat = image.reshape(len(image), -1)
    lit = flat.sum(1) > 0
    flat, crossing = flat[lit], (position + slope * layer.depth)[lit]
    seen = flat @ layer.positions()[:, :2] / flat.sum(1, keepdims=True)
    own = [np.corrcoef(seen[:, i], crossing[:, i])[0, 1] for i in (0, 1)]
    other = [np.corrcoef(seen[:, i], crossing[:, 1 - i])[0, 1] for i in (0, 1)]
    assert min(own) > 0.6 and np.abs(other).max() < 0.2
  with pytest.raises(ValueError, match='x and y are exchanged .read as .yx.'):
    data.load(tmp_path / 'a.h5', conventions=Conventions(axes='yx'))


def test_a_vertex_inside_the_calorimeter_is_refused(tmp_path):
  stored = conditional_calogan(take(data.load('calogan').showers, slice(9)))
  with pytest.raises(ValueError, match='z0 up to -100 mm, expected at most -240'):
    data.load(save(tmp_path / 'a.h5', {**stored, 'z0': np.full((9, 1), -100.0)}))
  with pytest.raises(ValueError, match="'px' without 'pz', expected all or none"):
    data.load(save(tmp_path / 'b.h5', {k: v for k, v in stored.items() if k != 'pz'}))


def test_the_fixed_angle_target_of_the_3d_gan(tmp_path):
  ecal = np.zeros((3, 25, 25, 25))
  ecal[:, 14, 9, 3] = 1.0  # GeV
  target = np.tile([[11.0, 50.0, 0, 0, 50.0]], (3, 1, 1))
  showers, geometry, _ = data.load(save(tmp_path / 'a.h5', {'ECAL': ecal, 'target': target}))
  assert geometry == CLIC and showers.condition.energy.tolist() == [50_000.0] * 3
  assert np.flatnonzero(showers.energies[1]).tolist() == [3 * 625 + 14 * 25 + 9]


def test_the_3d_gan_with_angles(tmp_path):
  ecal = np.zeros((2, 51, 51, 25))
  ecal[:, 30, 20, 4] = 2.0  # GeV
  theta = np.array([np.pi / 2, 1.2])
  stored = {'ECAL': ecal, 'energy': np.array([100.0, 150.0]), 'theta': theta, 'eta': theta}
  showers, geometry, _ = data.load(save(tmp_path / 'a.h5', stored))
  assert geometry.grids == ((51, 51),) * 25 and geometry.layers[3].pitch == (5.1, 5.1)
  assert np.flatnonzero(showers.energies[0]).tolist() == [4 * 2601 + 30 * 51 + 20]
  assert showers.energies.max() == 2000 and showers.condition.energy.tolist() == [1e5, 1.5e5]
  expected = [[0, 0, 1], [0, np.cos(1.2), np.sin(1.2)]]
  np.testing.assert_allclose(showers.condition.direction, expected, atol=1e-6)


def lemurs_arrays(count: int = 4) -> dict[str, np.ndarray]:
  rng = np.random.default_rng(0)
  return {
    'showers': rng.random((count, 9, 16, 45)).astype(np.float32),
    'incident_energy': np.full(count, 1e5, np.float32),
    'incident_theta': np.linspace(0.9, 2.2, count),
    'incident_phi': np.linspace(-3, 3, count),
  }


def test_lemurs(tmp_path):
  stored = lemurs_arrays()
  showers, geometry, _ = data.load(save(tmp_path / 'a.h5', stored))
  assert geometry.grids == ((16, 9),) * 45 and geometry.cells == 6480
  layers = geometry.polar_layers()
  assert layers[0].edges[:3] == (0.0, 2.325, 4.65) and layers[2].depth == 8.5
  for radius, angle, depth in ((0, 0, 0), (8, 3, 44), (2, 15, 7)):
    np.testing.assert_array_equal(
      geometry.split(showers.energies)[depth][:, angle, radius],
      stored['showers'][:, radius, angle, depth],
    )
  assert showers.condition.energy.tolist() == [1e5] * 4
  theta = stored['incident_theta']  # from the beam: 90 degrees is straight into the barrel
  expected = np.stack([np.cos(theta), 0 * theta, np.sin(theta)], axis=1)
  np.testing.assert_allclose(showers.condition.direction, expected, atol=1e-6)
  with data.Writer(tmp_path / 'b.h5', geometry, {}, 'lemurs') as writer:
    writer.append(showers)
  again = data.load(tmp_path / 'b.h5')
  np.testing.assert_array_equal(again.showers.energies, showers.energies)
  np.testing.assert_allclose(again.showers.condition.direction, expected, atol=1e-6)
  assert again.geometry == geometry
  degrees = {**stored, 'incident_theta': np.degrees(theta)}
  with pytest.raises(ValueError, match='incident_theta up to 126.1 rad'):
    data.load(save(tmp_path / 'c.h5', degrees))


def test_root_files(tmp_path, arrays):
  uproot = pytest.importorskip('uproot', reason='the extra root')
  with uproot.recreate(tmp_path / 'a.root') as file:
    file['events'] = dict(arrays)
  found = data.load(tmp_path / 'a.root').showers
  np.testing.assert_array_equal(found.energies, arrays['EnergyDeposit'].reshape(COUNT, 900))
  np.testing.assert_array_equal(
    data.read(tmp_path / 'a.root', 5, 9).showers.energies, found.energies[5:9]
  )


def test_root_files_without_uproot_are_refused_with_the_way_out(tmp_path, monkeypatch):
  monkeypatch.setitem(__import__('sys').modules, 'uproot', None)
  (tmp_path / 'a.root').write_bytes(b'root' + bytes(200))
  with pytest.raises(ValueError, match='a.root: .*pip install "calojax\\[uproot\\]"'):
    data.load(tmp_path / 'a.root')


def test_a_filter_that_is_missing_is_named(tmp_path, arrays):
  """A number that no plug-in has: as blosc without its plug-in."""
  with h5py.File(tmp_path / 'a.h5', 'w') as file:
    for key, array in arrays.items():
      if key != 'EnergyDeposit':
        file[key] = array
    space = h5py.h5s.create_simple((COUNT, 30, 30))
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((COUNT, 30, 30))
    settings.set_filter(299, h5py.h5z.FLAG_OPTIONAL)
    made = h5py.h5d.create(file.id, b'EnergyDeposit', h5py.h5t.NATIVE_FLOAT, space, settings)
    made.write_direct_chunk((0, 0, 0), bytes(64), 0)
  with pytest.raises(ValueError, match='EnergyDeposit.*pip install "calojax.hdf5plugin.'):
    data.load(tmp_path / 'a.h5')


# Damaged files.


def test_rows_that_nobody_wrote_are_refused_at_once(tmp_path):
  start = time.process_time()
  for name, options in {'chunked': {'chunks': (256, 6480)}, 'contiguous': {}}.items():
    with h5py.File(tmp_path / f'{name}.h5', 'w') as file:
      rows = 10**8 if name == 'chunked' else 10**6
      file.create_dataset('showers', (rows, 6480), 'f4', fillvalue=1.0, **options)
      file.create_dataset('incident_energies', (rows, 1), 'f4', fillvalue=1e4)
    assert (tmp_path / f'{name}.h5').stat().st_size < 100_000
    for read in (data.load, data.examine, lambda path: list(data.pieces(path)), data.conditions):
      with pytest.raises(ValueError, match=f"{name}.h5: '.*' cannot be read: .* were written"):
        read(tmp_path / f'{name}.h5')
  assert time.process_time() - start < 5


@pytest.mark.parametrize('wrap', [np.bytes_, lambda text: np.array([text.encode()])])
def test_a_text_that_is_bytes_or_an_array_of_one_is_read(tmp_path, arrays, wrap):
  pitch = 4.0
  geometry = Geometry('mine', (Layer((30, 30), (pitch, pitch), 150.0),))
  path = save(tmp_path / 'a.h5', arrays)
  with h5py.File(path, 'a') as file:
    file.attrs['geometry'] = wrap(geometry.to_json())
    file.attrs['units'] = wrap('ParticleMomentum MeV')
    momentum = in_file(file, 'ParticleMomentum')
    momentum[...] = momentum[...] * 1000
  given = Conventions(units='ParticlePoint:cm', axes='as_written')
  with pytest.raises(ValueError, match=r'the cells look like 8\.\d mm and not 4 mm'):
    data.load(path, conventions=given)


def test_what_is_no_array_is_told_in_words_without_quotes(tmp_path, arrays):
  path = save(tmp_path / 'a.h5', {key: arrays[key] for key in lhcb.UNITS if key[0] == 'P'})
  with h5py.File(path, 'a') as file:
    file['EnergyDeposit/run1'] = arrays['EnergyDeposit']
  with pytest.raises(ValueError, match=r"is a group of \['run1'\], expected an array at the top"):
    data.load(path)
  with h5py.File(path, 'a') as file:
    del file['EnergyDeposit']
    file['EnergyDeposit'] = h5py.ExternalLink('nowhere.h5', '/x')
  with pytest.raises(ValueError, match='cannot be read: [A-Z]'):
    data.load(path)
  small = {key.lower(): array for key, array in arrays.items()}
  with pytest.raises(ValueError, match=r"no 'EnergyDeposit' among .* \(layout 'lhcb'\)"):
    data.load(save(tmp_path / 'b.h5', small))


@pytest.mark.parametrize(
  'attributes, message',
  [
    ({'geometry': '{"name": "a", "layers": [], "sampling_fraction": 1}'}, 'not a geometry'),
    ({'geometry': '[' * 100_000}, "not a geometry|attribute 'version'|no shower"),
    ({'provenance': '{"a"'}, "attribute 'provenance' is no JSON"),
    ({'provenance': '[1]'}, r"attribute 'provenance' is '\[1\]', expected a JSON object"),
    ({'provenance': 'null'}, "attribute 'provenance' is 'null'"),
    ({'provenance': '[' * 50_000}, "attribute 'provenance' is no JSON"),
  ],
)
def test_damaged_attributes_are_named(tmp_path, attributes, message):
  with data.Writer(tmp_path / 'a.h5', LHCB_ECAL, {}) as writer:
    writer.append(take(data.load('lhcb_ecal').showers, slice(3)))
  with h5py.File(tmp_path / 'a.h5', 'a') as file:
    for key, value in attributes.items():
      if len(value) < 60_000:  # what an attribute holds
        file.attrs[key] = value
      else:
        del file.attrs[key]
  with pytest.raises(ValueError, match=message) as refused:
    data.load(tmp_path / 'a.h5')
  assert 'a.h5: ' in str(refused.value) and '\n' not in str(refused.value)


@pytest.mark.parametrize(
  'layer',
  [
    '{"shape": [2, 3], "pitch": [NaN, 2.0], "depth": 5.0, "centre": [0.0, 0.0]}',
    '{"shape": [2, 3], "pitch": [-1.0, 2.0], "depth": 5.0, "centre": [0.0, 0.0]}',
    '{"shape": [1000000000, 1000000000], "pitch": [1, 2], "depth": 5, "centre": [0, 0]}',
    '{"shape": [1e999, 3], "pitch": [1, 2], "depth": 5, "centre": [0, 0]}',
    '{"shape": [2, 3], "pitch": [1, 2], "depth": Infinity, "centre": [0, 0]}',
    '{"edges": [0, NaN, 3], "angles": 3, "depth": 1}',
  ],
)
def test_layers_that_are_none_are_refused(layer):
  with pytest.raises(ValueError, match='not a geometry'):
    Geometry.from_json('{"name": "a", "sampling_fraction": 1.0, "layers": [' + layer + ']}')


def test_every_file_of_the_tests_is_plausible():
  for path in sorted((ROOT / 'tests' / 'data').glob('*/*.h5')):
    data.load(path)

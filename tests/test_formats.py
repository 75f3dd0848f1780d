"""The public layouts: CaloGAN, 3DGAN and CaloChallenge, and the binning.xml."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import h5py
import numpy as np
import pytest

from calojax import data
from calojax.data import embedded
from calojax.data.batches import Streamed
from calojax.detectors import (
  CALOCHALLENGE_2,
  CALOCHALLENGE_3,
  CALOCHALLENGE_PHOTONS,
  CALOCHALLENGE_PIONS,
  CALOGAN,
  CLIC,
  DETECTORS,
  LHCB_ECAL,
)
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.showers import Condition, Shower, take
from conftest import ROOT

SIMULATED = ROOT / 'tests' / 'data' / 'geant4'  # the first showers of the embedded sets' sources
RINGS = Geometry('rings', (PolarLayer((0.0, 2.0, 6.0), 4, 1.0), PolarLayer((0.0, 10.0), 1, 3.0)))


def make(count: int, geometry: Geometry, inclined: bool, seed: int = 0) -> Shower:
  """Showers that deposit 2 % of E_p on the mean."""
  rng = np.random.default_rng(seed)
  energy = rng.uniform(2e3, 1e5, count)
  energies = rng.exponential(1.0, (count, geometry.cells)) * (
    rng.random((count, geometry.cells)) < 0.4
  )
  energies *= 0.02 * (energy / energies.sum(1))[:, None]
  energies[energies < 1e-3] = 0
  direction = rng.normal([0, 0, 5], inclined, (count, 3))
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  condition = Condition.of(energy, inclined * rng.uniform(-9, 9, (count, 2)), direction)
  return Shower(energies.astype(np.float32), condition)


def save(path: pathlib.Path, arrays: dict[str, np.ndarray], **attributes) -> pathlib.Path:
  with h5py.File(path, 'w') as file:
    for key, array in arrays.items():
      file[key] = array
    file.attrs.update(attributes)
  return path


def write(path: pathlib.Path, showers: Shower, geometry: Geometry, layout: str) -> pathlib.Path:
  with data.Writer(path, geometry, {'seed': 3}, layout) as writer:
    half = len(showers.energies) // 2
    writer.append(take(showers, slice(half)))
    writer.append(take(showers, slice(half, None)))
  return path


def barycentre(image: np.ndarray, layer: Layer) -> np.ndarray:
  """X and y `[b, 2]` of images `[b, nx, ny]`, mm."""
  return image.reshape(len(image), -1) @ layer.positions()[:, :2] / image.sum((1, 2))[:, None]


# Round trips.


CASES = {
  'calogan': (CALOGAN, True, 0.0),
  'threedgan': (CLIC, True, 2e-7),  # cells go through GeV
  'calochallenge': (CALOCHALLENGE_PHOTONS, False, 0.0),
}


def test_every_layout_is_tested():
  # The first two in test_data.py, the last in test_intake.py.
  assert set(data.LAYOUTS) == {'calojax', 'lhcb', *CASES, 'lemurs'}


@pytest.mark.parametrize('layout', CASES)
def test_round_trip(tmp_path, layout):
  geometry, inclined, rtol = CASES[layout]
  showers = make(9, geometry, inclined)
  path = write(tmp_path / 'a.h5', showers, geometry, layout)
  read, same, provenance = data.load(path)
  np.testing.assert_allclose(read.energies, showers.energies, rtol=rtol)
  for a, b in zip(read.condition, showers.condition):
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
  assert same == geometry and provenance == {'seed': 3} and read.energies.dtype == np.float32
  np.testing.assert_array_equal(read.energies > 0, showers.energies > 0)


WRITTEN = sorted((ROOT / 'tests' / 'data' / 'written_by_0.1.0').glob('*.h5'))


def test_a_file_of_every_layout_is_stored():
  layouts = set()
  for path in WRITTEN:
    with h5py.File(path) as file:
      layouts.add(file.attrs['format'])
  assert layouts == set(data.LAYOUTS) - {'lemurs'}  # which 0.1.0 had not


@pytest.mark.parametrize('path', WRITTEN, ids=lambda path: path.stem)
def test_files_are_what_earlier_versions_wrote(tmp_path, path):
  """Read and written again, every array and attribute is that of version 0.1.0."""
  with h5py.File(path) as file:
    before = {k: np.asarray(v) for k, v in file.items()}
    attributes: dict[str, Any] = dict(file.attrs)
  showers, geometry, provenance = data.load(path)
  with data.Writer(tmp_path / 'a.h5', geometry, provenance, attributes['format']) as writer:
    writer.append(showers)
  with h5py.File(tmp_path / 'a.h5') as file:
    after = {k: np.asarray(v) for k, v in file.items()}
    assert dict(file.attrs) == attributes
  assert {k: (v.dtype, v.shape) for k, v in after.items()} == {
    k: (v.dtype, v.shape) for k, v in before.items()
  }
  for key, array in after.items():  # what goes through another unit comes back to rounding
    np.testing.assert_allclose(array, before[key], rtol=3e-7, atol=1e-7, err_msg=key)


@pytest.mark.parametrize('layout', CASES)
def test_streaming(tmp_path, layout):
  geometry, inclined, _ = CASES[layout]
  path = write(tmp_path / 'a.h5', make(20, geometry, inclined), geometry, layout)
  whole = data.load(path).showers
  assert data.extent(path) == (20, 256)
  np.testing.assert_array_equal(data.read(path, 7, 12).showers.energies, whole.energies[7:12])
  np.testing.assert_array_equal(data.conditions(path, size=6).energy, whole.condition.energy)
  batches = Streamed(path, np.array([0]), batch=10, micro=2, seed=0)
  batch = batches.batch(0)
  assert batches.geometry == geometry and batch.energies.shape == (2, 10, geometry.cells)
  np.testing.assert_array_equal(
    np.sort(batch.condition.energy.ravel()), np.sort(whole.condition.energy)
  )


@pytest.mark.parametrize('layout', CASES)
def test_another_geometry_of_the_same_shape_comes_back(tmp_path, layout):
  geometry, inclined, _ = CASES[layout]
  moved = dataclasses.replace(geometry, name='moved', sampling_fraction=0.5)
  assert (
    data.load(write(tmp_path / 'a.h5', make(4, moved, inclined), moved, layout)).geometry == moved
  )


# CaloGAN.


def calogan_arrays(count: int = 3) -> dict[str, np.ndarray]:
  shapes = {'layer_0': (3, 96), 'layer_1': (12, 12), 'layer_2': (12, 6), 'overflow': (3,)}
  return {
    **{key: np.zeros((count, *shape)) for key, shape in shapes.items()},
    'energy': np.full((count, 1), 50.0),
  }


def test_calogan_cells_and_units(tmp_path):
  arrays = calogan_arrays()
  arrays['layer_0'][:, 2, 50] = 7.0  # y = 160 mm, x = (50 - 47.5) * 5 mm
  arrays['layer_1'][:, 3, 8] = 5.0  # y = (3 - 5.5) * 40 mm, x = (8 - 5.5) * 40 mm
  arrays['layer_2'][:, 11, 0] = 3.0  # y = 220 mm, x = -200 mm
  showers, geometry, _ = data.load(save(tmp_path / 'a.h5', arrays))
  hot = [
    tuple(geometry.positions[i]) + (showers.energies[1, i],)
    for i in np.flatnonzero(showers.energies[1])
  ]
  assert hot == [(12.5, 160.0, 71.0, 7.0), (100.0, -100.0, 162.7, 5.0), (-200.0, 220.0, 332.0, 3.0)]
  assert geometry == CALOGAN and (showers.condition.energy == 50_000).all()
  assert (showers.condition.position == 0).all() and (
    showers.condition.direction == [0, 0, 1]
  ).all()


def test_calogan_angles(tmp_path):
  angles = {
    'x0': [[1.0], [2.0], [3.0]],
    'y0': [[0.0], [-5.0], [9.0]],
    'theta': [[0.1]] * 3,
    'phi': [[0.0], [np.pi / 2], [np.pi]],
  }
  arrays = {**calogan_arrays(), **{key: np.array(value) for key, value in angles.items()}}
  condition = data.load(save(tmp_path / 'a.h5', arrays)).showers.condition
  np.testing.assert_array_equal(condition.position, [[1, 0], [2, -5], [3, 9]])
  s, c = np.sin(0.1), np.cos(0.1)
  np.testing.assert_allclose(condition.direction, [[s, 0, c], [0, s, c], [-s, 0, c]], atol=1e-7)
  arrays |= {
    'ParticlePoint': np.tile([0.5, -1.0, 0.0], (3, 1)),
    'ParticleMomentum': np.tile([30.0, 0, 40.0], (3, 1)),
  }
  condition = data.load(save(tmp_path / 'a.h5', arrays)).showers.condition
  np.testing.assert_allclose(condition.position, np.tile([5, -10], (3, 1)))
  np.testing.assert_allclose(condition.direction, np.tile([0.6, 0, 0.8], (3, 1)), rtol=1e-6)


def test_calogan_overflow_is_zero(tmp_path):
  with h5py.File(write(tmp_path / 'a.h5', make(4, CALOGAN, True), CALOGAN, 'calogan')) as file:
    arrays = {key: np.asarray(array) for key, array in file.items()}
  assert arrays['overflow'].shape == (4, 3) and not arrays['overflow'].any()
  assert arrays['layer_0'].shape == (4, 3, 96) and arrays['layer_2'].shape == (4, 12, 6)
  assert arrays['energy'].shape == (4, 1)


def test_calogan_barycentre_follows_the_trajectory():
  """In x and in y of each layer, which fixes the axes, their signs and the reference depths."""
  showers, geometry, _ = data.load('calogan')
  energies, (_, position, direction) = showers
  slope = direction[:, :2] / direction[:, 2:]
  images, layers = geometry.split(energies), geometry.regular_layers()
  for number, (image, layer) in enumerate(zip(images, layers)):
    lit = image.sum((1, 2)) > 0
    seen, crossing = barycentre(image[lit], layer), position[lit] + slope[lit] * layer.depth
    own = [np.corrcoef(seen[:, i], crossing[:, i])[0, 1] for i in (0, 1)]
    other = [np.corrcoef(seen[:, i], crossing[:, 1 - i])[0, 1] for i in (0, 1)]
    assert min(own) > (0.6, 0.99, 0.7)[number] and np.abs(other).max() < 0.1
    for axis in (0, 1):
      if layer.pitch[axis] < 100:  # cells of 160 mm do not resolve it
        path = ((seen - position[lit])[:, axis] * slope[lit, axis]).sum() / (
          slope[lit, axis] ** 2
        ).sum()
        assert abs(path - layer.depth) < (1, 3, 20)[number]


@pytest.mark.parametrize('name', ['calogan', 'clic'])
def test_embedded(name):
  showers, geometry, provenance = data.load(name)
  response = showers.energies.sum(1, dtype=np.float64) / showers.condition.energy
  assert geometry == DETECTORS[name]
  assert (
    abs(response.mean() - geometry.sampling_fraction)
    < 5e-5 + 3 * response.std() / len(response) ** 0.5
  )
  assert (embedded.SAMPLE / f'{name}.h5').stat().st_size <= 3_000_000
  assert {'geant4', 'physics', 'range_cut_mm'} <= set(provenance)


@pytest.mark.parametrize('name', ['calogan', 'clic'])
def test_embedded_showers_are_the_simulated_ones(name):
  whole, theirs = data.load(name), data.load(SIMULATED / f'{name}.h5')
  showers = take(whole.showers, slice(len(theirs.showers.energies)))
  for a, b in zip(
    (showers.energies, *showers.condition), (theirs.showers.energies, *theirs.showers.condition)
  ):
    np.testing.assert_array_equal(a, b)
  assert whole.geometry == theirs.geometry
  # In prose, of the source; the sentence on calogan's was put right after it had been embedded.
  told = {**whole.provenance, 'axes': theirs.provenance['axes']}
  beside = told.pop('beside', [])  # further files, one after the other behind these
  end = theirs.provenance['events']
  for further in beside:
    start, end = end, end + further['events']
    assert data.fingerprint(take(whole.showers, slice(start, end))) == further['fingerprint']
  assert told == {**theirs.provenance, 'events': end} and end == len(whole.showers.energies)
  layers = whole.geometry.split(showers.energies)
  # The cells themselves, by a way of their own.
  with h5py.File(SIMULATED / f'{name}.h5') as file:
    arrays = {key: np.asarray(array) for key, array in file.items()}
  if name == 'calogan':
    assert arrays['layer_2'][:, 6, 3].any()
    np.testing.assert_array_equal(layers[2][:, 3, 6], arrays['layer_2'][:, 6, 3])
    np.testing.assert_array_equal(
      showers.condition.energy, arrays['energy'][:, 0] * np.float32(1000)
    )
  else:
    column = arrays['ECAL'][:, 11, 12, 7]
    assert column.any()
    np.testing.assert_array_equal(layers[7][:, 11, 12], np.where(column < 1e-3, 0, column))


# 3DGAN.


def threedgan_arrays(count: int = 3) -> dict[str, np.ndarray]:
  ecal = np.zeros((count, 25, 25, 25))
  ecal[:, 14, 9, 3] = 1.0  # GeV
  ecal[:, 0, 0, 0] = 0.9e-6
  ecal[:, 24, 24, 24] = 1.1e-6
  return {'ECAL': ecal, 'target': np.tile([11.0, 50.0, 0.1], (count, 1))}


def test_threedgan_cells_and_units(tmp_path):
  showers, geometry, _ = data.load(save(tmp_path / 'a.h5', threedgan_arrays()))
  hot = np.flatnonzero(showers.energies[2])
  assert geometry == CLIC and hot.tolist() == [
    3 * 625 + 14 * 25 + 9,
    15624,
  ]  # 0.9 keV is below the threshold
  np.testing.assert_allclose(showers.energies[2, hot], [1000, 1.1e-3], rtol=1e-6)
  np.testing.assert_allclose(geometry.positions[hot[0]], [2 * 5.1, -3 * 5.1, 14.0])
  assert (showers.condition.energy == 50_000).all() and (
    showers.condition.direction == [0, 0, 1]
  ).all()


@pytest.mark.parametrize(
  'units', ['EnergyDeposit MeV, ParticleMomentum GeV', '{"target": "GeV", "ECAL": "MeV"}', 'MeV']
)
def test_threedgan_units_attribute(tmp_path, units):
  arrays = threedgan_arrays()
  path = save(tmp_path / 'a.h5', {**arrays, 'ECAL': 1000 * arrays['ECAL']}, units=units)
  gev = data.load(save(tmp_path / 'b.h5', arrays)).showers.energies
  np.testing.assert_allclose(data.load(path).showers.energies, gev, rtol=1e-6)


def test_threedgan_empty_showers_are_no_wrong_unit(tmp_path):
  arrays = threedgan_arrays()
  arrays['ECAL'][:] = 0
  assert not data.load(save(tmp_path / 'a.h5', arrays)).showers.energies.any()


# CaloChallenge.


def test_known_voxels():
  """The published numbers, and the edges of bins picked by hand from the published files."""
  known = {
    368: CALOCHALLENGE_PHOTONS,
    533: CALOCHALLENGE_PIONS,
    6480: CALOCHALLENGE_2,
    40500: CALOCHALLENGE_3,
  }
  assert {geometry.cells: geometry for geometry in known.values()} == known
  assert [layer.cells for layer in CALOCHALLENGE_PHOTONS.layers] == [8, 160, 190, 5, 5]
  assert [layer.cells for layer in CALOCHALLENGE_PIONS.layers] == [8, 100, 100, 5, 150, 160, 10]
  assert set(CALOCHALLENGE_2.grids) == {(16, 9)} and set(CALOCHALLENGE_3.grids) == {(50, 18)}
  two, three = CALOCHALLENGE_2.polar_layers(), CALOCHALLENGE_3.polar_layers()
  assert two[44].edges[1] == 4.65 and three[7].edges[3] == 6.975
  assert two[0].edges[-1] == three[0].edges[-1] == 41.85


@pytest.mark.parametrize(
  'geometry', [CALOCHALLENGE_PHOTONS, CALOCHALLENGE_PIONS, CALOCHALLENGE_2, CALOCHALLENGE_3]
)
def test_geometry_by_the_number_of_voxels(tmp_path, geometry):
  arrays = {
    'incident_energies': np.array([[256.0], [4194304.0]]),
    'showers': np.ones((2, geometry.cells)),
  }
  showers, found, _ = data.load(save(tmp_path / 'a.h5', arrays))
  assert found == geometry and showers.condition.energy.tolist() == [256.0, 4194304.0]
  assert (showers.condition.position == 0).all() and (
    showers.condition.direction == [0, 0, 1]
  ).all()


def test_polar_cells():
  """The radius is faster; angles start at -pi; a full ring sits on the axis."""
  x, y, z = RINGS.positions.T
  half = np.sqrt(0.5)
  np.testing.assert_allclose(
    x, [-half, -4 * half, half, 4 * half, half, 4 * half, -half, -4 * half, 0], atol=1e-12
  )
  np.testing.assert_allclose(
    y, [-half, -4 * half, -half, -4 * half, half, 4 * half, half, 4 * half, 0], atol=1e-12
  )
  assert z.tolist() == [1.0] * 8 + [3.0] and RINGS.grids == ((4, 2), (1, 1)) and RINGS.cells == 9
  for geometry in (CALOCHALLENGE_PIONS, CALOCHALLENGE_3):
    np.testing.assert_allclose(geometry.positions[:, :2].mean(0), 0, atol=1e-9)


def test_geometries_as_json():
  mixed = dataclasses.replace(RINGS, layers=(*RINGS.layers, *CALOGAN.layers))
  for geometry in (*DETECTORS.values(), RINGS, mixed):
    assert Geometry.from_json(geometry.to_json()) == geometry and hash(geometry)
  text = '{"name": "a", "layers": [%s], "sampling_fraction": 1.0}'
  old = '{"shape": [2, 3], "pitch": [1.0, 2.0], "depth": 5.0, "centre": [0.0, 0.0]}'
  assert Geometry.from_json(text % old) == Geometry('a', (Layer((2, 3), (1.0, 2.0), 5.0),))
  for layer in (
    '3',
    '{}',
    old.replace('3', '"a"'),
    old.replace('3', '0'),
    '{"edges": [0], "angles": 3, "depth": 1}',
  ):
    with pytest.raises(ValueError, match='not a geometry'):
      Geometry.from_json(text % layer)


def test_calochallenge_writer_refuses(tmp_path):
  with pytest.raises(ValueError, match='regular grid, expected polar layers'):
    write(tmp_path / 'a.h5', make(4, LHCB_ECAL, False), LHCB_ECAL, 'calochallenge')
  with pytest.raises(
    ValueError, match='of shower 0 cannot be written, expected perpendicular incidence'
  ):
    write(tmp_path / 'a.h5', make(4, RINGS, True), RINGS, 'calochallenge')
  assert not list(tmp_path.iterdir())


# binning.xml.


XML = """<Bins>
  <Bin pid="22" etaMin="0" etaMax="130" name="photon">
    <Layer id="0" r_edges="0,5" n_bin_alpha="1" />
    <Layer id="1" r_edges="0" n_bin_alpha="1" />
    <Layer id="2" r_edges="0,2.325,6.975" n_bin_alpha="2"/>
  </Bin>
  <Bin pid="211"><Layer id="0" r_edges="1,2,3" n_bin_alpha="7"/></Bin>
</Bins>
"""
PHOTON = (PolarLayer((0.0, 5.0), 1, 0.0), PolarLayer((0.0, 2.325, 6.975), 2, 2.0))


def test_binning(tmp_path):
  (tmp_path / 'binning.xml').write_text(XML)
  geometry = data.geometry_from_xml(tmp_path / 'binning.xml', 'photon')
  assert (
    geometry.layers == PHOTON
    and data.geometry_from_xml(tmp_path / 'binning.xml', '22').layers == PHOTON
  )
  assert data.geometry_from_xml(tmp_path / 'binning.xml', '211').layers == (
    PolarLayer((1.0, 2.0, 3.0), 7, 0.0),
  )
  arrays = {'incident_energies': np.ones((4, 1)), 'showers': np.arange(20.0).reshape(4, 5)}
  path = save(tmp_path / 'a.h5', arrays)
  assert data.load(path, geometry).geometry == data.read(path, 1, 2, geometry).geometry == geometry
  assert data.conditions(path, geometry=geometry).energy.tolist() == [1.0] * 4
  batch = Streamed(path, np.array([0]), 2, 2, 0, geometry).batch(0)
  assert batch.energies.shape == (2, 2, 5)
  with pytest.raises(ValueError, match='it has its own'):
    data.load('clic', geometry)


@pytest.mark.parametrize('geometry', [CALOCHALLENGE_PHOTONS, CALOCHALLENGE_PIONS, CALOCHALLENGE_3])
def test_binning_round_trip(tmp_path, geometry):
  data.write_xml(tmp_path / 'a.xml', geometry, 'pion')
  assert data.geometry_from_xml(tmp_path / 'a.xml', 'pion').layers == geometry.layers
  assert data.geometry_from_xml(tmp_path / 'a.xml', '211').layers == geometry.layers
  lines = (tmp_path / 'a.xml').read_text().count('<Layer ')
  assert lines == geometry.layers[-1].depth + 1  # the gaps are there as layers without cells


def test_binning_writer_refuses(tmp_path):
  with pytest.raises(ValueError, match='expected polar layers'):
    data.write_xml(tmp_path / 'a.xml', LHCB_ECAL, 'electron')
  for depths in ([1.5, 2.0], [2.0, 1.0], [1.0, 1.0]):
    layers = tuple(PolarLayer((0.0, 1.0), 1, depth) for depth in depths)
    with pytest.raises(ValueError, match='expected increasing whole numbers'):
      data.write_xml(tmp_path / 'a.xml', Geometry('a', layers), 'electron')


BAD_XML = {
  'no particle': (
    ('name="photon"', 'name="gluon"'),
    "no particle 'photon'; .*known: 22, gluon, 211",
  ),
  'malformed': (('</Bins>', ''), 'cannot be read, expected an XML file'),
  'entities': (('<Bins>', '<!DOCTYPE Bins [<!ENTITY a "b">]><Bins>'), 'it has a document type'),
  'layer': (
    ('<Layer id="2"', '<Lager id="2"'),
    "element 'Lager' of particle 'photon', expected La",
  ),
  'root': (('Bins>', 'Boxes>'), "element 'Boxes', expected Bins"),
  'no edges': (('r_edges="0,5"', ''), "'r_edges': ''"),
  'empty edges': (('r_edges="0,5"', 'r_edges=""'), "'r_edges': ''"),
  'text': (('0,5', '0,five'), "'r_edges': '0,five'"),
  'falling': (('0,2.325,6.975', '0,7,6.975'), 'increasing radii'),
  'negative': (('0,2.325', '-1,2.325'), 'radii r_edges >= 0'),
  'nan': (('0,2.325', 'nan,2.325'), 'increasing radii'),
  'no angles': (('n_bin_alpha="2"', 'n_bin_alpha="0"'), 'n_bin_alpha >= 1'),
  'half an angle': (('n_bin_alpha="2"', 'n_bin_alpha="2.5"'), "'n_bin_alpha': '2.5'"),
  'twice': (('id="2"', 'id="0"'), 'expected increasing numbers'),
  'no cells': (('0,5"', '0"'), None),
  'giant': (('</Bins>', ' ' * 2**20 + '</Bins>'), 'it has more than 1 MiB'),
  'latin': (('photon', 'ph\xf6ton'), 'cannot be read, expected an XML file'),
}


@pytest.mark.parametrize('case', BAD_XML)
def test_bad_binning(tmp_path, case):
  change, message = BAD_XML[case]
  path = tmp_path / 'bad.xml'
  path.write_bytes(XML.replace(*change).encode('latin-1'))
  if message is None:  # a layer may be without cells, a detector may not
    assert data.geometry_from_xml(path, 'photon').layers == PHOTON[1:]
    path.write_text(XML.replace('0,5"', '0"').replace('0,2.325,6.975', '0'))
    message = 'no layer with cells'
  with pytest.raises(ValueError, match=message) as error:
    data.geometry_from_xml(path, 'photon')
  assert str(path) in str(error.value) and '\n' not in str(error.value)


def test_missing_binning(tmp_path):
  with pytest.raises(ValueError, match='none.xml: cannot be read'):
    data.geometry_from_xml(tmp_path / 'none.xml', 'photon')


# Bad input: one line that names the file and what is wrong.


def calochallenge_arrays(count: int = 3) -> dict[str, np.ndarray]:
  return {'incident_energies': np.full((count, 1), 1024.0), 'showers': np.ones((count, 368))}


ARRAYS = {
  'calogan': calogan_arrays,
  'threedgan': threedgan_arrays,
  'calochallenge': calochallenge_arrays,
}


def drop(key):
  return lambda a: a.pop(key)


def put(key, value, *index):
  return lambda a: a[key].__setitem__(index, value)


def change(key, function):
  return lambda a: a.update({key: function(a[key])})


def empty(a):
  a.update({key: value[:0] for key, value in a.items()})


BAD = {
  'calogan': {
    'missing layer': (drop('layer_1'), "no 'layer_1' among its keys"),
    'missing energy': (drop('energy'), "no 'energy' among its keys"),
    'turned': (
      change('layer_0', lambda x: x.swapaxes(1, 2)),
      r'layer_0 of shape \(3, 96, 3\), expected \(3, 3, 96\)',
    ),
    'unequal': (
      change('layer_2', lambda x: x[:2]),
      r'layer_2 of shape \(2, 12, 6\), expected \(3, 12, 6\)',
    ),
    'unequal energy': (
      change('energy', lambda x: x[:2]),
      r'energy of shape \(2, 1\), expected \(3, 1\) or \(3,\)',
    ),
    'nan': (put('layer_1', np.nan, 2, 1, 1), 'energies is nan in shower 2'),
    'negative': (put('layer_2', -2.0, 1, 1, 1), r'cell energy \(MeV\) is -2 in shower 1'),
    'no energy': (put('energy', 0.0, 1), r'incident energy \(MeV\) is 0 in shower 1'),
    'empty': (empty, 'no showers'),
    'half a point': (lambda a: a.update(x0=np.ones(3)), "'x0' without 'y0', expected both or none"),
    'half an angle': (
      lambda a: a.update(phi=np.ones(3)),
      "'phi' without 'theta', expected both or none",
    ),
    'angles': (
      lambda a: a.update(theta=np.ones(4), phi=np.ones(3)),
      r'theta of shape \(4,\), expected \(3,\) or \(3, 1\)',
    ),
    'backwards': (
      lambda a: a.update(theta=np.full(3, 2.0), phi=np.ones(3)),
      'z of the direction is -0.41',
    ),
    'point': (
      lambda a: a.update(ParticlePoint=np.ones((3, 2))),
      r'ParticlePoint of shape \(3, 2\), expected \(3, 3\)',
    ),
  },
  'threedgan': {
    'missing': (drop('target'), "no 'target', expected it or 'ParticleMomentum'"),
    'no showers': (drop('ECAL'), "no 'ECAL' among its keys"),
    'shape': (
      change('ECAL', lambda x: x[:, :24]),
      r'ECAL of shape \(3, 24, 25, 25\), expected \(3, 25, 25, 25\)',
    ),
    'target': (
      change('target', lambda x: x[:, :1]),
      r'target of shape \(3, 1\), expected \(3, 2\) or more',
    ),
    'unequal': (
      change('target', lambda x: x[:2]),
      r'target of shape \(2, 3\), expected \(3, 2\) or more',
    ),
    'MeV': (
      change('ECAL', lambda x: 1000 * x),
      'ECAL taken as GeV has a mean response .* of 20, expected 0.0001 to 2',
    ),
    'TeV': (
      change('ECAL', lambda x: x / 1000),
      r'ECAL taken as GeV has a mean response .* of 2e-05',
    ),
    'nan': (put('ECAL', np.nan, 2, 1, 1, 1), 'energies is nan in shower 2'),
    'infinite': (put('ECAL', np.inf, 2, 1, 1, 1), 'energies is inf in shower 2'),
    'negative': (put('ECAL', -1e-9, 1, 1, 1, 1), r'cell energy \(MeV\) is -1e-06 in shower 1'),
    'no energy': (put('target', 0.0, 1, 1), r'incident energy \(MeV\) is 0 in shower 1'),
    'empty': (empty, 'no showers'),
  },
  'calochallenge': {
    'missing': (drop('incident_energies'), "no 'incident_energies' among its keys"),
    'voxels': (
      change('showers', lambda x: x[:, :367]),
      'of 367 voxels, expected one of 368 .*, 533 .*, 6480 .*, 40500 ',
    ),
    'shape': (
      change('showers', lambda x: x.reshape(3, 8, 46)),
      r'showers of shape \(3, 8, 46\), expected \(showers, voxels\)',
    ),
    'unequal': (
      change('incident_energies', lambda x: x[:2]),
      r'energies of shape \(2, 1\), expected \(3, 1\) or \(3,\)',
    ),
    'nan': (put('showers', np.nan, 2, 1), 'energies is nan in shower 2'),
    'negative': (put('showers', -2.0, 1, 1), r'cell energy \(MeV\) is -2 in shower 1'),
    'no energy': (put('incident_energies', 0.0, 1), r'incident energy \(MeV\) is 0 in shower 1'),
    'empty': (empty, 'no showers'),
  },
}


@pytest.mark.parametrize(
  'layout, case', [(layout, case) for layout, cases in BAD.items() for case in cases]
)
def test_bad_content(tmp_path, layout, case):
  damage, message = BAD[layout][case]
  arrays = ARRAYS[layout]()
  damage(arrays)
  path = save(tmp_path / 'broken.h5', arrays)
  with pytest.raises(ValueError, match=message) as error:
    data.load(path)
  assert str(path) in str(error.value) and '\n' not in str(error.value)


def test_bad_attributes(tmp_path):
  with pytest.raises(ValueError, match="'units' is 'ECAL in keV', expected MeV or GeV for ECAL"):
    data.load(save(tmp_path / 'a.h5', threedgan_arrays(), units='ECAL in keV'))
  with pytest.raises(ValueError, match='taken as MeV has a mean response'):
    data.load(save(tmp_path / 'a.h5', threedgan_arrays(), units='ECAL MeV'))
  with pytest.raises(ValueError, match='not a geometry'):
    data.load(save(tmp_path / 'a.h5', calogan_arrays(), geometry='{"name": 1}'))
  for arrays in ARRAYS.values():
    with pytest.raises(ValueError, match='a.h5: .*(expected 3|one shape|expected .3, 9)'):
      data.load(save(tmp_path / 'a.h5', arrays(), geometry=RINGS.to_json()))

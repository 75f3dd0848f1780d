"""Files, embedded showers and splits."""

from __future__ import annotations

import contextlib

import h5py
import numpy as np
import pytest

from calojax import data
from calojax.data import embedded
from calojax.detectors import DETECTORS, LHCB_ECAL
from calojax.geometry import Geometry, Layer
from calojax.showers import Condition, Shower, concatenate, take
from conftest import ROOT, save

SIMULATED = ROOT / 'tests' / 'data' / 'geant4'  # the first showers of the embedded sets' sources
GEOMETRY = Geometry('toy', (Layer((3, 4), (5.0, 6.0), 10.0), Layer((2, 2), (9.0, 9.0), 20.0)), 0.5)


def make(count: int, geometry: Geometry, seed: int = 0) -> Shower:
  rng = np.random.default_rng(seed)
  energies = rng.exponential(1.0, (count, geometry.cells)) * (
    rng.random((count, geometry.cells)) < 0.4
  )
  energies[:, 0] += 0.1  # none is empty
  energy = rng.uniform(1e3, 1e5, count)
  energies *= (geometry.sampling_fraction * energy / energies.sum(1))[:, None]
  direction = rng.normal([0, 0, 5], 1, (count, 3))
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  condition = Condition.of(energy, rng.uniform(-9, 9, (count, 2)), direction)
  return Shower(energies.astype(np.float32), condition)


def assert_equal(a: Shower, b: Shower, rtol: float = 0) -> None:
  np.testing.assert_allclose(a.energies, b.energies, rtol=rtol, atol=rtol)
  assert a.energies.dtype == np.float32
  assert_conditions(a.condition, b.condition, rtol)


def assert_conditions(a: Condition, b: Condition, rtol: float = 0) -> None:
  for x, y in zip(a, b):
    np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)
    assert x.dtype == np.float32


def lhcb_arrays(count: int = 4) -> dict[str, np.ndarray]:
  rng = np.random.default_rng(1)
  return {
    'EnergyDeposit': rng.random((count, 30, 30)),
    'ParticlePoint': np.tile([0.5, -1.0, 0.0], (count, 1)),
    'ParticleMomentum': np.tile([3.0, 0.0, 4.0], (count, 1)),
  }


# The canonical file.


def test_round_trip_in_uneven_parts_is_exact(tmp_path):
  showers = make(700, GEOMETRY)
  with data.Writer(tmp_path / 'a.h5', GEOMETRY, {'origin': 'test', 'cut': 0.7}) as writer:
    for start, stop in [(0, 1), (1, 300), (300, 700)]:
      writer.append(take(showers, slice(start, stop)))
  read, geometry, provenance = data.load(tmp_path / 'a.h5')
  assert_equal(read, showers)
  assert geometry == GEOMETRY and provenance == {'origin': 'test', 'cut': 0.7}
  assert_equal(data.read(tmp_path / 'a.h5', 255, 258).showers, take(showers, slice(255, 258)))
  assert data.extent(tmp_path / 'a.h5') == (700, 256)
  assert [p.name for p in tmp_path.iterdir()] == ['a.h5']


def test_file_describes_itself(tmp_path):
  with data.Writer(tmp_path / 'a.h5', GEOMETRY, {}) as writer:
    writer.append(make(2, GEOMETRY))
  with h5py.File(tmp_path / 'a.h5') as file:
    assert set(file.attrs) == {'format', 'version', 'units', 'axes', 'geometry', 'provenance'}
    energies = file['energies']
    assert isinstance(energies, h5py.Dataset)
    assert energies.compression == 'gzip' and energies.shuffle and energies.chunks == (256, 16)


def test_nothing_half_written_on_an_exception(tmp_path):
  (tmp_path / 'a.h5').write_bytes(b'before')
  with pytest.raises(KeyboardInterrupt), data.Writer(tmp_path / 'a.h5', GEOMETRY, {}) as writer:
    writer.append(make(2, GEOMETRY))
    raise KeyboardInterrupt
  assert (tmp_path / 'a.h5').read_bytes() == b'before' and len(list(tmp_path.iterdir())) == 1


def test_a_file_that_cannot_be_written_is_named(tmp_path):
  name = 300 * 'a' + '.h5'  # longer than file systems take
  with (
    pytest.raises(ValueError, match='a.h5: cannot be written'),
    data.Writer(tmp_path / name, GEOMETRY, {}),
  ):
    pass


def test_writer_refuses(tmp_path):
  with pytest.raises(ValueError, match='folder that exists'):
    data.Writer(tmp_path / 'no' / 'a.h5', GEOMETRY, {})
  with pytest.raises(
    ValueError, match="no layout 'lhbc'; did you mean 'lhcb'. known: calojax, lhcb"
  ):
    data.Writer(tmp_path / 'a.h5', GEOMETRY, {}, layout='lhbc')
  with (
    pytest.raises(ValueError, match='no showers to write'),
    data.Writer(tmp_path / 'a.h5', GEOMETRY, {}),
  ):
    pass
  bad = make(3, GEOMETRY)
  bad.energies[1, 2] = np.nan
  with (
    pytest.raises(ValueError, match='nan in shower 1'),
    data.Writer(tmp_path / 'a.h5', GEOMETRY, {}) as writer,
  ):
    writer.append(bad)
  with (
    pytest.raises(ValueError, match='2 layers, expected 1'),
    data.Writer(tmp_path / 'a.h5', GEOMETRY, {}, layout='lhcb') as writer,
  ):
    writer.append(make(3, GEOMETRY))
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('size', [1, 256, 300, 4096])
def test_pieces_are_the_whole(tmp_path, size):
  with data.Writer(tmp_path / 'a.h5', GEOMETRY, {'origin': 'test'}) as writer:
    writer.append(make(601, GEOMETRY))
  save(tmp_path / 'b.npz', lhcb_arrays(5))
  for source in (tmp_path / 'a.h5', tmp_path / 'b.npz', 'clic'):
    whole, pieces = data.load(source), list(data.pieces(source, size))
    assert_equal(concatenate([piece.showers for piece in pieces]), whole.showers)
    sizes = [len(piece.showers.energies) for piece in pieces]
    assert set(sizes[:-1]) <= {size} and 0 < sizes[-1] <= size
    assert all(piece[1:] == whole[1:] for piece in pieces)
    assert_conditions(data.conditions(source, size), whole.showers.condition)


def test_a_file_is_opened_once_and_read_as_it_is_asked_for(tmp_path, monkeypatch):
  with data.Writer(tmp_path / 'a.h5', GEOMETRY, {}) as writer:
    writer.append(make(1000, GEOMETRY))
  with h5py.File(tmp_path / 'a.h5', 'a') as file:
    energies = file['energies']
    assert isinstance(energies, h5py.Dataset)
    energies[700, 3] = -1
  opened, File = [], h5py.File
  monkeypatch.setattr(h5py, 'File', lambda *given: opened.append(given) or File(*given))
  pieces = data.pieces(tmp_path / 'a.h5', 300)
  assert [len(next(pieces).showers.energies) for _ in range(2)] == [300, 300] and len(opened) == 1
  with pytest.raises(ValueError, match=r'a.h5: cell energy \(MeV\) is -1 in shower 700 '):
    next(pieces)


def test_chunks_come_in_the_order_asked_for(tmp_path):
  showers = make(600, GEOMETRY)
  with data.Writer(tmp_path / 'a.h5', GEOMETRY, {}) as writer:
    writer.append(showers)
  rows = np.r_[512:600, 0:256]
  assert_equal(data.read_chunks(tmp_path / 'a.h5', [2, 0]), take(showers, rows))
  with pytest.raises(ValueError, match='a.h5: no showers'):
    data.read_chunks(tmp_path / 'a.h5', [3])


def test_one_particle_does_not_stand_for_all_in_a_file(tmp_path):
  """`Condition.of` would take it so."""
  with data.Writer(tmp_path / 'a.h5', GEOMETRY, {}) as writer:
    writer.append(make(3, GEOMETRY))
  for key, value in (('position', [1.0, 2.0]), ('direction', [0.0, 0.0, 1.0])):
    path = tmp_path / f'{key}.h5'
    path.write_bytes((tmp_path / 'a.h5').read_bytes())
    with h5py.File(path, 'a') as file:
      del file[key]
      file[key] = value
    with pytest.raises(ValueError, match=rf'{key} of shape \(\d,\), expected \(3, \d\)'):
      data.load(path)


def test_unknown_version_is_refused(tmp_path):
  with data.Writer(tmp_path / 'a.h5', GEOMETRY, {}) as writer:
    writer.append(make(2, GEOMETRY))
  with h5py.File(tmp_path / 'a.h5', 'a') as file:
    file.attrs['version'] = 2
  with pytest.raises(ValueError, match="a.h5: attribute 'version' is 2, expected 1"):
    data.load(tmp_path / 'a.h5')


# The LHCb layout.


@pytest.mark.parametrize('name', ['a.npz', 'a.h5'])
@pytest.mark.parametrize('channel', [False, True])
def test_lhcb_units_and_axes(tmp_path, name, channel):
  arrays = lhcb_arrays()
  arrays['EnergyDeposit'][:] = 0
  arrays['EnergyDeposit'][:, 20, 3] = 7.0  # x = 5.5, y = -11.5 pitches
  if channel:
    arrays['EnergyDeposit'] = arrays['EnergyDeposit'][..., None]
  showers, geometry, _ = data.load(save(tmp_path / name, arrays))
  assert geometry == LHCB_ECAL == DETECTORS['lhcb_ecal']
  barycentre = showers.energies @ geometry.positions[:, :2] / 7
  np.testing.assert_allclose(barycentre, np.tile([111.1, -232.3], (4, 1)), rtol=1e-5)
  np.testing.assert_allclose(showers.condition.energy, 5000)
  np.testing.assert_allclose(showers.condition.position, np.tile([5.0, -10.0], (4, 1)))
  np.testing.assert_allclose(showers.condition.direction, np.tile([0.6, 0, 0.8], (4, 1)), rtol=1e-6)
  assert_equal(data.read(tmp_path / name, 1, 3).showers, take(showers, slice(1, 3)))


def test_lhcb_attributes(tmp_path):
  attributes = {
    'geometry': '66 x lead',
    'pitch_mm': [10.0, 11.0],
    'physics': 'EM',
    'events': np.int64(4),
  }
  path = save(tmp_path / 'a.h5', lhcb_arrays(), **attributes)
  _, geometry, provenance = data.load(path)
  assert geometry.regular_layers()[0].pitch == (10.0, 11.0)
  assert provenance == attributes


def test_lhcb_writer_round_trip(tmp_path):
  showers = make(300, LHCB_ECAL)
  with data.Writer(tmp_path / 'a.h5', LHCB_ECAL, {'seed': 3}, layout='lhcb') as writer:
    writer.append(take(showers, slice(0, 100)))
    writer.append(take(showers, slice(100, 300)))
  read, geometry, provenance = data.load(tmp_path / 'a.h5')
  assert_equal(read, showers, rtol=1e-6)
  assert geometry == LHCB_ECAL and provenance == {'seed': 3}
  with h5py.File(tmp_path / 'a.h5') as file:
    arrays = {key: np.asarray(array) for key, array in file.items()}
  assert arrays['EnergyDeposit'].shape == (300, 30, 30) and set(arrays['ParticlePDG']) == {11}
  np.testing.assert_array_equal(arrays['ParticlePoint'][:, 2], 0)


# Bad input: one line that names the file and what is wrong.


def drop(key):
  return lambda a: a.pop(key)


def put(key, value, *index):
  return lambda a: a[key].__setitem__(index, value)


def replace(key, change):
  return lambda a: a.update({key: change(a[key])})


BAD = {
  'missing key': (drop('ParticleMomentum'), "no 'ParticleMomentum' among its keys"),
  'other keys': (lambda a: (a.clear(), a.update(x=np.ones(3))), r"among its keys \['x'\]"),
  'wrong grid': (
    replace('EnergyDeposit', lambda x: x[:, :29]),
    r'of shape \(4, 29, 30\), expected \(4, 30, 30\)',
  ),
  'wrong point': (
    replace('ParticlePoint', lambda x: x[..., None]),
    r'Point of shape \(4, 3, 1\), expected \(4, 3\)',
  ),
  'wrong count': (
    replace('ParticleMomentum', lambda x: x[:3]),
    r'tum of shape \(3, 3\), expected \(4, 3\)',
  ),
  'negative': (put('EnergyDeposit', -2.5, 3, 1, 1), r'cell energy \(MeV\) is -2.5 in shower 3'),
  'nan': (put('EnergyDeposit', np.nan, 2, 1, 1), 'energies is nan in shower 2'),
  'nan momentum': (put('ParticleMomentum', np.nan, 2, 1), 'is nan in shower 2'),
  'no momentum': (put('ParticleMomentum', 0.0, 1), r'incident energy \(MeV\) is 0 in shower 1'),
  'overflow': (put('EnergyDeposit', 1e300, 0, 0, 0), 'energies is inf in shower 0'),
  'empty': (lambda a: a.update({key: value[:0] for key, value in a.items()}), 'no showers'),
  'text': (
    replace('ParticlePoint', lambda x: np.full(x.shape, b'x')),
    "'ParticlePoint' is of type",
  ),
  'scalar': (replace('EnergyDeposit', lambda x: np.float64(1)), "'EnergyDeposit' cannot be read"),
}


@pytest.mark.parametrize('suffix', ['.npz', '.h5'])
@pytest.mark.parametrize('case', BAD)
def test_bad_content(tmp_path, case, suffix):
  change, message = BAD[case]
  arrays = lhcb_arrays()
  change(arrays)
  path = save(tmp_path / f'broken{suffix}', arrays)
  with pytest.raises(ValueError, match=message) as error:
    data.load(path)
  assert str(path) in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('suffix', ['.npz', '.h5'])
@pytest.mark.parametrize('keep', [0, 4, 0.5, 0.98])
def test_truncated(tmp_path, suffix, keep):
  path = save(tmp_path / f'a{suffix}', lhcb_arrays())
  content = path.read_bytes()
  path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
  with pytest.raises(ValueError, match='a' + suffix):
    data.load(path)


def test_damaged_bytes_never_raise_anything_else(tmp_path):
  rng = np.random.default_rng(0)
  for suffix in ('.npz', '.h5'):
    path = save(tmp_path / f'a{suffix}', lhcb_arrays(1))
    content = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(60):
      damaged = content.copy()
      damaged[rng.integers(len(content), size=20)] = rng.integers(256, size=20)
      path.write_bytes(damaged.tobytes())
      with contextlib.suppress(ValueError):
        data.load(path)


def test_not_data(tmp_path):
  np.save(tmp_path / 'a.npy', np.ones((3, 3)))
  (tmp_path / 'a.txt').write_text('hello')
  save(tmp_path / 'object.npz', {**lhcb_arrays(), 'EnergyDeposit': np.array([None, 1], object)})
  cases = {
    'a.npy': 'single array',
    'a.txt': 'expected an intact',
    'object.npz': 'Python objects, which could run any code',
    '': 'is a folder or a device, expected a file',
  }
  for path, message in cases.items():
    with pytest.raises(ValueError, match=message):
      data.load(tmp_path / path)


def test_unknown_name_suggests():
  message = "no embedded set 'lhcb_ecall'; did you mean 'lhcb_ecal'. known: lhcb_ecal, calo"
  with pytest.raises(ValueError, match=message):
    data.load('lhcb_ecall')


# The embedded showers.


@pytest.fixture(scope='module')
def sample() -> data.Dataset:
  return data.load('lhcb_ecal')


def test_embedded_size_and_provenance(sample):
  assert (embedded.SAMPLE / 'lhcb_ecal.h5').stat().st_size <= 8_000_000
  assert len(sample.showers.energies) >= 12_000
  assert {'geant4', 'physics', 'range_cut_mm', 'units'} <= set(sample.provenance)
  assert sample.geometry == LHCB_ECAL


def test_embedded_physics(sample):
  energies, (energy, position, direction) = sample.showers
  response = energies.sum(1, dtype=np.float64) / energy
  error = response.std() / len(response) ** 0.5
  assert abs(response.mean() - LHCB_ECAL.sampling_fraction) < 5e-5 + 3 * error
  (layer,) = LHCB_ECAL.regular_layers()
  crossing = position + direction[:, :2] / direction[:, 2:] * layer.depth
  assert np.abs(crossing).max() <= layer.pitch[0] / 2
  barycentre = energies @ sample.geometry.positions[:, :2] / energies.sum(1, keepdims=True)
  assert (
    np.abs(barycentre - crossing).mean() < 5
  )  # mm; some 50 if x and y were exchanged or cm taken for mm


def test_embedded_showers_are_the_simulated_ones(sample):
  """Bit for bit, so no statistic whatsoever moves."""
  simulated = data.load(SIMULATED / 'lhcb_ecal.h5')
  assert_equal(take(sample.showers, slice(16)), simulated.showers)
  with h5py.File(SIMULATED / 'lhcb_ecal.h5') as file:  # a cell, by a way of its own
    column = np.asarray(file['EnergyDeposit'])[:, 14, 16]
  assert column.any()
  np.testing.assert_array_equal(simulated.showers.energies[:, 30 * 14 + 16], column)
  assert sample.geometry == simulated.geometry and sample.provenance == simulated.provenance


def test_sparse_round_trip(tmp_path):
  dataset = data.Dataset(make(9, GEOMETRY), GEOMETRY, {'a': 1})
  embedded.write(tmp_path / 'a.h5', dataset)
  read = embedded.read(tmp_path / 'a.h5')
  assert_equal(read.showers, dataset.showers)
  assert read[1:] == dataset[1:]


def test_broken_installation(tmp_path):
  with pytest.raises(ValueError, match='a.h5: no such file'):
    embedded.read(tmp_path / 'a.h5')


# Splits and fingerprints.


def test_split_covers_everything_once():
  np.random.seed(0)
  parts = data.split(1001, seed=3)
  np.random.seed(1)
  again = data.split(1001, seed=3)
  np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(1001))
  assert [len(part) for part in parts.values()] == [701, 50, 250] and list(parts) == [
    'train',
    'validation',
    'test',
  ]
  assert all(np.array_equal(parts[key], again[key]) for key in parts)
  assert not np.array_equal(parts['test'], data.split(1001, seed=4)['test'])


@pytest.mark.parametrize(
  'fractions', [(0.5, 0.5), (0.7, 0.1, 0.1), (1, 0, 0), (1.2, -0.1, -0.1), (np.nan, 0.5, 0.5)]
)
def test_split_refuses_fractions(fractions):
  with pytest.raises(ValueError, match='expected three positive numbers of sum 1'):
    data.split(100, 0, fractions)


def test_split_refuses_too_few():
  with pytest.raises(
    ValueError, match='5 showers or chunks are too few .* the validation part is empty'
  ):
    data.split(5, 0)


def test_split_chunks(tmp_path):
  with data.Writer(tmp_path / 'a.h5', GEOMETRY, {}) as writer:
    writer.append(make(256 * 9 + 1, GEOMETRY))
  parts = data.split_chunks(tmp_path / 'a.h5', 0, (0.6, 0.2, 0.2))
  np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(10))
  save(tmp_path / 'tiny.h5', lhcb_arrays(600))
  with h5py.File(tmp_path / 'tiny.h5', 'a') as file:
    del file['EnergyDeposit']
    file.create_dataset('EnergyDeposit', data=np.ones((600, 30, 30)), chunks=(100, 30, 30))
  assert data.extent(tmp_path / 'tiny.h5') == (600, 200)
  with pytest.raises(ValueError, match='expected an HDF5 data set'):
    data.split_chunks(save(tmp_path / 'a.npz', lhcb_arrays()), 0)


def test_split_and_fingerprint_are_those_of_earlier_versions():
  """Workdirs that exist rely on both: a held-out shower must not become a training one."""
  parts = data.split(20, 3)
  assert parts['test'].tolist() == [0, 3, 5, 16, 18] and parts['validation'].tolist() == [11]
  assert data.fingerprint(data.load('clic').showers) == '4a5a574336c74489'


def test_fingerprint_sees_every_value():
  showers = make(5, GEOMETRY)
  reference = data.fingerprint(showers)
  assert len(reference) == 16 and reference == data.fingerprint(make(5, GEOMETRY))
  assert reference != data.fingerprint(take(showers, slice(0, 4)))
  showers.condition.position[3, 1] += 1
  assert reference != data.fingerprint(showers)

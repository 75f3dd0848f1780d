"""Files of particles without showers, wherever only particles are asked for."""

from typing import Any

import h5py
import numpy as np
import pytest

from calojax import data

ENERGY, THETA, PHI = [1e3, 5e4], [0.1, 0.2], [0.0, np.pi / 2]
DIRECTION = [[np.sin(0.1), 0, np.cos(0.1)], [0, np.sin(0.2), np.cos(0.2)]]
AT_CENTRE = ([[0.0, 0.0]] * 2, [[0.0, 0.0, 1.0]] * 2)


def check(path, position=AT_CENTRE[0], direction=AT_CENTRE[1]) -> None:
  found = data.conditions(path)
  np.testing.assert_allclose(found.energy, ENERGY, rtol=1e-6)
  np.testing.assert_allclose(found.position, position, atol=1e-5)
  np.testing.assert_allclose(found.direction, direction, atol=1e-6)


def save(path, arrays, **attributes):
  with h5py.File(path, 'w') as file:
    for key, array in arrays.items():
      file[key] = np.asarray(array)
    file.attrs.update(attributes)
  return path


GEV = np.array(ENERGY) / 1000
POINT = [[1.0, -2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
  'arrays, expected',
  [
    ({'energy': ENERGY, 'position': POINT, 'direction': DIRECTION}, (POINT, DIRECTION)),
    ({'energy': ENERGY, 'direction': DIRECTION}, (AT_CENTRE[0], DIRECTION)),
    (
      {
        'ParticleMomentum': GEV[:, None] * DIRECTION,
        'ParticlePoint': np.column_stack([np.array(POINT) / 10, [0, 0]]),
      },
      (POINT, DIRECTION),
    ),
    ({'ParticleMomentum': GEV[:, None] * DIRECTION}, (AT_CENTRE[0], DIRECTION)),
    ({'incident_energies': np.array(ENERGY)[:, None]}, AT_CENTRE),
    ({'incident_energy': ENERGY}, AT_CENTRE),
    (
      {
        'incident_energy': ENERGY,
        'incident_theta': [np.pi / 2, 1.3],
        'incident_phi': [2.0, 1.0],
      },
      (AT_CENTRE[0], [[0, 0, 1], [np.cos(1.3), 0, np.sin(1.3)]]),
    ),
    (
      {'energy': GEV[:, None], 'x0': [1.0, 3.0], 'y0': [-2.0, 4.0], 'theta': THETA, 'phi': PHI},
      (POINT, DIRECTION),
    ),
  ],
)
def test_arrays_of_every_layout(tmp_path, arrays, expected):
  check(save(tmp_path / 'a.h5', arrays), *expected)
  stored: dict[str, Any] = {key: np.asarray(value) for key, value in arrays.items()}
  np.savez(tmp_path / 'a.npz', **stored)
  check(tmp_path / 'a.npz', *expected)


def test_units_of_the_file(tmp_path):
  for unit, values in (('MeV', ENERGY), ('GeV', GEV)):
    check(save(tmp_path / 'a.h5', {'energy': values}, units=f'energy {unit}'))
  with pytest.raises(ValueError, match="a.h5: 'energy' alone may be MeV.* or GeV"):
    data.conditions(save(tmp_path / 'a.h5', {'energy': ENERGY}))
  with pytest.raises(ValueError, match="'z0' among|no energies among its keys .'z0'"):
    data.conditions(save(tmp_path / 'a.h5', {'z0': ENERGY}))


@pytest.mark.parametrize(
  'text, expected',
  [
    ('energy\n1000\n50000\n', AT_CENTRE),
    ('energy [GeV]\n1\n50\n', AT_CENTRE),
    ('x,y,energy\n1,-2,1e3\n3,4,5e4\n', (POINT, AT_CENTRE[1])),
    ('x [cm], y [cm], Energy (TeV)\n.1,-.2,.001\n.3,.4,.05\n', (POINT, AT_CENTRE[1])),
    (
      'energy,theta [deg],phi [deg]\n1000,5.729577951,0\n50000,11.459155903,90\n',
      (AT_CENTRE[0], DIRECTION),
    ),
    ('energy,dx,dy,dz\n1000,3,0,4\n50000,0,0,2\n', (AT_CENTRE[0], [[0.6, 0, 0.8], [0, 0, 1]])),
  ],
)
def test_csv(tmp_path, text, expected):
  (tmp_path / 'a.csv').write_text(text)
  check(tmp_path / 'a.csv', *expected)
  (tmp_path / 'a.csv').write_bytes(b'\xef\xbb\xbf' + text.replace('\n', '\r\n').encode())
  check(tmp_path / 'a.csv', *expected)  # as a spreadsheet writes it


@pytest.mark.parametrize(
  'text, message',
  [
    ('', 'no particles, expected a header'),
    ('energy\n', 'no particles, expected a header'),
    ('1000\n2000\n', "no column '1000'; known: energy"),
    ('energi\n1\n', "no column 'energi'; did you mean 'energy'"),
    ('energy [MEV]\n1\n', "no unit 'MEV'; did you mean 'MeV'"),
    ('energy [mm]\n1\n', "unit 'mm' of 'energy', expected one like MeV"),
    ('x,y\n1,2\n', 'expected energy once'),
    ('energy,energy\n1,2\n', 'expected energy once'),
    ('energy,x\n1,2\n', "'x' without 'y', expected both or none"),
    ('energy,x,y\n1,2\n', 'line 2 is .*, expected 3 numbers'),
    ('energy\n5\nfive\n', "line 3 is .'five'., expected 1 numbers"),
    ('energy\n-5\n', r'incident energy \(MeV\) is -5'),
    ('energy\nnan\n', 'energy is nan'),
    ('energy,dx,dy,dz\n5,0,0,0\n', 'length of the direction is 0'),
    ('energy,theta,phi\n5,20,0\n', 'theta up to 20 rad'),
    ('energy,theta,phi,dx,dy,dz\n5,0,0,0,0,1\n', 'theta and phi beside dx, dy and dz'),
    ('# from a spreadsheet\nenergy\n5\n\nfive\n', "line 5 is .'five'."),
  ],
)
def test_bad_csv_is_refused_in_one_line_that_names_the_file(tmp_path, text, message):
  (tmp_path / 'a.csv').write_text(text)
  with pytest.raises(ValueError, match=message) as refused:
    data.conditions(tmp_path / 'a.csv')
  assert str(tmp_path / 'a.csv') in str(refused.value) and '\n' not in str(refused.value)


def test_csv_that_is_no_text(tmp_path):
  (tmp_path / 'a.csv').write_bytes(b'energy\n\xff\xfe\n')
  with pytest.raises(ValueError, match='a.csv: cannot be read, expected CSV text in UTF-8'):
    data.conditions(tmp_path / 'a.csv')


def test_files_with_showers_are_read_as_before():
  assert len(data.conditions('clic').energy) == 900

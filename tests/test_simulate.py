"""Geant4 in the box: calorimeters and guns as data, data sets, the command line, and real showers
where Geant4 can run.
"""

import dataclasses
import importlib.util
import os
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from scipy import stats

from calojax import data, detectors
from calojax.evaluation.features import observe
from calojax.geometry import Geometry, Layer
from calojax.showers import take
from calojax.simulation import calorimeters, chunks, datasets, gun, jobs
from calojax.simulation.calorimeters import CALORIMETERS, Calorimeter, Slab
from calojax.simulation.chunks import Plan
from calojax.simulation.gun import Gun
from conftest import ROOT

TWO_LAYERS = Calorimeter(
  Geometry(
    'two', (Layer((4, 2), (10.0, 20.0), depth=5.0), Layer((1, 1), (30.0, 30.0), depth=20.0))
  ),
  slabs=(Slab('G4_Fe', 10.0), Slab('G4_Si', 5.0, active=True)) * 2,
  depths=(13.0, 17.0),
  width=50.0,
  gun=Gun('e-', 'fixed', (1e3, 1e3)),
)


needs_binding = pytest.mark.skipif(
  importlib.util.find_spec('geant4_pybind') is None, reason='needs geant4-pybind'
)


def command(*flags):
  return [sys.executable, '-m', 'calojax.simulate', *flags]


def simulate(*flags, environment=None):
  """A finished command, which has no standard input to ask; None is the test's own environment."""
  return subprocess.run(
    command(*flags),
    cwd=ROOT,
    stdin=subprocess.DEVNULL,
    capture_output=True,
    text=True,
    env=environment,
  )


def refused(process, message):
  """Whether a command ended as bad input does: exit code 2 and one line with the message."""
  return process.returncode == 2 and message in process.stderr and process.stderr.count('\n') == 1


def made(geant4, path, *flags):
  """The data set that a command makes."""
  process = simulate(f'--output={path}', *flags, environment=geant4)
  assert process.returncode == 0, process.stderr
  assert not os.path.exists(f'{path}.chunks')
  return data.read(path)


# Descriptions.


@pytest.mark.parametrize('name', ['lhcb_ecal', 'calogan', 'clic'])
def test_calorimeters_have_the_cells_of_the_loaders(name):
  calorimeter = calorimeters.load(name)
  assert calorimeter.geometry is detectors.DETECTORS[name]
  assert calorimeter.geometry == data.load(name).geometry


def test_plates_are_cut_where_the_read_out_changes():
  active = [
    (front, slab.thickness, layer)
    for front, slab, layer in calorimeters.plates(TWO_LAYERS)
    if slab.active
  ]
  assert active == [(10.0, 3.0, 0), (13.0, 2.0, 1), (25.0, 5.0, 1)]


@pytest.mark.parametrize(
  'name, expected', [('lhcb_ecal', [264]), ('calogan', [60, 231, 29]), ('clic', [0.5] * 25)]
)
def test_active_thickness_of_each_layer(name, expected):
  thickness = np.zeros(len(expected))
  for _, slab, layer in calorimeters.plates(CALORIMETERS[name]):
    thickness[layer] += slab.thickness * slab.active
  np.testing.assert_allclose(thickness, expected)


@pytest.mark.parametrize(
  'change, message',
  [
    ({'depths': (30.0,)}, '1 depths for 2'),
    ({'depths': (13.0, 18.0)}, '31 mm for plates of 30 mm'),
    ({'depths': (9.0, 21.0)}, 'layer 0 of .* no active'),
    ({'width': 39.0}, 'reach 20 mm'),
    ({'slabs': ()}, 'no plates'),
    ({'slabs': (Slab('G4_Fe', -1.0),)}, 'no thickness'),
    ({'geometry': detectors.CALOCHALLENGE_PHOTONS, 'depths': (6.0,) * 5}, 'reach 600 mm'),
  ],
)
def test_inconsistent_calorimeters_are_refused(change, message):
  assert calorimeters.check(TWO_LAYERS) is TWO_LAYERS
  with pytest.raises(ValueError, match=message):
    calorimeters.check(dataclasses.replace(TWO_LAYERS, **change))


def test_stack_in_words():
  assert chunks.stack(TWO_LAYERS.slabs) == '2 x (10 mm G4_Fe + 5 mm G4_Si active)'
  assert chunks.stack(TWO_LAYERS.slabs[:1]) == '1 x (10 mm G4_Fe)'


# Particles.


def test_an_event_has_its_particle_whatever_else_is_drawn():
  usual = CALORIMETERS['lhcb_ecal'].gun
  few, many, other = (gun.draw(usual, *of) for of in ((3, 4, 6), (3, 0, 8), (4, 0, 8)))
  for a, b, c in zip(few, many, other):
    np.testing.assert_array_equal(a, b[4:6])
    assert not np.isclose(b, c).all()


@pytest.mark.parametrize(
  'name, energy, position, direction',
  [
    (
      'lhcb_ecal',
      14309.340938309806,
      (-6.64388413264688, -29.709620879553302),
      (0.10229459159332308, 0.20945242207191375),
    ),
    (
      'calogan',
      58203.17175541272,
      (45.222569437656176, 12.86245245955493),
      (0.045997834725428066, 0.21356510630041398),
    ),
    ('clic', 48594.06946380394, (0.0, 0.0), (0.0, 0.0)),
  ],
)
def test_a_seed_has_the_particles_of_earlier_versions(name, energy, position, direction):
  """Event 3 of seed 5, as version 0.1.0 drew it, in double precision."""
  drawn = gun.draw(CALORIMETERS[name].gun, 5, 3, 4)
  np.testing.assert_allclose(drawn.energy, [energy], rtol=1e-14)
  np.testing.assert_allclose(drawn.position, [position], rtol=1e-13)
  np.testing.assert_allclose(drawn.direction[:, :2], [direction], rtol=1e-13)


@pytest.mark.parametrize('name', ['lhcb_ecal', 'calogan', 'clic'])
def test_default_guns_are_those_of_the_embedded_showers(name):
  calorimeter = CALORIMETERS[name]
  old, new = data.load(name).showers.condition, gun.draw(calorimeter.gun, 0, 0, 1500)
  columns = lambda c: [
    c.energy,
    *(c.position + calorimeter.gun.aim * c.direction[:, :2] / c.direction[:, 2:]).T,
    *c.direction.T,
  ]
  for a, b in zip(columns(old), columns(new)):
    test: Any = stats.ks_2samp(a, b)
    assert test.pvalue > 1e-3 or np.ptp(a) == np.ptp(b) == 0


@pytest.mark.parametrize(
  'spectrum, law',
  [('uniform', lambda e: (e - 2e3) / 6e3), ('log_uniform', lambda e: np.log(e / 2e3) / np.log(4))],
)
def test_spectra(spectrum, law):
  particles = gun.draw(Gun('gamma', spectrum, (2e3, 8e3)), 1, 0, 2000)
  assert stats.kstest(law(particles.energy), 'uniform').pvalue > 1e-3
  assert (particles.position == 0).all() and (particles.direction == [0, 0, 1]).all()


def test_changed_guns():
  base = CALORIMETERS['calogan'].gun
  fixed = gun.changed(base, {'energy': ['5']})
  assert (fixed.spectrum, fixed.energy) == ('fixed', (5e3, 5e3))
  assert gun.changed(base, {'energy': ['2', '20']}).energy == (2e3, 20e3)
  sloped = gun.changed(base, {'slope': 0.1})
  assert (sloped.slope, sloped.theta) == (0.1, 0.0)
  assert gun.changed(sloped, {'slope': 0.0}) == dataclasses.replace(sloped, slope=0.0)
  wrong = [
    {'energy': ['x']},
    {'energy': []},
    {'energy': ['1', '2', '3']},
    {'spectrum': 'fixed'},
    {'energy': ['1'], 'spectrum': 'uniform'},
  ]
  for given in wrong:
    with pytest.raises(ValueError, match='energ'):
      gun.changed(base, given)


def test_the_wide_law_has_impact_and_angle_independent_and_everywhere():
  wide = CALORIMETERS['lhcb_ecal'].law('wide')
  particles = gun.draw(gun.check(wide, 606.0), 5, 0, 2000)
  slopes = particles.direction[:, :2] / particles.direction[:, 2:]
  for values, limit in ((slopes, 0.5), (particles.position, 100.0)):
    for axis in range(2):
      assert stats.kstest(values[:, axis] / limit, 'uniform', (-1, 2)).pvalue > 1e-3
  assert np.abs(np.corrcoef(np.hstack([slopes, particles.position]).T) - np.eye(4)).max() < 0.1
  with pytest.raises(ValueError, match="law of clic 'wide'.*known: usual"):
    CALORIMETERS['clic'].law('wide')
  assert gun.changed(wide, {'theta': 10.0}).slope_limit == 0
  with pytest.raises(ValueError, match='at most one'):
    gun.check(dataclasses.replace(wide, slope=0.1), 606.0)


# Data sets: the first import of the binding would ask on standard input.


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
  """An empty home and no variable of Geant4."""
  for variable in (datasets.ROOT, *datasets.NEEDED):
    monkeypatch.delenv(variable, raising=False)
  monkeypatch.setenv('HOME', str(tmp_path))
  return tmp_path


def test_missing_data_sets_are_named_with_the_remedy(nowhere):
  with pytest.raises(ValueError, match=r'G4LEDATA.*--download.*GEANT4_DATA_DIR'):
    datasets.environment()


def test_data_sets_are_found_in_each_place(nowhere, monkeypatch):
  for name in datasets.NEEDED.values():
    (nowhere / '.geant4_pybind' / f'{name}1.0').mkdir(parents=True)
  found = datasets.environment()
  assert found['G4LEDATA'] == str(nowhere / '.geant4_pybind' / 'G4EMLOW1.0')
  assert found[datasets.ROOT] == str(nowhere / '.geant4_pybind')  # with it the binding asks nothing
  (nowhere / 'mine' / 'G4EMLOW9.9').mkdir(parents=True)
  monkeypatch.setenv(datasets.ROOT, str(nowhere / 'mine'))
  assert datasets.environment()['G4LEDATA'] == str(nowhere / 'mine' / 'G4EMLOW9.9')
  monkeypatch.setenv('G4LEDATA', str(nowhere))
  assert datasets.environment()['G4LEDATA'] == str(nowhere)
  monkeypatch.setenv('G4LEDATA', str(nowhere / 'gone'))
  with pytest.raises(ValueError, match='G4LEDATA'):
    datasets.environment()


BINDING = """
import os, pathlib
assert 'GEANT4_DATA_DIR' not in os.environ and input('Download? ') == 'y'
for name, variable in (('G4EMLOW', 'G4LEDATA'), ('G4ENSDFSTATE', 'G4ENSDFSTATEDATA'),
                       ('PhotonEvaporation', 'G4LEVELGAMMADATA'),
                       ('G4PARTICLEXS', 'G4PARTICLEXSDATA'), ('G4NDL', 'G4NEUTRONHPDATA')):
  if variable not in os.environ:
    (pathlib.Path.home() / '.geant4_pybind' / f'{name}1.0').mkdir(parents=True)
"""


def test_download_takes_the_route_of_the_binding(nowhere, monkeypatch):
  (nowhere / 'geant4_pybind.py').write_text(BINDING)
  monkeypatch.setenv(
    'PYTHONPATH', os.pathsep.join([str(nowhere), os.environ.get('PYTHONPATH', '')])
  )
  process = simulate('--download')
  assert process.returncode == 0, process.stderr
  assert str(nowhere / '.geant4_pybind') in process.stdout
  assert not (
    nowhere / '.geant4_pybind' / 'G4NDL1.0'
  ).exists()  # 400 MB of neutrons that nobody needs here
  datasets.environment()
  (nowhere / 'geant4_pybind.py').write_text('raise OSError("no network")')
  failed = simulate('--download')
  assert failed.returncode == 2
  assert failed.stderr.splitlines()[-1] == 'calojax: download failed: OSError: no network'


def test_missing_extra(monkeypatch):
  monkeypatch.setitem(sys.modules, 'geant4_pybind', None)
  with pytest.raises(ValueError, match=r'pip install "calojax\[geant4\]"'):
    datasets.installed()


# The command line.


def test_help_loads_nothing_heavy():
  call = [sys.executable, '-X', 'importtime', '-m', 'calojax.simulate', '--help']
  process = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
  loaded = {line.rsplit('|', 1)[-1].strip() for line in process.stderr.splitlines()}
  assert process.returncode == 0 and '--detector' in process.stdout
  assert not loaded & {'numpy', 'h5py', 'jax', 'geant4_pybind', 'multiprocessing'}


@pytest.mark.parametrize(
  'flags, message',
  [
    (
      ['--detector=lhcb'],
      "no detector 'lhcb'; did you mean 'lhcb_ecal'? known: lhcb_ecal, calogan, clic",
    ),
    (['--particle=pi+'], "no particle 'pi+'; known: e-, e+, gamma"),
    (['--spectrum=flat'], 'known: fixed, uniform, log_uniform'),
    (['--physics=QGSP'], 'known: G4EmStandardPhysics'),
    (['--energy=20,10'], 'energies from 20 to 10 GeV'),
    (['--energy=20:10'], 'energies from 20 to 10 GeV'),
    (['--energy=0'], 'energies from 0 to 0 GeV'),
    (['--energy=1,2e5'], 'up to at most 100000 GeV, where the tables end'),
    (['--energy=nan'], 'energ'),
    (['--slope=3'], 'the front face up to 2710.1 mm'),
    (['--theta=10', '--slope=0.1'], 'expected at most one above 0'),
    (['--events=0'], '--events is 0'),
    (['--events=many'], '--events'),
    (['--jobs=0'], '--jobs is 0'),
    (['--seed=-1'], '--seed is -1'),
    (['--cut=0'], '--cut is 0 mm'),
    (['--output='], 'no --output'),
    (['surplus'], "'surplus'"),
  ],
)
def test_bad_input_is_one_line(flags, message, tmp_path):
  process = simulate('--events=2', f'--output={tmp_path}/a.h5', *flags)
  assert refused(process, message) and process.stdout == ''
  assert os.listdir(tmp_path) == []


def test_geant4_gives_one_line_of_its_reasons(tmp_path):
  log = tmp_path / 'job.log'
  log.write_text(
    '-------- EEEE --------\n*** G4Exception : em0003\n      issued by : Model::ReadData()\n'
    'file <br92> is not opened!\n'
    '*** Fatal Exception *** core dump ***\n'
  )
  assert jobs.reason(str(log)) == 'Geant4 em0003 in Model::ReadData(): file <br92> is not opened!'
  log.write_text('')
  assert 'memory' in jobs.reason(str(log))


# Real showers.


def planned(path, events, seed=0):
  """A simulation, and a function that makes a chunk of it in a moment."""
  calorimeter = CALORIMETERS['lhcb_ecal']
  plan = Plan(calorimeter, calorimeter.gun, 'G4EmStandardPhysics', 0.7, seed, events, str(path))

  def make(number):
    start, stop = plan.extent(number)
    count = stop - start
    energies = np.tile(
      np.arange(start, stop, dtype=np.float32)[:, None], (1, calorimeter.geometry.cells)
    )
    account = {'geant4': '11', 'cpu': np.ones(count), 'python': np.zeros(count)}
    chunks.write(plan, number, gun.draw(plan.gun, seed, start, stop), energies, account)

  return plan, make


@needs_binding
def test_a_simulation_goes_on_with_another_number_of_events(tmp_path):
  plan, make = planned(tmp_path / 'a.h5', 35)
  with chunks.begun(plan) as numbers:
    assert numbers == list(range(18)) and plan.extent(17) == (34, 35)
    for number in (3, 16, 17):
      make(number)
  longer, make = planned(tmp_path / 'a.h5', 38)
  with chunks.begun(longer) as numbers:
    assert numbers == [
      n for n in range(19) if n not in (3, 16)
    ]  # the short chunk at the end is made again
    for number in numbers:
      make(number)
  shorter, _ = planned(tmp_path / 'a.h5', 33)
  with chunks.begun(shorter) as numbers:
    assert numbers == [16]  # it reaches beyond
    planned(tmp_path / 'a.h5', 33)[1](16)
    chunks.merge(shorter)
  np.testing.assert_array_equal(data.read(tmp_path / 'a.h5').showers.energies[:, 0], np.arange(33))
  assert sorted(path.name for path in shorter.folder.glob('*.h5')) == [
    '000017.h5',
    '000018.h5',
  ]  # nothing is thrown away


@needs_binding
def test_two_simulations_do_not_share_a_folder(tmp_path):
  plan, make = planned(tmp_path / 'a.h5', 32)
  with chunks.begun(plan):
    make(0)
    with pytest.raises(ValueError, match='another simulation is at work'), chunks.begun(plan):
      pass
  with chunks.begun(plan) as numbers:
    assert numbers == list(range(1, 16))
  other, _ = planned(tmp_path / 'a.h5', 32, seed=1)
  with pytest.raises(ValueError, match='another simulation, seed 0, now 1'), chunks.begun(other):
    pass


@pytest.mark.parametrize(
  'output, message',
  [
    ('missing/a.h5', 'folder that exists'),
    ('there.h5', 'exists already'),
    ('', 'a name that ends in one of .h5'),
    (300 * 'a' + '.h5', 'cannot be used'),  # longer than file systems take
  ],
)
def test_unusable_outputs(output, message, tmp_path, geant4):
  (tmp_path / 'there.h5').touch()
  process = simulate('--events=2', f'--output={os.path.join(tmp_path, output)}', environment=geant4)
  assert refused(process, message)


@needs_binding
def test_missing_data_sets_end_the_command(nowhere):
  process = simulate('--events=2', f'--output={nowhere}/a.h5')
  assert refused(process, '--download')


USERS = """
from calojax.geometry import Geometry, Layer
from calojax.simulation.calorimeters import Calorimeter, Gun, Slab

CALORIMETER = Calorimeter(
  Geometry('mine', (Layer((10, 5), (10.0, 20.0), depth=30.0, centre=(20.0, 0.0)),
                    Layer((1, 1), (200.0, 200.0), depth=200.0))),
  slabs=(Slab('ABSORBER', 5.0), Slab('G4_POLYSTYRENE', 5.0, active=True)) * 30,
  depths=(145.0, 155.0),
  width=200.0,
  gun=Gun('gamma', 'fixed', (2000.0, 2000.0), spread=5.0),
)
"""


def test_a_calorimeter_of_the_users(tmp_path, geant4):
  path = tmp_path / 'mine.py'
  path.write_text(USERS.replace('ABSORBER', 'G4_Pb'))
  showers, geometry, provenance = made(
    geant4, tmp_path / 'a.h5', f'--detector={path}', '--events=20'
  )
  assert geometry.name == 'mine' and provenance['gun']['particle'] == 'gamma'
  front, back = geometry.split(showers.energies)
  assert (front.sum((1, 2)) > 0).all() and (back.sum((1, 2)) > 0).all()
  # The grid of the first layer reaches from x = -30 to 70 mm and y = -50 to 50 mm: the shower is at
  # the border of its columns 2, 3.
  assert set(front.sum((0, 2)).argsort()[-2:]) == {2, 3} and front.sum((0, 1)).argmax() == 2
  path.write_text(USERS.replace('ABSORBER', 'G4_Unobtainium'))
  process = simulate(
    f'--detector={path}', '--events=2', f'--output={tmp_path}/b.h5', environment=geant4
  )
  assert refused(process, "no material 'G4_Unobtainium'")


RINGS = """
from calojax.geometry import Geometry, PolarLayer
from calojax.simulation.calorimeters import Calorimeter, Gun, Slab

CALORIMETER = Calorimeter(
  Geometry('rings', (PolarLayer((0.0, 20.0, 50.0, 120.0), 12, 0.0),
                     PolarLayer((40.0, 120.0), 1, 100.0))),
  slabs=(Slab('G4_Pb', 100.0, active=True),) * 2,
  depths=(40.0, 160.0),
  width=240.0,
  gun=Gun('e-', 'fixed', (1000.0, 1000.0), spread=60.0),
)
"""


def test_cells_in_rings_are_where_the_particles_are(tmp_path, geant4):
  """Electrons in a block of lead: of the first layer the fullest cell is the one that they hit, at
  whatever angle; the second layer is a ring, and sees what goes behind it.
  """
  path = tmp_path / 'rings.py'
  path.write_text(RINGS)
  showers, geometry, _ = made(geant4, tmp_path / 'a.h5', f'--detector={path}', '--events=100')
  front, back = geometry.split(showers.energies)
  x, y = showers.condition.position.T
  radius = np.hypot(x, y)
  sector = np.floor((np.arctan2(y, x) + np.pi) / (2 * np.pi / 12)).astype(int)
  hit = sector * 3 + np.searchsorted([20, 50], radius)
  # A shower in lead is 16 mm wide: only at a border another cell may have more.
  assert np.mean(front.reshape(len(x), -1).argmax(1) == hit) > 0.85
  assert len(set(sector)) == 12
  seen = back[:, 0, 0] / (showers.energies.sum(1))
  assert seen[radius < 20].max() < seen[(radius > 50) & (radius < 80)].min()
  assert (showers.energies.sum(1) <= 1000).all()
  assert np.median(showers.energies.sum(1)[(radius > 60) & (radius < 80)]) > 900


def test_showers_depend_on_the_seed_and_not_on_the_jobs(tmp_path, geant4):
  flags = ('--energy=1,3', '--seed=5')
  one = made(geant4, tmp_path / 'one.h5', *flags, '--events=34')
  two = made(geant4, tmp_path / 'two.h5', *flags, '--events=34', '--jobs=3')
  few = made(
    geant4, tmp_path / 'few.h5', *flags, '--events=5'
  )  # other chunks, other process histories
  np.testing.assert_array_equal(one.showers.energies, two.showers.energies)
  np.testing.assert_array_equal(one.showers.energies[:5], few.showers.energies)
  for a, b in zip(one.showers.condition, two.showers.condition):
    np.testing.assert_array_equal(a, b)
  assert (
    made(geant4, tmp_path / 'other.h5', '--energy=1,3', '--seed=6', '--events=5').showers.energies
    != few.showers.energies
  ).any()
  assert len(np.unique(one.showers.energies.sum(1))) == 34
  provenance = one.provenance
  assert provenance['geant4'].startswith('11.') and provenance['seed'] == 5
  assert provenance['physics'] == 'G4EmStandardPhysics' and provenance['range_cut_mm'] == 0.7
  assert provenance['stack'] == '66 x (2 mm G4_Pb + 4 mm G4_PLASTIC_SC_VINYLTOLUENE active)'
  assert 0 < provenance['cpu_seconds_per_event'] < 10 and 0 < provenance['python_share'] < 0.1


def test_physics_and_range_cut_are_what_was_asked_for(tmp_path, geant4):
  flags = ('--energy=2', '--events=16', '--seed=4')
  usual, simple, coarse = (
    made(geant4, tmp_path / f'{number}.h5', *flags, *more)
    for number, more in enumerate(((), ('--physics=G4EmStandardPhysics_option1',), ('--cut=100',)))
  )
  response = [
    (file.showers.energies.sum(1) / file.showers.condition.energy).mean()
    for file in (usual, simple, coarse)
  ]
  # Longer steps through the plates lose visible energy; a large cut leaves the plates' electrons
  # where they were born.
  assert response[1] < response[0] - 0.01 and response[2] < response[0] - 0.005
  assert simple.provenance['physics'] == 'G4EmStandardPhysics_option1'
  assert coarse.provenance['range_cut_mm'] == 100


@pytest.mark.parametrize('kill, code', [(signal.SIGTERM, 75), (signal.SIGKILL, -9)])
def test_a_killed_simulation_goes_on_where_it_was(kill, code, tmp_path, geant4):
  flags = ('--energy=2', '--events=64', '--jobs=2')
  path = tmp_path / 'a.h5'
  folder = tmp_path / 'a.h5.chunks'
  process = subprocess.Popen(
    command(f'--output={path}', *flags),
    cwd=ROOT,
    stderr=subprocess.PIPE,
    text=True,
    env=geant4,
  )
  deadline = time.monotonic() + 60
  while len(list(folder.glob('*.h5'))) < 2 and time.monotonic() < deadline:
    time.sleep(0.01)
  process.send_signal(kill)
  error = process.communicate()[1]
  assert process.returncode == code and not path.exists()
  if code == 75:
    assert 'run the same command again' in error.splitlines()[-1]
  time.sleep(0.5)  # children of a parent that was killed end after the chunk in hand
  kept = {chunk.name: chunk.stat().st_mtime_ns for chunk in folder.glob('*.h5')}
  assert 2 <= len(kept) < 16
  other = simulate(f'--output={path}', '--energy=3', '--events=64', environment=geant4)
  assert refused(other, 'another simulation, gun')
  again = simulate(f'--output={path}', *flags, environment=geant4)
  assert again.returncode == 0 and f'resuming, {4 * len(kept)} of 64' in again.stderr
  if kill == signal.SIGTERM:
    whole = made(geant4, tmp_path / 'b.h5', *flags)
    np.testing.assert_array_equal(data.read(path).showers.energies, whole.showers.energies)


def distances(new, old):
  """Difference of the means of two samples' columns `[n, m]` in units of its error, from the spread
  of both together.

  Rare events of the tails are mostly in the larger sample: its spread alone would be right, the
  smaller one's too small.
  """
  spread = np.concatenate([new, old]).std(axis=0)
  return (
    np.abs(new.mean(axis=0) - old.mean(axis=0))
    / np.where(spread > 0, spread, 1)
    / (1 / len(new) + 1 / len(old)) ** 0.5
  )


@pytest.mark.parametrize(
  'name, high, events', [('lhcb_ecal', 6, 150), ('calogan', 6, 60), ('clic', 6, 100)]
)
def test_showers_agree_with_the_embedded_ones(name, high, events, tmp_path, geant4):
  low = CALORIMETERS[name].gun.energy[0] / 1e3
  new = made(
    geant4,
    tmp_path / 'a.h5',
    f'--detector={name}',
    f'--energy={low:g},{high}',
    f'--events={events}',
  )
  old = data.load(name)
  reference = take(old.showers, old.showers.condition.energy < high * 1e3)
  names = [
    'response',
    'occupancy',
    'max_cell',
    'delta_x',
    'delta_y',
    *['layer_fractions'] * (len(old.geometry.layers) > 1),
  ]
  a, b = (observe(names, showers, old.geometry) for showers in (new.showers, reference))
  limit = stats.norm.isf(
    1e-4 / 2 / a.shape[1]
  )  # of so many columns, one above it is a chance of at most 1e-4
  assert distances(a, b).max() < limit
  assert abs(a[:, 0].mean() / b[:, 0].mean() - 1) < 0.04  # statistical errors are 0.3 to 1.2 %
  a[:, 0] *= 1.1
  assert distances(a, b)[0] > limit

"""`calojax list` and `calojax show`: what there is, and what a file, a run or a model is."""

import numpy as np
import pytest

from calojax import data, zoo
from calojax.commands import door, listing, told, words
from calojax.config import shipped
from calojax.detectors import CALOCHALLENGE_PHOTONS, CALOGAN, DETECTORS
from calojax.evaluation.figures import portrait
from calojax.geometry import Geometry, Layer
from calojax.showers import Condition, Shower, take
from conftest import save

pytest.importorskip('matplotlib')


def run(capsys, *words, code=0):
  """What a command prints."""
  assert door.console([str(word) for word in words]) == code
  streams = capsys.readouterr()
  return streams.err if code else streams.out


def test_everything_of_the_package_is_listed_once(capsys):
  text = run(capsys, 'list')
  names = list(shipped.files())
  for name in names:
    assert text.count(f'\n  {name} ') >= 1, name
  for kind, known in (
    ('systems', names),
    ('detectors', DETECTORS),
    ('models', zoo.names()),
    ('data', data.DATASETS),
  ):
    lines = run(capsys, 'list', kind).strip().splitlines()
    assert lines[0].startswith(kind) and len(lines) == 1 + len(known)
    assert {line.split()[0] for line in lines[1:]} == set(known)
    assert all(len(line) < 170 and len(line.split()) > 3 for line in lines[1:])


def test_first_sentences():
  assert listing.first_sentence('A GAN (Who et al. 2017) of 3 layers. More.') == (
    'A GAN (Who et al. 2017) of 3 layers'
  )
  assert (
    listing.first_sentence('A net (Who 2021: PRD-AUC 0.1,\n0.2).\n\nMore.') == 'A net (Who 2021)'
  )


def test_geometries_in_words():
  assert words.geometry(CALOGAN).startswith('1 layer of 96x3 cells of 5 x 160 mm, 1 layer of 12x12')
  assert words.geometry(CALOCHALLENGE_PHOTONS) == (
    '5 layers of cells around the axis, 1x8, 10x16, 10x19, 1x5, 1x5; 368 cells'
  )


def test_a_file_is_told_with_its_ranges_and_origin(capsys, tmp_path, few, embedded):
  condition = Condition.of(few.condition.energy, (1.0, -2.0))
  path = tmp_path / 'a.h5'
  with data.writer(path, embedded.geometry, {'made by': 'us'}, 'lhcb') as writer:
    writer.append(few._replace(condition=condition))
  text = run(capsys, 'show', path)
  assert f'{path}: 256 showers of lhcb_ecal, layout lhcb' in text
  low, high = condition.energy.min() / 1e3, condition.energy.max() / 1e3
  assert f'{low:.4g} to {high:.4g} GeV' in text and '1 mm, -2 mm on the front face' in text
  assert '0 degrees' in text and 'made by' in text and 'MeV' in text


def test_a_large_file_is_looked_at_evenly(capsys, tmp_path, monkeypatch):
  monkeypatch.setattr(told, 'LOOKED_AT', 40)
  geometry = Geometry('small', (Layer((2, 2), (1.0, 1.0), depth=1.0),))
  energy = np.linspace(1e3, 2e3, 500)
  with data.writer(tmp_path / 'a.h5', geometry, {}) as writer:
    writer.append(Shower(np.ones((500, 4)), Condition.of(energy)))
  text = run(capsys, 'show', tmp_path / 'a.h5')
  assert '500, of which 40 were looked at' in text and '1 to 2 GeV' in text


def test_models_and_embedded_showers(capsys):
  text = run(capsys, 'show', 'lhcb_ecal')
  assert 'exported generator lhcb_ecal_vae_gan' in text and '30x30 cells of 20.2 x 20.2 mm' in text
  assert 'classifier/worst' in text and '1.001 to 99.96 GeV' in text and 'cebc8f7f12d383c2' in text
  text = run(capsys, 'show', 'clic', '--kind=data')
  assert 'embedded showers clic' in text and '900' in text and 'G4EmStandardPhysics' in text


def test_particles_alone(capsys, tmp_path):
  (tmp_path / 'beam.csv').write_text('energy[GeV],x,y\n10,1,2\n30,3,4\n')
  text = run(capsys, 'show', tmp_path / 'beam.csv')
  assert 'particles without showers' in text and '10 to 30 GeV' in text


@pytest.mark.parametrize(
  'arguments, expected',
  [
    (['lhcb_eca'], 'did you mean lhcb_ecal?'),
    (['nothing.h5'], "'nothing.h5' is no file, no run and no model"),
    ([], 'needs --source'),
    (['lhcb_ecal', '--output=a.jpg'], '.png, .pdf, .svg'),
    (['lhcb_ecal', '--kind=modell'], "did you mean 'model'"),
    (['beam.csv', '--output=a.png'], 'holds no showers'),
    (['broken.npz'], 'broken.npz'),
  ],
)
def test_what_cannot_be_shown_is_refused(capsys, tmp_path, monkeypatch, arguments, expected):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'beam.csv').write_text('energy[GeV]\n10\n')
  save(tmp_path / 'broken.npz', {'a': np.zeros(3)})
  assert expected in run(capsys, 'show', *arguments, code=2)
  assert not list(tmp_path.glob('a.*'))


@pytest.mark.parametrize(
  'ending, magic', [('png', b'\x89PNG'), ('pdf', b'%PDF'), ('svg', b'<?xml')]
)
def test_pictures(capsys, tmp_path, few, embedded, ending, magic):
  source, path = tmp_path / 'a.npz', tmp_path / f'a.{ending}'
  with data.writer(source, embedded.geometry, {}) as writer:
    writer.append(take(few, slice(20)))
  run(capsys, 'show', source, f'--output={path}')
  assert path.read_bytes().startswith(magic)
  assert 'is there' in run(capsys, 'show', source, f'--output={path}', code=2)


def test_the_lateral_profile_is_about_the_line_of_the_particle():
  geometry = Geometry('a', (Layer((3, 1), (10.0, 10.0), depth=100.0),))
  slope = np.array([0.1, 0.0, 1.0]) / np.hypot(0.1, 1.0)
  shower = Shower(np.ones((1, 3), np.float32), Condition.of(1e3, (-10.0, 4.0), slope))
  # The line crosses the layer at x = 0, y = 4.
  np.testing.assert_allclose(
    portrait.from_the_line(shower, geometry), [np.hypot([-10.0, 0.0, 10.0], 4.0)], rtol=1e-5
  )


@pytest.mark.parametrize('count', [1, 6])
def test_portraits_of_every_kind_of_layers(count):
  for geometry in (CALOCHALLENGE_PHOTONS, DETECTORS['clic']):
    energies = np.random.default_rng(0).exponential(size=(count, geometry.cells)).astype(np.float32)
    figure = portrait.portrait(Shower(energies, Condition.of([2e3] * count)), geometry, 'x')
    assert len(figure.axes) >= 8

"""Two files of showers before the evaluation, from the command line."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

from calojax import data
from calojax.commands import evaluate
from calojax.evaluation.wishes import Wishes
from calojax.geometry import Geometry, Layer
from calojax.showers import Condition, Shower, take
from conftest import ROOT

GEOMETRY = Geometry('flat', (Layer((6, 6), (20.0, 20.0), 150.0),), 0.2)


def showers(seed: int, count: int = 120, geometry: Geometry = GEOMETRY) -> Shower:
  """Noisy round blobs about points within 20 mm of the middle."""
  rng = np.random.default_rng((7, seed))
  energy, position = 1000 * 100 ** rng.random(count), rng.uniform(-20, 20, (count, 2))
  away = np.square(geometry.positions[:, :2] - position[:, None]).sum(-1)
  energies = 0.02 * energy[:, None] * np.exp(-away / 1800) * rng.gamma(2.0, 0.5, away.shape)
  return Shower(
    energies.astype(np.float32), Condition(energy, position, np.tile([0, 0, 1.0], (count, 1)))
  )


def written(path, sample: Shower, geometry: Geometry = GEOMETRY, layout: str = 'calojax') -> str:
  with data.Writer(path, geometry, {'by': 'test'}, layout) as file:
    file.append(sample)
  return str(path)


def wish(folder) -> Wishes:
  """An evaluation without the networks."""
  return Wishes(output=str(folder / 'out'), classifier=False)


def command(*arguments) -> subprocess.CompletedProcess:
  return subprocess.run(
    [sys.executable, '-m', 'calojax.main', '--mode=evaluate', *arguments],
    cwd=ROOT,
    capture_output=True,
    text=True,
  )


def test_two_files_are_compared(tmp_path):
  real, fake, training = (
    written(tmp_path / f'{i}.h5', showers(i, count)) for i, count in ((0, 240), (1, 120), (2, 300))
  )
  output = tmp_path / 'report'
  process = command(
    f'--reference={real}',
    f'--generated={fake}',
    f'--output={output}',
    f'--training={training}',
    '--seed=3',
    '--clusters=25',
    '--metrics=prd,frechet,manifold,response,neighbours,distances,observables,classifier',
    '--format=pdf',
  )
  assert process.returncode == 0, process.stderr
  assert '240 reference and 120 generated showers of flat: compares 120 with 120' in process.stdout
  summary = json.loads((output / 'summary.json').read_text())
  expected = {
    'prd_auc/raw',
    'distances/fpd',
    'manifold/coverage',
    'classifier/low',
    'response/worst',
    'neighbours/reached',
    'separation/mean',
    'correlations/distance',
    'observables/energy/mean',
  }
  assert (
    expected <= set(summary) and 'neighbours/memorised' not in summary
  )  # not made for the reference's particles
  assert (
    summary['meta']['clusters'] == 25
    and summary['meta']['seed'] == 3
    and summary['meta']['asked']['clusters'] == 25
    and 'classifier/trees_high' not in summary  # was not asked for
    and not summary['meta']['paired']
  )
  assert (
    summary['meta']['reference_file']['provenance'] == {'by': 'test'}
    and summary['meta']['generated_file']['showers'] == 120
  )
  page = (output / 'report.html').read_text()
  assert 'http://' not in page and 'https://' not in page  # nothing from the network
  assert (output / 'observables.pdf').read_bytes()[:5] == b'%PDF-'
  assert (
    'PRD' in page
    and 'data:image/png;base64' in page
    and summary['meta']['generated_file']['sha256'][:12] in page
  )
  names = {path.name for path in output.iterdir()}
  assert {
    'summary.json',
    'report.html',
    'report.tex',
    'observables.png',
    'samples.pdf',
  } <= names and not any('.part' in name for name in names)


def test_showers_for_the_references_own_particles_tell_of_memorising(tmp_path, unseen):
  """Copies of the training showers, each for the particle of the reference that it was not made
  by.
  """
  real, training = showers(0, 200), showers(1, 200)
  copies = Shower(training.energies, real.condition)
  paths = (
    written(tmp_path / name, sample)
    for name, sample in (('real.h5', real), ('copies.h5', copies), ('training.h5', training))
  )
  reference, generated, trained_on = paths
  found = evaluate.compare_files(reference, generated, trained_on, wish(tmp_path))
  assert found['meta']['paired'] and found['meta']['count'] == 100
  assert found['neighbours/memorised']['value'] == 1


def test_layouts_mix(tmp_path, few, unseen):
  embedded = data.load('lhcb_ecal').geometry
  real = written(tmp_path / 'a.h5', take(few, slice(0, 80)), embedded)
  fake = written(tmp_path / 'b.h5', take(few, slice(80, 160)), embedded, 'lhcb')
  found = evaluate.compare_files(real, fake, None, wish(tmp_path))
  assert (
    abs(
      found['observables/response/mean']['value'] / found['observables/response/mean']['reference']
      - 1
    )
    < 0.02
  )


@pytest.fixture
def unseen(monkeypatch):
  """Without pictures, which take most of the time."""
  monkeypatch.setattr(evaluate.plots, 'figures', lambda *arguments: {})


def broken(path, key: str, value: float) -> None:
  with h5py.File(path, 'r+') as file:
    array = file[key]
    assert isinstance(array, h5py.Dataset)
    array[(3,) if array.ndim == 1 else (3, 5)] = value


@pytest.mark.parametrize(
  'change, message',
  [
    (lambda path: broken(path, 'energies', np.nan), 'energies is nan in shower 3'),
    (lambda path: broken(path, 'energies', -1.0), 'is -1 in shower 3'),
    (lambda path: broken(path, 'energy', 0.0), 'is 0 in shower 3'),
    (lambda path: path.write_bytes(b'nothing'), 'cannot be opened'),
    (lambda path: path.unlink(), 'no file of showers and no embedded set'),
    (
      lambda path: written(path, showers(1, 3)),
      '120 reference and 3 generated showers, expected at least 8 and 4',
    ),
    (
      lambda path: written(
        path,
        showers(1, geometry=Geometry('other', (Layer((6, 6), (10.0, 10.0), 150.0),))),
        Geometry('other', (Layer((6, 6), (10.0, 10.0), 150.0),)),
      ),
      'different calorimeters: flat and other; layer 0',
    ),
    (
      lambda path: written(
        path, showers(1)._replace(condition=showers(1).condition._replace(energy=np.full(120, 5e4)))
      ),
      'conditions do not match: incident energy',
    ),
  ],
)
def test_bad_files_are_refused(tmp_path, change, message):
  real, fake = written(tmp_path / 'real.h5', showers(0)), tmp_path / 'fake.h5'
  written(fake, showers(1))
  change(fake)
  with pytest.raises(ValueError) as error:
    evaluate.compare_files(real, str(fake), None, wish(tmp_path))
  assert message in str(error.value) and not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
  'arguments, message',
  [
    (
      ['--reference=a.h5', '--output=out'],
      'needs --reference=FILE, --generated=FILE and --output=FOLDER',
    ),
    (
      ['--reference=a.h5', '--generated=b.h5', '--output=README.md'],
      '--output=README.md is a file, expected',
    ),
    (
      ['--reference=a.h5', '--generated=b.h5', '--output=out', '--metrics=prd,manifld'],
      "no metric 'manifld'; did you mean 'manifold'?",
    ),
  ],
)
def test_missing_flags(arguments, message):
  process = command(*arguments)
  assert process.returncode == 2 and message in process.stderr and process.stderr.count('\n') == 1

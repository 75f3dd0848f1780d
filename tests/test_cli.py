"""The command line as a user meets it: what it refuses, in one line, and what it makes."""

import json
import os
import pathlib
import subprocess
import sys

import h5py
import numpy as np
import pytest

import tiny
from calojax import data
from calojax.commands import evaluate
from calojax.evaluation.wishes import Wishes
from calojax.showers import take
from conftest import ROOT, stored

CONFIG = '--config=configs/published/cnn.py'


def calojax(*arguments, cwd=ROOT):
  """Runs the command and gives the finished process."""
  environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
  return subprocess.run(
    [sys.executable, '-m', 'calojax.main', *map(str, arguments)],
    cwd=cwd,
    env=environment,
    capture_output=True,
    text=True,
  )


def refused(*arguments, cwd=ROOT) -> str:
  """The one line on standard error of a command that exits with 2."""
  process = calojax(*arguments, cwd=cwd)
  assert process.returncode == 2, process.stdout + process.stderr
  lines = [line for line in process.stderr.splitlines() if line]
  assert len(lines) == 1 and lines[0].startswith('calojax: '), process.stderr
  return lines[0]


@pytest.mark.parametrize(
  'arguments, expected',
  [
    ([], ['--config']),
    (['--mode=trian'], ['trian', "did you mean 'train'"]),
    (['--wrokdir=x', CONFIG], ['wrokdir', 'workdir']),
    ([CONFIG, 'stray'], ['stray']),
    ([CONFIG, '--config.optimser.generator=1'], ['optimser', 'optimiser']),
    ([CONFIG, '--config.optimiser.genrator=1'], ['genrator', 'generator']),
    ([CONFIG, '--config.train.steps=many'], ['many', 'train.steps']),
    (['--config=configs/cnn_axu.py'], ['configs/cnn_axu.py']),
    (['--config=experiments/results/coverage.png'], ['is no text, expected a Python file']),
    ([CONFIG, '--workdir=setup.cfg'], ['--workdir=setup.cfg is a file']),
    (['--mode=sample', '--workdir=x', '--output=o.h5'], ['--conditions', '--count']),
    (['--mode=sample', '--workdir=x', '--count=3'], ['--output']),
    (['--mode=sample', '--count=3', '--output=o.h5'], ['--workdir']),
  ],
  ids=str,
)
def test_bad_flags_are_refused_in_one_line(arguments, expected):
  line = refused(*arguments)
  assert all(word in line for word in expected), line


@pytest.fixture(scope='module')
def bad_files(tmp_path_factory, request):
  """Files that cannot be trained on, by what is wrong with them."""
  folder = tmp_path_factory.mktemp('bad')
  few = take(data.load('lhcb_ecal').showers, slice(40))
  momentum = few.condition.energy[:, None] * few.condition.direction / 1000
  good = {
    'EnergyDeposit': few.energies.reshape(-1, 30, 30),
    'ParticlePoint': np.zeros((40, 3)),
    'ParticleMomentum': momentum,
  }
  spoilt = {'nan': np.nan, 'negative': -1.0}
  for name, value in spoilt.items():
    deposit = good['EnergyDeposit'].copy()
    deposit[7, 3, 4] = value
    np.savez(folder / f'{name}.npz', **{**good, 'EnergyDeposit': deposit})
  np.savez(folder / 'shape.npz', **{**good, 'EnergyDeposit': good['EnergyDeposit'][:, :29]})
  np.savez(folder / 'empty.npz', **{key: array[:0] for key, array in good.items()})
  np.savez(folder / 'small.npz', **good)
  (folder / 'broken.h5').write_bytes(b'\x89HDF\r\n\x1a\n' + b'0' * 100)
  return folder


@pytest.mark.parametrize(
  'name, expected',
  [
    ('nan.npz', ['nan', 'shower 7']),
    ('negative.npz', ['-1', 'shower 7']),
    ('shape.npz', ['(40, 29, 30)', '(40, 30, 30)']),
    ('empty.npz', ['no showers']),
    ('broken.h5', ['broken.h5']),
    ('missing.h5', ['missing.h5']),
    ('small.npz', ['evaluation.clusters is 400', 'expected 1 to 10']),
  ],
)
def test_bad_data_are_refused_in_one_line_and_nothing_is_made(bad_files, tmp_path, name, expected):
  line = refused(
    CONFIG, f'--config.data.source={bad_files / name}', f'--workdir={tmp_path / "run"}'
  )
  assert name in line or name == 'small.npz'
  assert all(word in line.lower() for word in expected), line
  assert not (tmp_path / 'run').exists()


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A tiny finished training in the default workdir of its own folder, and what it printed."""
  folder = tmp_path_factory.mktemp('user')
  process = calojax(f'--config={ROOT}/configs/published/cnn_aux.py', *tiny.flags(), cwd=folder)
  assert process.returncode == 0, process.stderr
  made = list((folder / 'runs').iterdir())
  assert len(made) == 1 and made[0].name.startswith('published_cnn_aux-')
  assert f'workdir: {made[0].relative_to(folder)}' in process.stdout
  assert 'raw' in process.stdout and 'physics' in process.stdout and 'ceiling' in process.stdout
  return made[0]


def sample(run, output, *more):
  process = calojax('--mode=sample', f'--workdir={run}', f'--output={output}', *more)
  assert process.returncode == 0, process.stderr
  return data.load(output)


def test_samples_are_seeded_and_from_the_training_spectrum(run, tmp_path):
  first, again, other = (
    sample(run, tmp_path / f'{i}.h5', '--count=700', f'--seed={seed}')
    for i, seed in enumerate((1, 1, 2))
  )
  np.testing.assert_array_equal(first.showers.energies, again.showers.energies)
  assert np.abs(first.showers.energies - other.showers.energies).max() > 0
  assert first.showers.energies.shape == (700, 900) and first.provenance['seed'] == 1
  energy = data.load('lhcb_ecal').showers.condition.energy
  assert (
    np.isin(first.showers.condition.energy, energy).all()
    and len(np.unique(first.showers.condition.energy)) > 600
  )


def test_samples_of_given_particles_in_both_layouts(run, tmp_path):
  particles = sample(run, tmp_path / 'particles.h5', '--count=30')
  canonical = sample(run, tmp_path / 'a.h5', f'--conditions={tmp_path / "particles.h5"}')
  lhcb = sample(
    run, tmp_path / 'b.h5', f'--conditions={tmp_path / "particles.h5"}', '--layout=lhcb'
  )
  with h5py.File(tmp_path / 'b.h5') as file:
    assert stored(file, 'EnergyDeposit').shape == (30, 30, 30)
  np.testing.assert_array_equal(
    canonical.showers.condition.energy, particles.showers.condition.energy
  )
  np.testing.assert_allclose(lhcb.showers.energies, canonical.showers.energies, rtol=1e-6)
  np.testing.assert_allclose(
    lhcb.showers.condition.direction, canonical.showers.condition.direction, atol=1e-5
  )


def test_sampling_refuses_what_it_cannot_do_and_writes_nothing(run, tmp_path):
  out = f'--output={tmp_path / "o.h5"}'
  assert 'count is 0' in refused('--mode=sample', f'--workdir={run}', out, '--count=0')
  assert 'nothing.h5' in refused(
    '--mode=sample', f'--workdir={run}', out, f'--conditions={tmp_path / "nothing.h5"}'
  )
  assert 'near' in refused(
    '--mode=sample', f'--workdir={run}', f'--output={tmp_path}/near/o.h5', '--count=3'
  )
  assert 'nowhere' in refused(
    '--mode=sample', f'--workdir={tmp_path / "nowhere"}', out, '--count=3'
  )
  assert "'root'" in refused('--mode=sample', f'--workdir={run}', out, '--count=3', '--layout=root')
  assert not list(tmp_path.iterdir())


def test_evaluate_mode_judges_the_newest_checkpoint_again(run, tmp_path):
  """With a folder to write, nothing of the workdir is touched: it may be one that only can be
  read.
  """

  def files() -> dict[pathlib.Path, int]:
    return {path: path.stat().st_mtime_ns for path in (run, *run.rglob('*'))}

  before = files()
  process = calojax('--mode=evaluate', f'--workdir={run}', f'--output={tmp_path / "report"}')
  assert process.returncode == 0 and 'PRD-AUC' in process.stdout, process.stderr
  first, again = (
    folder / 'summary.json' for folder in (run / 'evaluation' / '8', tmp_path / 'report')
  )
  assert again.read_text() == first.read_text(), (
    'the same generator on the same showers must have the same scores'
  )
  assert files() == before


def test_a_run_is_judged_as_it_is_asked(run, tmp_path):
  """On other real showers, by two metrics, and beside the usual evaluation."""
  embedded = data.load('lhcb_ecal')
  few = take(embedded.showers, slice(60))
  with data.Writer(tmp_path / 'few.h5', embedded.geometry, {'by': 'test'}) as file:
    file.append(few)
  usual = (run / 'evaluation' / '8' / 'summary.json').read_text()
  process = calojax(
    '--mode=evaluate',
    f'--workdir={run}',
    f'--conditions={tmp_path / "few.h5"}',
    '--metrics=response,prd',
    '--clusters=5',
  )
  assert process.returncode == 0, process.stderr
  assert (run / 'evaluation' / '8' / 'summary.json').read_text() == usual
  (folder,) = (path for path in (run / 'evaluation').iterdir() if path.name != '8')
  summary = json.loads((folder / 'summary.json').read_text())
  assert {key.split('/')[0] for key in summary} == {
    *('response', 'resolution', 'prd_auc', 'prd_f8', 'prd_f1_8', 'prd_auc_paired'),
    *('curves', 'words', 'meta'),
  }
  meta = summary['meta']
  assert (meta['count'], meta['clusters']) == (30, 5)  # the halves of 60 showers
  assert meta['asked'] == {
    'clusters': 5,
    'metrics': ['response', 'prd'],
    'conditions': str(tmp_path / 'few.h5'),
  }
  assert meta['reference_file']['showers'] == 60


@pytest.mark.parametrize(
  'content, expected',
  [
    ('particles', 'has particles and no showers, expected real showers'),
    ('calogan', 'are of different calorimeters'),
    ('few', '7 showers, expected at least 8'),
  ],
)
def test_showers_that_a_run_cannot_be_judged_on_are_refused(run, tmp_path, content, expected):
  path = tmp_path / 'given.h5'
  if content == 'particles':
    path = tmp_path / 'given.csv'
    path.write_text('energy,x,y\n1000,0,0\n2000,1,1\n')
  else:
    found = data.load('calogan' if content == 'calogan' else 'lhcb_ecal')
    with data.Writer(path, found.geometry, {}) as file:
      file.append(take(found.showers, slice(7 if content == 'few' else 20)))
  with pytest.raises(ValueError, match=expected):
    evaluate.run(str(run), Wishes(conditions=str(path)))


@pytest.mark.parametrize(
  'flag, expected',
  [
    ('--config.dtype=bflot16', 'bfloat16'),
    ('--config.evaluation.clusters=9999', '5000'),
    ('--config.evaluation.statistics=lhbc', 'lhcb_reference'),
    ('--config.train.batch=0', 'train.batch is 0'),
    ('--config.train.log_every=0', 'train.log_every is 0'),
    ('--config.generator.name=cnm', "'cnn'"),
  ],
)
def test_values_that_cannot_be_are_refused_before_anything_is_made(tmp_path, flag, expected):
  assert expected in refused(CONFIG, flag, f'--workdir={tmp_path / "run"}')
  assert not (tmp_path / 'run').exists()


def test_a_run_that_becomes_nan_stops_with_step_and_term_and_keeps_the_good_checkpoint(tmp_path):
  folder = tmp_path / 'run'
  process = calojax(
    '--config=configs/published/cnn.py',
    f'--workdir={folder}',
    *tiny.flags(optimiser__generator=1e20, train__steps=40),
  )
  assert process.returncode == 3, process.stdout + process.stderr
  line = process.stderr.splitlines()[-1]
  assert line.startswith('calojax: step ') and 'not finite' in line and 'checkpoint' in line

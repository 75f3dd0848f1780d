"""Sweeps: what their file may say, and real processes that are killed, fail, and go on."""

import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest
from fake_jobs import JOB, alive, planned, process, until

import tiny
from calojax import data
from calojax.commands import sweep, sweep_plan, sweep_table
from calojax.commands.jobs import listed, local, runner
from calojax.files import Lease, disk
from calojax.showers import take
from conftest import ROOT


def test_a_file_says_which_trainings_there_are(tmp_path):
  plan = sweep_plan.read(
    planned(
      tmp_path,
      """
      seeds = [0, 1]
      figures = ["prd_auc/raw"]
      [overrides]
      train.steps = 20
      [[job]]
      config = "configs/cnn_aux.py"
      [[job]]
      name = "slow"
      config = "published/cnn"
      seeds = [7]
      [job.overrides]
      optimiser.generator = 1e-4
      generator.channels = [16, 8, 8, 8]
      """,
    )
  )
  assert [job.name for job in plan.jobs] == ['cnn_aux-seed0', 'cnn_aux-seed1', 'slow-seed7']
  assert plan.figures == ('prd_auc/raw',)
  assert plan.jobs[2].arguments() == [
    '--config=published/cnn',
    '--steps=20',
    '--config.optimiser.generator=0.0001',
    '--config.generator.channels=(16, 8, 8, 8)',
    '--config.seed=7',
  ]


def test_jobs_start_from_another_run(tmp_path):
  (tmp_path / 'run').mkdir()
  (tmp_path / 'run' / 'config.json').write_text('{}')
  text = f'[[job]]\nconfig = "cnn"\nfrom = "{tmp_path}/run"\ncheckpoint = 20'
  (job,) = sweep_plan.read(planned(tmp_path, text)).jobs
  assert job.arguments()[-2:] == [f'--from={tmp_path}/run', '--checkpoint=20']


@pytest.mark.parametrize(
  'text, message',
  [
    ('[[job]', 'is not TOML'),
    ('', r'there is no job, expected \[\[job\]\]'),
    ('jobs = 3', "no key of a sweep 'jobs'; did you mean 'job'"),
    ('[[job]]\nconfig = "cnn_axu"', "job cnn_axu: no config 'cnn_axu'; did you mean 'cnn_aux'"),
    ('[[job]]\nconfg = "cnn"', "no key of a job 'confg'; did you mean 'config'"),
    ('[[job]]\nconfig = 3', 'config of a job is 3, expected the name of one'),
    ('[[job]]\nconfig = "cnn"\nname = "a/b"', "name of a job is 'a/b'"),
    ('[[job]]\nconfig = "cnn"\nseeds = []', r'seeds of cnn is \[\], expected a list'),
    ('[[job]]\nconfig = "cnn"\nseeds = [true]', r'seeds of cnn is \[True\]'),
    ('[[job]]\nconfig = "cnn"\n[[job]]\nconfig = "cnn"', '2 jobs are named cnn-seed0'),
    ('[[job]]\nconfig = "cnn"\n[job.overrides]\ntrain.stpes = 3', 'did you mean train.steps'),
    ('[[job]]\nconfig = "cnn"\n[job.overrides]\ntrain.steps = 0', 'train.steps is 0, expected'),
    ('[[job]]\nconfig = "cnn"\n[job.overrides]\ntrain.steps = "x"', "job cnn: train.steps is 'x'"),
    ('[[job]]\nconfig = "cnn"\n[job.overrides]\nseed = 3', 'has seed, expected it in seeds'),
    ('overrides = 3\n[[job]]\nconfig = "cnn"', 'overrides of the sweep is 3'),
    ('[[job]]\nconfig = "cnn"\nfrom = "nix"', "from of cnn is 'nix', expected the folder of a run"),
    ('[[job]]\nconfig = "cnn"\ncheckpoint = "best"', 'without from, expected both'),
    ('figures = "x"\n[[job]]\nconfig = "cnn"', "figures is 'x', expected a list"),
  ],
)
def test_a_file_that_does_not_do_is_refused_in_one_line(text, message, tmp_path):
  with pytest.raises(ValueError, match=message) as refused:
    sweep_plan.read(planned(tmp_path, text))
  assert '\n' not in str(refused.value) and 'sweep.toml' in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
  with pytest.raises(ValueError, match='nothing.toml is not there'):
    sweep_plan.read(str(tmp_path / 'nothing.toml'))


def test_the_interval_is_that_of_students_t():
  """Of 1, 2, 3: mean 2, deviation 1, and t of two degrees of freedom at 97.5 % is 4.3027."""
  found = sweep_table.interval([1.0, 2.0, 3.0])
  assert found['mean'] == 2.0 and found['half_width'] == pytest.approx(4.30265 / 3**0.5, rel=1e-5)
  assert sweep_table.interval([5.0]) == {'mean': 5.0, 'half_width': None, 'values': [5.0]}


@pytest.fixture
def jobs(tmp_path, monkeypatch):
  """Sweeps whose trainings are `JOB`."""
  (tmp_path / 'job.py').write_text(JOB)
  monkeypatch.setattr(local, 'COMMAND', (sys.executable, str(tmp_path / 'job.py')))
  return tmp_path


def swept(folder, seeds, workers=2) -> int:
  file = planned(folder, f'seeds = {seeds}\n[[job]]\nconfig = "cnn"\n')
  return sweep.sweeping(file, str(folder / 'runs'), workers)()


def tries(folder, seed) -> int:
  return len((folder / 'runs' / f'cnn-seed{seed}' / 'tries').read_text())


def test_interrupted_and_killed_jobs_go_on_and_finished_ones_are_left(jobs, capsys):
  assert swept(jobs, [0, 1, 2]) == 0
  assert [tries(jobs, seed) for seed in (0, 1, 2)] == [1, 2, 2]
  said = capsys.readouterr()
  assert 'cnn-seed1 was interrupted' in said.err and 'cnn-seed2 was killed by signal 9' in said.err
  assert '| cnn | 3 | 0.1 ± 0.25 |' in said.out  # 0, 0.1, 0.2: 4.303 x 0.1 / sqrt(3)
  before = (jobs / 'runs' / 'table.md').read_text()
  assert swept(jobs, [0, 1, 2]) == 0
  assert [tries(jobs, seed) for seed in (0, 1, 2)] == [1, 2, 2]
  assert (jobs / 'runs' / 'table.md').read_text() == before
  table = json.loads((jobs / 'runs' / 'table.json').read_text())
  assert table['groups']['cnn']['figures']['prd_auc/raw']['values'] == [0.0, 0.1, 0.2]
  assert 'commit' in table['meta']


def test_a_job_that_fails_is_named_and_stops_no_other(jobs, capsys):
  assert swept(jobs, [3, 0, 4, 6]) == 1
  said = capsys.readouterr()
  assert 'cnn-seed3 failed with exit code 1' in said.err and ': no such shower' in said.err
  assert tries(jobs, 4) == runner.KILLS and tries(jobs, 3) == 1
  assert '| cnn | 2 of 4 | 0.3 ± ' in said.out
  assert swept(jobs, [3, 0, 4, 6]) == 1  # what has failed is tried again
  assert (tries(jobs, 3), tries(jobs, 0)) == (2, 1)


def test_a_figure_that_no_summary_has_is_named(jobs):
  file = planned(jobs, 'figures = ["prd"]\n[[job]]\nconfig = "cnn"\n')
  with pytest.raises(ValueError, match=r"figure 'prd' is in no summary, .*\['prd_auc/raw'\]"):
    sweep.sweeping(file, str(jobs / 'runs'))()


def test_two_sweeps_in_one_folder_and_damaged_records_are_refused(jobs):
  (jobs / 'runs').mkdir()
  lease = Lease(jobs / 'runs', 'sweep')
  with pytest.raises(ValueError, match='another sweep is at work in it'):
    swept(jobs, [0])
  lease.release()
  (jobs / 'runs' / 'jobs.json').write_text('[3]')
  with pytest.raises(ValueError, match=r'jobs.json is damaged'):
    swept(jobs, [0])
  with pytest.raises(ValueError, match=r'--workers=0, expected at least 1'):
    swept(jobs, [0], workers=0)


def test_a_full_disk_stops_a_sweep_in_one_line_and_nothing_is_lost(jobs, monkeypatch):
  def full(path, text):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

  with monkeypatch.context() as broken:
    broken.setattr(listed, 'write_text', full)
    with pytest.raises(OSError, match='No space left on device'):
      swept(jobs, [0, 6])
  assert not (jobs / 'runs' / 'jobs.json').exists()
  with monkeypatch.context() as broken:
    broken.setattr(disk.shutil, 'disk_usage', lambda folder: shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(ValueError, match=r'0 MiB are free on its disk, expected at least 4 MiB'):
      swept(jobs, [0, 6])
  assert swept(jobs, [0, 6]) == 0 and '| cnn | 2 | 0.3 ± ' in read(jobs / 'runs' / 'table.md')


def test_a_sweep_that_is_interrupted_ends_its_jobs_and_goes_on(jobs):
  planned(jobs, 'seeds = [0, 5]\n[[job]]\nconfig = "cnn"\n')
  with process(jobs) as running:
    until(lambda: (jobs / 'runs' / 'cnn-seed5' / 'tries').exists())
    until(lambda: '"code": 0' in read(jobs / 'runs' / 'jobs.json'))
    running.send_signal(signal.SIGTERM)
    output, _ = running.communicate(timeout=60)
  assert running.returncode == 75, output
  assert 'SIGTERM received, 1 of 2 jobs are done and the others saved' in output
  assert json.loads(read(jobs / 'runs' / 'jobs.json'))['cnn-seed5']['code'] == 75
  with process(jobs) as running:
    output, _ = running.communicate(timeout=60)
  assert running.returncode == 0 and '1 of 2 jobs were done before' in output, output
  assert (tries(jobs, 0), tries(jobs, 5)) == (1, 2)


def test_a_sweep_that_is_killed_takes_its_jobs_along(jobs):
  planned(jobs, 'seeds = [5]\n[[job]]\nconfig = "cnn"\n')
  with process(jobs) as running:
    until(lambda: (jobs / 'runs' / 'cnn-seed5' / 'tries').exists())
    pid = running.pid
    children = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    assert len(children) == 1 and alive(children[0])
    running.kill()
    running.wait()
    until(lambda: not alive(children[0]))


def read(path) -> str:
  return path.read_text() if path.exists() else ''


def test_real_trainings_to_one_table(embedded, tmp_path):
  """By the command line, one of them interrupted by a signal to itself."""
  source = str(tmp_path / 'showers.h5')
  with data.Writer(source, embedded.geometry, {}) as file:
    file.append(take(embedded.showers, slice(120)))
  values = tiny.values(
    'published/vae',
    data__source=source,
    train__monitor_every=4,
    evaluation__metrics=('prd', 'response'),
  )
  lines = [f'{key} = {json.dumps(value)}' for key, value in values.items()]
  planned(
    tmp_path,
    '\n'.join(['seeds = [0, 1]\n[overrides]', *lines, '[[job]]\nconfig = "published/vae"']),
  )
  command = [
    *(sys.executable, '-m', 'calojax.main', '--mode=sweep', '--workers=2'),
    *(f'--sweep={tmp_path / "sweep.toml"}', f'--output={tmp_path / "runs"}'),
  ]
  started = subprocess.Popen(
    command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
  )
  lease = tmp_path / 'runs' / 'published_vae-seed0' / 'running.json'
  until(lease.exists)
  os.kill(json.loads(lease.read_text())['pid'], signal.SIGTERM)
  output, _ = started.communicate(timeout=300)
  assert started.returncode == 0, output
  assert 'published_vae-seed0 was interrupted' in output and '| published_vae | 2 | ' in output
  table = json.loads((tmp_path / 'runs' / 'table.json').read_text())
  assert table['groups']['published_vae']['steps'] == {'0': 8, '1': 8}

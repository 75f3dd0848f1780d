"""Many jobs by one runner: on a batch system whose commands are stubs, and what other commands make
of them.
"""

import json
import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest
from fake_jobs import JOB, planned, process, until

from calojax import data
from calojax.commands import door, evaluate_many, parts, simulate_shares
from calojax.commands.jobs import batch, engines, local
from calojax.data.index import write_index
from calojax.files import Lease
from calojax.showers import take
from conftest import ROOT

# Slurm of one line: the script runs at once, `scancel` ends what it has started.
SBATCH = """#!{python}
import pathlib, shutil, subprocess, sys
script = shutil.copy(sys.argv[1], pathlib.Path(__file__).parent)
words = dict(start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
started = subprocess.Popen(['bash', script], stderr=subprocess.STDOUT, **words)
print('Submitted batch job', started.pid)
"""
# HTCondor of one line, in the same way.
CONDOR = """#!{python}
import pathlib, re, shlex, subprocess, sys
text = pathlib.Path(sys.argv[-1]).read_text()
program, given = (re.search(f'^{{k}} = (.*)$', text, re.M)[1] for k in ('Executable', 'Arguments'))
words = dict(start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
words['stderr'] = subprocess.STDOUT
job = subprocess.Popen([program, *shlex.split(given[1:-1])], **words)
print(f'1 job(s) submitted to cluster {{job.pid}}.')
"""
REMOVE = '#!/bin/sh\nkill -TERM -- "-$1"\n'
SCANCEL = '#!/bin/sh\nkill -TERM -- "-$1"\n'
REFUSED = '#!/bin/sh\necho "sbatch: error: Invalid account" >&2\nexit 1\n'


def program(path, text):
  path.write_text(text)
  path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def stubs(tmp_path):
  """The environment of a machine with the stubs, and a job to run."""
  (tmp_path / 'bin').mkdir()
  program(tmp_path / 'bin' / 'sbatch', SBATCH.format(python=sys.executable))
  program(tmp_path / 'bin' / 'scancel', SCANCEL)
  program(tmp_path / 'bin' / 'condor_submit', CONDOR.format(python=sys.executable))
  program(tmp_path / 'bin' / 'condor_rm', REMOVE)
  (tmp_path / 'job.py').write_text(JOB)
  return {'PATH': f'{tmp_path / "bin"}:{os.environ["PATH"]}'}


def read(path) -> str:
  return path.read_text() if path.exists() else ''


def test_a_sweep_on_slurm_goes_on_where_a_worker_was_lost(stubs, tmp_path):
  planned(tmp_path, 'seeds = [0, 1, 2, 5]\n[[job]]\nconfig = "cnn"\n')
  with process(tmp_path, 'slurm', **stubs) as running:
    until((tmp_path / 'runs' / 'cnn-seed5' / 'tries').exists)
    until(lambda: read(tmp_path / 'runs' / 'jobs.json').count('"code": 0') == 3)
    job = subprocess.run(
      ['pgrep', '-f', f'{tmp_path}/job.py.*seed=5'], capture_output=True, text=True, check=True
    )
    number = int(job.stdout.split()[0])
    os.kill(int(read_parent(number)), signal.SIGKILL)  # the worker
    output, _ = running.communicate(timeout=100)
  assert running.returncode == 0, output
  assert 'cnn-seed1 was interrupted' in output and 'cnn-seed2 was killed by signal 9' in output
  assert 'cnn-seed5 was lost with its worker' in output
  assert '| cnn | 4 | 0.2 ± 0.34 |' in output  # 0, 0.1, 0.2, 0.5: as without Slurm
  assert not list((tmp_path / 'runs' / 'workers').glob('.dask*key*'))  # no key is left


def test_a_sweep_on_htcondor(stubs, tmp_path):
  planned(tmp_path, 'seeds = [1]\n[[job]]\nconfig = "cnn"\n')
  with process(tmp_path, 'htcondor', **stubs) as running:
    output, _ = running.communicate(timeout=100)
  assert running.returncode == 0, output
  assert 'cnn-seed1 was interrupted' in output and '| cnn | 1 | 0.1 |' in output


def read_parent(number) -> str:
  with open(f'/proc/{number}/stat') as file:
    return file.read().rpartition(')')[2].split()[1]


def test_a_batch_system_that_refuses_or_is_not_there_is_told_in_one_line(stubs, tmp_path):
  program(tmp_path / 'bin' / 'sbatch', REFUSED)
  planned(tmp_path, '[[job]]\nconfig = "cnn"\n')
  with process(tmp_path, 'slurm', **stubs) as running:
    output, _ = running.communicate(timeout=100)
  assert (running.returncode, output) == (
    2,
    'calojax: sbatch refuses a worker: sbatch: error: Invalid account\n',
  )
  with pytest.raises(ValueError, match='there is no condor_submit on PATH'):
    engines.check('htcondor', 1)
  with pytest.raises(ValueError, match="no engine 'slum'; did you mean 'slurm'"):
    engines.check('slum', 1)


def test_a_worker_ends_before_its_time_is_over_and_its_job_goes_on_elsewhere(stubs, tmp_path):
  planned(tmp_path, 'seeds = [5]\n[[job]]\nconfig = "cnn"\n')
  short = {'DASK_JOBQUEUE__SLURM__WALLTIME': '00:06'}
  with process(tmp_path, 'slurm', **stubs, **short) as running:
    output, _ = running.communicate(timeout=100)
  assert running.returncode == 0, output
  assert 'cnn-seed5 was interrupted' in output and 'lost' not in output  # it has saved, and told


def test_the_time_of_a_worker_is_read_as_slurm_reads_it():
  times = {'60': 3600, '02:30': 150, '12:00:00': 43200, '1-02': 93600, '1-02:30': 95400}
  for text, seconds in {**times, '1-02:30:10': 95410}.items():
    assert batch.lifetime(text) == max(seconds - batch.BEFORE, seconds // 2)
  assert batch.lifetime(None) is None
  with pytest.raises(ValueError, match="walltime of a worker is 'long', expected as 12:00:00"):
    batch.lifetime('long')


def made(path, showers, geometry, **provenance):
  with data.Writer(path, geometry, provenance) as file:
    file.append(showers)
  return str(path)


def test_an_index_of_parts_reads_as_one_file(embedded, few, tmp_path):
  (tmp_path / 'parts').mkdir()
  rows = (slice(0, 100), slice(100, 256))
  files = [
    made(tmp_path / 'parts' / f'{n}.h5', take(few, r), embedded.geometry)
    for n, r in enumerate(rows)
  ]
  assert write_index(tmp_path / 'all.h5', files) == 256
  found = data.load(tmp_path / 'all.h5')
  assert found.showers.energies.tobytes() == few.energies.tobytes()
  assert found.geometry == embedded.geometry and data.extent(tmp_path / 'all.h5')[0] == 256
  (tmp_path / 'parts').rename(tmp_path / 'gone')
  with pytest.raises(ValueError, match=r'all.h5: .*its part parts/0.h5 is not there'):
    data.load(tmp_path / 'all.h5')


def test_parts_of_other_origin_make_no_index(embedded, few, tmp_path):
  files = [
    made(tmp_path / f'{step}.h5', take(few, slice(4)), embedded.geometry, step=step)
    for step in (1, 2)
  ]
  with pytest.raises(ValueError, match=r'2.h5: another layout, geometry or origin'):
    write_index(tmp_path / 'all.h5', files)
  assert not (tmp_path / 'all.h5').exists()


def test_parts_together_are_the_showers_of_one_file(tmp_path, monkeypatch, capsys):
  monkeypatch.setenv('PYTHONPATH', str(ROOT))
  one, many = str(tmp_path / 'one.h5'), str(tmp_path / 'many.h5')
  words = ['lhcb_ecal', '--count=250', '--seed=3', '--energy=5:50']
  assert door.run('sample', [*words, f'--output={one}']) == 0
  assert door.run('sample', [*words, f'--output={many}', '--parts=2', '--workers=2']) == 0
  assert '250 showers in 2 parts' in capsys.readouterr().out
  first, second = data.load(one), data.load(many)
  assert first.showers.energies.tobytes() == second.showers.energies.tobytes()
  assert first.provenance == second.provenance
  assert data.extent(tmp_path / 'many.parts' / '00001.h5')[0] == 100


@pytest.mark.parametrize(
  'words, message',
  [
    (['--parts=4'], '4 parts of 250 showers, expected at most 3'),
    (['--parts=0'], '--parts=0, expected at least 1'),
    (['--part=3/2'], "--part is '3/2', expected K/N"),
    (['--part=1/2', '--parts=2'], '--part=1/2 with --parts=2'),
    (['--workers=2'], '--workers=2 with calojax sample, expected calojax sample of --parts=N'),
    (['--parts=2', '--engine=pbs'], "no engine 'pbs'"),
  ],
)
def test_parts_that_cannot_be_are_refused(words, message, tmp_path, capsys):
  output = f'--output={tmp_path / "x.h5"}'
  assert door.run('sample', ['lhcb_ecal', '--count=250', output, *words]) == 2
  assert message in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_two_samplings_in_one_folder_are_refused(tmp_path, capsys):
  (tmp_path / 'x.parts').mkdir()
  lease = Lease(tmp_path / 'x.parts', 'sampling')
  words = ['lhcb_ecal', '--count=250', f'--output={tmp_path / "x.h5"}', '--parts=2']
  assert door.run('sample', words) == 2
  lease.release()
  assert 'another sampling is at work in it' in capsys.readouterr().err


def test_each_shower_is_in_one_part():
  for count in (1, 2, 7, 11):
    rows = [parts.rows(number, count, 1050, 100) for number in range(1, count + 1)]
    covered = np.concatenate([np.arange(1050)[row] for row in rows])
    assert np.array_equal(covered, np.arange(1050)) and all(row.start % 100 == 0 for row in rows)


def test_shares_of_a_simulation_make_the_same_showers(geant4, tmp_path):
  def simulated(name, *words):
    command = [sys.executable, '-m', 'calojax.simulate', '--detector=lhcb_ecal', '--energy=1']
    command += ['--events=2', f'--output={tmp_path / name}', *words]
    subprocess.run(command, cwd=ROOT, env=geant4, check=True, capture_output=True)
    return data.load(tmp_path / name).showers.energies

  assert simulated('one.h5').tobytes() == simulated('two.h5', '--workers=2').tobytes()
  assert sorted(path.name for path in tmp_path.iterdir()) == ['one.h5', 'two.h5']


def test_chunks_that_are_not_there_are_refused():
  assert simulate_shares.extent('0:1', 2) == range(2)
  for text in ('0:2', '1:0', '3', 'a:b'):
    with pytest.raises(ValueError, match=r"--chunks is '.*', expected LOW:HIGH from 0 to 1"):
      simulate_shares.extent(text, 2)


# An evaluation of a few lines: the figure is the length of the file's name.
JUDGE = """
import json, pathlib, sys
given = dict(word[2:].split('=', 1) for word in sys.argv[1:])
folder = pathlib.Path(given['output'])
folder.mkdir()
figure = {'value': float(len(given['generated'])), 'error': 0.5}
(folder / 'summary.json').write_text(json.dumps({'prd_auc/raw': figure, 'meta': {}}))
"""


def test_many_files_are_judged_into_one_table(tmp_path, monkeypatch, capsys):
  (tmp_path / 'judge.py').write_text(JUDGE)
  monkeypatch.setattr(local, 'COMMAND', (sys.executable, str(tmp_path / 'judge.py')))
  monkeypatch.chdir(tmp_path)
  for name in ('a.h5', 'bb.h5', 'real.h5'):
    (tmp_path / name).touch()
  words = ['--reference=real.h5', '--output=judged', '--workers=2']
  assert door.run('evaluate', [*words, '--generated=a.h5,b*.h5']) == 0
  assert '| a | 4 ± 0.5 |\n| bb | 5 ± 0.5 |' in capsys.readouterr().out
  found = json.loads((tmp_path / 'judged' / 'table.json').read_text())
  assert found['figures']['bb']['prd_auc/raw']['value'] == 5
  assert door.run('evaluate', [*words, '--generated=a.h5,b*.h5']) == 0
  assert '2 of 2 files were done before' in capsys.readouterr().out
  assert door.run('evaluate', [*words, '--generated=a.h5,c*.h5']) == 2
  assert '--generated=c*.h5: no such file' in capsys.readouterr().err
  assert evaluate_many.many('a.h5') == []

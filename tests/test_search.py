"""Searches: what their file may say, trials that are pruned, shared, killed, and go on."""

import json
import sys

import pytest
from fake_jobs import process, until

from calojax.commands import search, search_space, search_study, search_table
from calojax.commands.jobs import local
from calojax.commands.search_space import Choice, Range

# A training whose figure grows towards what its rate is worth; the best is 3e-4.
JOB = """
import json, os, pathlib, signal, sys, time
given = dict(word[2:].split('=', 1) for word in sys.argv[1:])
folder, rate = pathlib.Path(given['workdir']), float(given['config.optimiser.generator'])
folder.mkdir(exist_ok=True)
best = folder / 'best.json'
found = json.loads(best.read_text())['monitored'] if best.exists() else []
signal.signal(signal.SIGTERM, lambda *args: sys.exit(75))
for step in range(len(found) + 1, 5):
  if step > 1:
    time.sleep(float(os.environ.get('PACE', 0.3)))
  found.append([step, 1 - abs(rate - 3e-4) * 1000 * step / 4])
  (folder / 'part').write_text(json.dumps({'figure': 'prd_auc/min', 'monitored': found}))
  os.replace(folder / 'part', best)
"""
FILE = """
config = "published/cnn"
trials = 6
startup = 2
[space]
optimiser.generator = {low = 1e-5, high = 1e-3, log = true}
train.batch = [32, 64]
"""
DOOR = """
import sys
from calojax import interruption
interruption.listen()
from calojax.commands import outcome, search
from calojax.commands.jobs import local
local.COMMAND = (sys.executable, sys.argv[1])
work = lambda: search.searching(sys.argv[2], sys.argv[3], 2)()
interruption.leave(outcome.outcome(work))
"""


@pytest.fixture
def trials(tmp_path, monkeypatch):
  """A search whose trainings are `JOB`."""
  (tmp_path / 'job.py').write_text(JOB)
  (tmp_path / 'sweep.toml').write_text(FILE)
  monkeypatch.setattr(local, 'COMMAND', (sys.executable, str(tmp_path / 'job.py')))
  return tmp_path


def searched(folder) -> int:
  return search.searching(str(folder / 'sweep.toml'), str(folder / 'runs'), 2)()


def table(folder) -> list:
  return json.loads((folder / 'runs' / 'table.json').read_text())['trials']


def test_a_search_finds_and_prunes_and_another_is_refused(trials, capsys):
  assert searched(trials) == 0
  found = table(trials)
  assert sorted(run['trial'] for run in found) == list(range(6))
  done = [run for run in found if run['state'] == 'complete']
  assert done == found[: len(done)] and 'pruned' in {run['state'] for run in found}
  best = found[0]
  rate = best['values']['optimiser.generator']
  # The best monitoring counts: the first, as JOB's figure falls.
  assert best['value'] == pytest.approx(1 - abs(rate - 3e-4) * 250)
  assert all(best['value'] >= run['value'] for run in done)
  assert f"--config.optimiser.generator={rate}'" in capsys.readouterr().out
  assert searched(trials) == 0 and table(trials) == found
  (trials / 'sweep.toml').write_text(FILE.replace('32, 64', '32, 16'))
  with pytest.raises(ValueError, match=r'another search, space.train.batch .*32, 64.*now .*32, 16'):
    searched(trials)


def test_processes_share_a_study_and_one_that_is_killed_loses_nothing(trials):
  """The first is killed with its two trials, while the second runs the others."""
  begun = lambda: len(list((trials / 'runs').glob('*/best.json')))
  with process(trials, door=DOOR, PACE='60') as first:
    until(lambda: begun() == 2)
    with process(trials, door=DOOR) as second:
      until(lambda: begun() > 2)
      first.kill()
      output, _ = second.communicate(timeout=100)
      assert second.returncode == 0, output
  states = [run['state'] for run in table(trials)]
  assert len(states) == 6 and states.count('running') == 2
  assert searched(trials) == 0 and begun() == 6  # in the folders where they began
  states = [run['state'] for run in table(trials)]
  assert len(states) == 6 and set(states) <= {'complete', 'pruned'}


@pytest.mark.parametrize(
  'old, new, message',
  [
    ('trials = 6', 'trials = 0', 'trials is 0, expected a whole number from 1 on'),
    ('trials = 6', '', 'trials is None'),
    ('trials', 'trails', "no key of a search 'trails'; did you mean 'trials'"),
    ('"published/cnn"', '"cnm"', "no config 'cnm'; did you mean 'cnn'"),
    ('low = 1e-5', 'low = 1', 'is from 1 to 0.001, expected two numbers, low < high'),
    ('low = 1e-5', 'low = 0', 'is logarithmic from 0, expected low > 0'),
    ('log', 'lgo', "no key of the range optimiser.generator 'lgo'"),
    ('[32, 64]', '32', 'train.batch is 32, expected a list of values or'),
    ('train.batch', 'train.bach', 'did you mean train.batch'),
    ('32, 64', '32, 0', 'train.batch is 0, expected'),
    ('[space]', 'figure = "loss"\n[space]', "train.best_by is 'loss', expected"),
    (
      '[space]',
      '[overrides]\ntrain.batch = 8\n[space]',
      'train.batch is in overrides and in space',
    ),
  ],
)
def test_a_file_that_does_not_do_is_refused_in_one_line(old, new, message, tmp_path):
  (tmp_path / 'search.toml').write_text(FILE.replace(old, new))
  with pytest.raises(ValueError, match=message) as refused:
    search_space.read(str(tmp_path / 'search.toml'))
  assert '\n' not in str(refused.value) and 'search.toml' in str(refused.value)


def test_what_is_drawn_becomes_words_of_a_training(tmp_path):
  (tmp_path / 'search.toml').write_text(FILE)
  plan = search_space.read(str(tmp_path / 'search.toml'))
  assert plan.space == {
    'optimiser.generator': Range(1e-5, 1e-3, log=True),
    'train.batch': Choice((32, 64)),
  }
  assert plan.words({'train.batch': 64})[1:] == [
    '--config.train.best_by=prd_auc/min',
    '--config.seed=0',
    '--config.train.batch=64',
  ]
  lists = plan._replace(space={'generator.channels': Choice(((8, 4), (4, 4)))})
  assert search_study.values(lists, {'generator.channels': '(4, 4)'}) == {
    'generator.channels': (4, 4)
  }
  assert (Range(1, 8).whole, Range(1, 8, step=0.5).whole) == (True, False)


def test_the_best_trial_is_first_and_the_smallest_where_that_is_the_best():
  found = [
    {'trial': n, 'value': value, 'steps': steps}
    for n, value, steps in ((0, 0.5, 8), (1, None, 2), (2, 0.7, 8), (3, None, 4))
  ]
  numbers = lambda smallest: [run['trial'] for run in search_table.ranked(found, smallest)]
  assert numbers(False) == [2, 0, 3, 1] and numbers(True) == [0, 2, 3, 1]

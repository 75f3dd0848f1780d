"""What an experiment says of a paper's claims, and that finished runs are not trained again."""

import argparse
import json
import sys

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / 'experiments' / 'sweeps'))
import kept
import table1

FIGURE = 'prd_auc/physics_corrected'


def entries(**values: list[float]) -> list[kept.Entry]:
  """A run for each value of each config."""
  return [
    {'config': config, 'seed': seed, 'figures': {FIGURE: {'value': value}}}
    for config, found in values.items()
    for seed, value in enumerate(found)
  ]


@pytest.mark.parametrize(
  'better, worse, says',
  [
    ([0.90, 0.91, 0.92], [0.80, 0.81, 0.82], 'holds'),
    ([0.80, 0.81, 0.82], [0.90, 0.91, 0.92], 'does not hold'),
    ([0.90, 0.80, 0.85], [0.84, 0.86, 0.82], 'not decided'),
    ([0.90], [0.80, 0.81, 0.82], 'not decided'),
    ([], [], 'not decided'),
  ],
)
def test_a_claim_is_judged_by_its_difference_and_the_spread_over_seeds(better, worse, says):
  found = table1.statement(entries(a=better, b=worse), 'a', 'b', FIGURE)
  assert found['says'] == says and found['seeds'] == [len(better), len(worse)]


def test_the_interval_is_that_of_students_t():
  """1, 2, 3: standard error .577, t of two degrees of freedom 4.303."""
  mean, half = kept.spread([1.0, 2.0, 3.0])
  assert mean == 2 and half == pytest.approx(2.484, abs=1e-3)


def test_every_row_is_trained_in_both_versions_with_its_seeds():
  jobs = table1.jobs()
  assert len({(job.group, job.seed) for job in jobs}) == len(jobs) == 5 * (5 + 3)
  assert {job.seed for job in jobs[:5]} == {job.seed for job in jobs[25:30]} == {0}


def finished(folder, name: str, step: int) -> None:
  """A run with an evaluation, as far as it is read."""
  place = folder / name / 'evaluation' / str(step)
  place.mkdir(parents=True)
  summary = {FIGURE: {'value': 0.5}, 'response/mean': {'value': 1.0}, 'meta': {'commit': 'abc'}}
  (place / 'summary.json').write_text(json.dumps(summary))


def test_finished_runs_are_remembered_and_not_trained_again(tmp_path, monkeypatch):
  jobs = [kept.Job('cnn', 'cnn', seed, {}) for seed in (0, 1)]
  given = argparse.Namespace(
    runs=tmp_path / 'runs', workers=1, limit=None, results=tmp_path / 'results.json'
  )
  finished(given.runs, 'cnn-seed0', 7)
  finished(given.runs, 'cnn-seed0', 12)
  asked = []

  def sweep(command):
    asked.append((given.runs / 'sweep.toml').read_text())
    finished(given.runs, 'cnn-seed1', 12)
    return argparse.Namespace(returncode=0)

  monkeypatch.setattr(kept.subprocess, 'run', sweep)
  found = kept.train(jobs, given)
  assert [(entry['seed'], entry['steps']) for entry in found] == [(0, 12), (1, 12)]
  assert list(found[0]['figures']) == [FIGURE]
  (plan,) = asked
  assert 'seeds = [1]' in plan and 'seeds = [0]' not in plan
  assert kept.train(jobs, given) == found and len(asked) == 1

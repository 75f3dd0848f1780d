"""What trackers keep of a training, read back from what their real clients wrote."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys

import jax
import pytest

import schema
import tiny
from calojax.training import board, feed, run, sharding, trackers
from calojax.training.parts import load_parts
from conftest import ROOT

# The training is told twice from step 4 on, as after a kill; each time by a process of its own.
TRAINING = """
import sys
import numpy as np
import tiny
from calojax.training.trackers import tracked

folder, tracker, start, end = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
config = tiny.config('published/cnn', tracking=tracker)
with tracked(folder, config, start) as kept:
  for step in range(start + 2, end + 1, 2):
    kept.scalars(step, {'generator/adversarial': step / 2, 'throughput/showers_per_second': 9.0})
  kept.histogram(end, 'observables/response/real', np.linspace(0.5, 1.5, 100))
  kept.figure(end, 'showers/mean', np.full((20, 30, 3), 7, np.uint8))
  if end == 8:
    kept.result({'final/prd_auc_raw': 0.75})
"""


def installed(tracker: str) -> None:
  """Skips the test where a client is not there; none is imported, for they change the process."""
  for module in trackers.MODULES[tracker]:
    if importlib.util.find_spec(module) is None:
      pytest.skip(f"pip install 'calojax[{tracker}]'")


def tell(folder: pathlib.Path, tracker: str) -> None:
  """Tells steps 2, 4, 6, then goes on from a checkpoint at 4 to 8."""
  for start, end in ((0, 6), (4, 8)):
    process = subprocess.run(
      [sys.executable, '-c', TRAINING, str(folder), tracker, str(start), str(end)],
      cwd=ROOT / 'tests',
      env=environment(),
      capture_output=True,
      text=True,
    )
    assert process.returncode == 0, process.stderr
    assert 'goes on without' not in process.stderr


def environment() -> dict[str, str]:
  own = {key: value for key, value in os.environ.items() if not key.startswith(('WANDB', 'MLFLOW'))}
  return {**own, 'PYTHONPATH': f'{ROOT}:{ROOT / "configs"}', 'JAX_PLATFORMS': 'cpu'}


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
  (tmp_path / 'run').mkdir()
  return tmp_path / 'run'


def records(path: pathlib.Path) -> list[bytes]:
  """The records of a log in LevelDB's format, as W&B writes it, of one block."""
  data, found, position = path.read_bytes(), [], 7
  while position + 7 <= min(len(data), 32768):
    size, kind = int.from_bytes(data[position + 4 : position + 6], 'little'), data[position + 6]
    if kind != 1:  # not whole: a block ends here
      break
    found.append(data[position + 7 : position + 7 + size])
    position += 7 + size
  return found


def test_wandb_keeps_a_resumed_training_in_one_run(folder):
  installed('wandb')
  tell(folder, 'wandb')
  kept = json.loads((folder / trackers.MEMORY).read_text())
  assert kept['tracker'] == 'wandb' and kept['step'] == 8
  files = sorted(folder.glob('wandb/offline-run-*/run-*.wandb'))
  assert len(files) == 2 and {path.stem for path in files} == {f'run-{kept["run"]}'}
  messages = importlib.import_module('wandb.proto.wandb_internal_pb2')
  told, named = [], set()
  for path in files:
    for data in records(path):
      record = messages.Record.FromString(data)
      if record.WhichOneof('record_type') == 'history':
        told.append({(*i.nested_key, i.key)[0]: i.value_json for i in record.history.item})
      elif record.WhichOneof('record_type') == 'run':
        named.add(record.run.display_name)
  assert named == {'run'}
  # Steps up to 6 were told; of these only the last, which may have been told in part, comes again.
  losses = [line for line in told if 'generator/adversarial' in line]
  found = [(int(line['step']), float(line['generator/adversarial'])) for line in losses]
  assert found == [(2, 1), (4, 2), (6, 3), (6, 3), (8, 4)]
  names = set().union(*told)
  assert {'observables/response/real', 'showers/mean', 'throughput/showers_per_second'} < names
  assert len(list(folder.glob('wandb/offline-run-*/files/media/images/showers/*.png'))) == 2


def test_mlflow_keeps_a_resumed_training_in_one_run(folder):
  installed('mlflow')
  tell(folder, 'mlflow')
  script = """
import json, sys
import mlflow
client = mlflow.MlflowClient('sqlite:///' + sys.argv[1] + '/mlflow.db')
experiment = client.get_experiment_by_name('calojax').experiment_id
runs = client.search_runs([experiment])
run = runs[0].info.run_id
history = lambda name: [(m.step, m.value) for m in client.get_metric_history(run, name)]
print(json.dumps([len(runs), runs[0].info.status, runs[0].data.params['train.batch'],
  history('generator/adversarial'), history('observables/response/real/mean'),
  history('final/prd_auc_raw')]))
"""
  output = subprocess.run(
    [sys.executable, '-c', script, str(folder)],
    env=environment(),
    capture_output=True,
    text=True,
    check=True,
  ).stdout
  count, status, batch, told, means, final = json.loads(output.splitlines()[-1])
  assert (count, status, batch) == (1, 'FINISHED', '8')
  assert told == [[2, 1.0], [4, 2.0], [6, 3.0], [6, 3.0], [8, 4.0]]
  assert [value for _, value in means] == pytest.approx([1, 1])
  assert [value for _, value in final] == [0.75]
  assert len(list(folder.glob('mlartifacts/*/artifacts/images/*.png'))) == 2


def test_a_client_that_is_missing_is_named_with_its_extra_before_anything_is_made(
  tmp_path, monkeypatch
):
  from calojax.commands import train

  monkeypatch.setitem(trackers.MODULES, 'wandb', ('no_such_client',))
  with pytest.raises(ValueError, match=r"no_such_client is not installed.*'calojax\[wandb\]'"):
    train.training(tiny.config('published/cnn', tracking='wandb'), str(tmp_path / 'run'))
  assert not (tmp_path / 'run').exists()
  with pytest.raises(ValueError, match="no tracker 'mlflo'; did you mean 'mlflow'"):
    trackers.check('mlflo')


class Failing:
  """A service that went down after its first answer."""

  run = 'one'

  def __init__(self):
    self.told = []

  def scalars(self, step, values):
    if self.told:
      raise ConnectionError('no\nroute')
    self.told.append(step)

  histogram = figure = scalars


def test_a_service_that_fails_is_told_once_and_ends_no_training(tmp_path, capsys):
  inner = Failing()
  tracker = trackers.Remembering(inner, str(tmp_path), 'wandb', -1)
  for step in (2, 4, 6):
    tracker.scalars(step, {'a': 1.0})
  tracker.result({})
  tracker.close()
  assert inner.told == [2]
  said = capsys.readouterr().err
  assert said.count('\n') == 1 and 'goes on without it: ConnectionError: no route' in said
  assert trackers.remembered(str(tmp_path), 'wandb') == ('one', 2)
  assert trackers.remembered(str(tmp_path), 'mlflow') == (None, -1)
  (tmp_path / trackers.MEMORY).write_text('{')
  with pytest.raises(ValueError, match='is damaged'):
    trackers.remembered(str(tmp_path), 'wandb')


def test_tensorboards_groups_are_in_the_order_in_which_one_looks():
  names = ['generator/kl', 'spectral/generator/a', 'mine/x', 'validation/prd', 'showers/mean']
  assert [tag.split('_', 1)[1] for tag in sorted(map(board.tag, names))] == [
    'validation/prd',
    'showers/mean',
    'generator/kl',
    'spectral/generator/a',
    'mine/x',
  ]


@pytest.mark.parametrize(
  'name', ['published/cnn_aux_sn', 'calogan', 'published/vae', 'vae_gan', 'shower_library']
)
def test_what_a_method_logs_is_documented(name, tmp_path):
  config = tiny.config(name)
  parts = load_parts(config)
  mesh = sharding.data_mesh()
  method, like = run.built(config, parts.geometry, parts.train, mesh)
  batch = jax.tree.map(lambda leaf: leaf[0], feed.batches_of(config, parts, mesh)(0, 1))
  _, metrics = jax.eval_shape(method.update, like, batch)
  assert metrics and schema.unknown(metrics) == [], 'expected in docs/pages/tracking.md'


def test_extras_are_called_like_the_trackers():
  text = (ROOT / 'setup.cfg').read_text()
  for name in ('wandb', 'mlflow'):
    assert re.search(rf'^{name} = ', text, re.MULTILINE)
  assert importlib.util.find_spec('tensorboardX')

"""Real processes, really killed: a resumed run ends bitwise where the uninterrupted one does."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

import chex
import jax
import pytest

import schema
import tiny
from calojax.methods.build import build
from calojax.showers import take
from calojax.training import history, sharding, workdir
from calojax.training.checkpoint import Checkpoints
from calojax.training.loop import shapes
from calojax.training.parts import load_parts
from conftest import ROOT

STEPS = 120
FLAGS = tiny.flags(train__steps=STEPS, train__checkpoint_every=4, train__monitor_every=STEPS)


def start(folder, *more, name='published/cnn_aux_sn'):
  command = [
    sys.executable,
    '-m',
    'calojax.main',
    f'--config=configs/{name}.py',
    f'--workdir={folder}',
    *FLAGS,
    *more,
  ]
  return subprocess.Popen(
    command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
  )


def last_step(folder) -> int:
  """The last step that metrics.jsonl tells of."""
  try:
    lines = (folder / 'metrics.jsonl').read_text().splitlines()
    return json.loads(lines[-1])['step']
  except (FileNotFoundError, IndexError, json.JSONDecodeError):
    return 0


def wait_for_step(process, folder, step):
  limit = time.time() + 240
  while last_step(folder) < step and process.poll() is None:
    assert time.time() < limit, 'no progress'
    time.sleep(0.01)


def final_state(folder, step=STEPS):
  config = workdir.stored_config(str(folder))
  parts = load_parts(config)
  checkpoints = Checkpoints(str(folder))
  assert checkpoints.latest() == step
  method = build(config, parts.geometry, parts.train)
  state: Any = checkpoints.restore(
    shapes(method, take(parts.train, slice(2)), sharding.data_mesh())
  )
  checkpoints.close()
  return state._replace(rng=jax.random.key_data(state.rng))


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs') / 'whole'
  process = start(folder)
  output, _ = process.communicate(timeout=300)
  assert process.returncode == 0, output
  return folder


def test_killed_at_random_points_it_ends_bitwise_where_the_uninterrupted_run_does(
  uninterrupted, tmp_path
):
  folder = tmp_path / 'killed'
  delays = random.Random()
  for step, number in zip((6, 30, 70), (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)):
    process = start(folder)
    wait_for_step(process, folder, step)
    time.sleep(
      delays.random() * 0.5
    )  # anywhere: in a step, in a log line, in a checkpoint that is being written
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == (75 if number == signal.SIGTERM else -signal.SIGKILL), output
    if number == signal.SIGTERM:
      saved = Checkpoints(str(folder)).latest()
      assert saved is not None and saved >= step and f'saved at step {saved}' in output
  process = start(folder)
  output, _ = process.communicate(timeout=300)
  assert process.returncode == 0, output
  chex.assert_trees_all_equal(final_state(folder), final_state(uninterrupted))
  logged = [
    json.loads(line)['step'] for line in (folder / 'metrics.jsonl').read_text().splitlines()
  ]
  assert logged == sorted(set(logged)) and logged[-1] == STEPS


def test_killed_while_it_trains_on_it_ends_where_the_uninterrupted_one_does(
  uninterrupted, tmp_path
):
  end = STEPS + 40
  whole, killed = (shutil.copytree(uninterrupted, tmp_path / name) for name in ('whole', 'killed'))
  process = start(killed, f'--steps={end}')
  wait_for_step(process, killed, STEPS + 10)
  process.send_signal(signal.SIGKILL)
  process.communicate(timeout=120)
  for folder in (killed, whole):
    process = start(folder, f'--steps={end}')
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
  chex.assert_trees_all_equal(final_state(killed, end), final_state(whole, end))
  assert f'train.steps was {STEPS}, now {end}: goes on from step {STEPS}' in output
  ends = [(entry['step'], entry['steps']) for entry in history.stored(str(killed), None)]
  assert ends == [(0, STEPS), (STEPS, end)]


def test_a_finished_run_is_judged_again_and_not_trained(uninterrupted):
  before = (uninterrupted / 'metrics.jsonl').read_text()
  process = start(uninterrupted)
  output, _ = process.communicate(timeout=300)
  assert process.returncode == 0 and 'PRD-AUC' in output
  assert (uninterrupted / 'metrics.jsonl').read_text() == before


def test_the_summary_has_every_score_with_error_and_ceiling(uninterrupted):
  summary = json.loads((uninterrupted / 'evaluation' / str(STEPS) / 'summary.json').read_text())
  for name in ('prd_auc/raw', 'prd_auc/physics'):
    figure = summary[name]
    assert (
      0 <= figure['value'] < figure['ceiling']
      and figure['error'] >= 0
      and figure['ceiling_error'] > 0
    )


def test_another_config_in_the_same_workdir_is_refused_with_the_keys(uninterrupted):
  before = sorted(os.listdir(uninterrupted))
  process = start(uninterrupted, '--config.optimiser.generator=0.5', '--config.latent=9')
  output, _ = process.communicate(timeout=120)
  assert process.returncode == 2
  assert (
    'optimiser.generator was 0.0004, now 0.5' in output
    and 'latent was 8, now 9' in output
    and 'Traceback' not in output
  )
  assert sorted(os.listdir(uninterrupted)) == before
  # The workdir is a config too, and by itself it is where its config is trained.
  again = subprocess.run(
    [sys.executable, '-m', 'calojax.main', f'--config={uninterrupted}', '--config.latent=9'],
    cwd=ROOT,
    capture_output=True,
    text=True,
  )
  assert again.returncode == 2
  assert f'{uninterrupted} was made with another config: latent was 8, now 9.' in again.stderr


def test_metrics_have_the_documented_schema(uninterrupted):
  lines = (uninterrupted / 'metrics.jsonl').read_text().splitlines()
  for line in lines:
    schema.check_line(json.loads(line))
  steps = [json.loads(line)['step'] for line in lines]
  assert steps == sorted(set(steps)) and len(steps) > 1


def test_tensorboard_has_what_was_promised(uninterrupted):
  tags = subprocess.run(
    [sys.executable, '-c', READ_TAGS, str(uninterrupted)],
    capture_output=True,
    text=True,
    check=True,
  ).stdout
  for tag in (
    '5_discriminator/adversarial',
    '5_discriminator/regression',
    '4_generator/gradient_norm',
    '8_spectral/generator',
    '2_showers/mean',
    '7_throughput/showers_per_second',
    '1_validation/prd_auc_raw/ceiling',
    '3_observables/response/generated',
    '3_observables/response/real',
  ):
    assert tag in tags, tags


READ_TAGS = """
import glob, sys
from tensorboardX.event_file_writer import EventFileWriter
from tensorboardX.proto.event_pb2 import Event
import struct
for path in glob.glob(sys.argv[1] + '/events*'):
  data = open(path, 'rb').read()
  while data:
    size = struct.unpack('Q', data[:8])[0]
    event = Event.FromString(data[12:12 + size])
    data = data[16 + size:]
    for value in event.summary.value:
      print(value.tag)
"""

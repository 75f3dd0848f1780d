"""One training in several processes, real ones, which find each other, make the numbers of one, are
killed and go on.
"""

import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import jax
import numpy as np
import pytest
from test_resume import last_step, wait_for_step

import tiny
from calojax.interruption import Interrupted
from calojax.training import run
from calojax.training.place import Place, divided, place_of
from calojax.training.streams import free_port
from calojax.training.wire import Wire, differing
from conftest import ROOT, many_devices

STEPS = 200
# Adam moves a weight by its rate whatever the gradient: rounding may turn a sign.
SLOW = {'optimiser__generator': 1e-6, 'optimiser__discriminator': 1e-6}
CHANGES = {'train__steps': STEPS, 'train__monitor_every': STEPS, **SLOW}


def coordinator() -> str:
  return f'127.0.0.1:{free_port()}'


def meet(places, abouts=None, limit=1.0):
  """What comes of each process of these places: its wire, or the error."""
  found = {}

  def come(number, place):
    lost: list[int] = []
    try:
      about = {} if abouts is None else abouts[number]
      found[number] = Wire(place, about, lost.append, limit)
    except (ValueError, Interrupted) as error:
      found[number] = error

  threads = [threading.Thread(target=come, args=pair) for pair in enumerate(places)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  return [found[number] for number in range(len(places))]


def test_processes_find_each_other_whoever_else_calls_and_learn_of_an_end():
  address, lost = coordinator(), {0: [], 1: [], 2: []}
  wires: dict[int, Wire] = {}

  def come(number, wait):
    time.sleep(wait)
    wires[number] = Wire(Place(address, 3, number), {}, lost[number].append, 10)

  threads = [threading.Thread(target=come, args=(i, i * 0.2)) for i in range(3)]
  for thread in threads:
    thread.start()
  time.sleep(0.1)
  with socket.create_connection(divided(address)) as stranger:
    stranger.sendall(b'GET /\n')
    for thread in threads:
      thread.join()
  assert len({wire.address for wire in wires.values()}) == 3
  with socket.create_server(divided(wires[0].address)) as service:  # as JAX has
    clients = [socket.create_connection(divided(wires[i].address)) for i in (1, 2)]
    served = [service.accept()[0] for _ in clients]
    clients[0].sendall(b'hello')
    assert {side.recv(5) for side in served if select.select([side], [], [], 2)[0]} == {b'hello'}
    wires[2].close()
    limit = time.monotonic() + 10
    while lost[0] != [2] and time.monotonic() < limit:
      time.sleep(0.05)
    assert lost == {0: [2], 1: [], 2: []}
    for side in (*clients, *served):
      side.close()
  for number in (0, 1):
    wires[number].close()


@pytest.mark.parametrize(
  ('places', 'words'),
  [
    (
      ((3, 0), (3, 1)),
      '2 of 3 processes are there after 1 s, expected all: --process=2 is missing',
    ),
    (((3, 0), (3, 1), (3, 1)), 'two processes came as --process=1, expected each number once'),
    (((2, 0), (3, 1)), 'process 1 was started as one of 3, process 0 as one of 2'),
    (((2, 1),), 'does not answer after 1 s, expected the address of process 0'),
  ],
)
def test_a_wrong_number_of_processes_is_told_to_all(places, words):
  address = coordinator()
  found = meet([Place(address, *place) for place in places])
  assert all(isinstance(error, ValueError) and words in str(error) for error in found), found


def test_other_versions_are_refused_everywhere():
  address = coordinator()
  found = meet([Place(address, 2, i) for i in range(2)], [{'jax': '1'}, {'jax': '2'}])
  assert {str(error) for error in found} == {
    "jax is '1' in process 0, '2' in process 1: expected the same in all"
  }
  assert differing({0: {'a': 1}, 1: {'a': 1}, 2: {'a': 1, 'b': 0}}).startswith(
    'b is None in process 0'
  )


def test_a_coordinator_that_is_none_or_taken_is_told():
  with socket.socket() as other:
    other.bind(('', 0))
    other.listen()
    address = f'127.0.0.1:{other.getsockname()[1]}'
    assert 'cannot listen there: Address already in use' in str(meet([Place(address, 2, 0)])[0])

    def greet():
      with other.accept()[0] as caller:
        caller.sendall(b'hello\n')
        caller.recv(1000)

    threading.Thread(target=greet).start()
    assert 'answers, but not as process 0' in str(meet([Place(address, 2, 1)])[0])


def test_where_a_process_is_comes_from_flags_or_from_the_cluster(monkeypatch):
  assert place_of() is None and place_of(processes=1) is None
  assert place_of('node1:99', 2, 1) == Place('node1:99', 2, 1)
  for asked, words in (
    ((None, 2, 0), '--processes=2 --process=0 without --coordinator'),
    (('node1:99', None, None), 'without --processes and --process'),
    (('node1:99', 2, 2), '--process=2 of --processes=2, expected 0 to 1'),
    (('node1', 2, 0), '--coordinator=node1, expected HOST:PORT'),
    (('node1:99', 0, 0), '--processes=0, expected 1 or more'),
  ):
    with pytest.raises(ValueError, match=words):
      place_of(*asked)
  slurm = {'JOB_ID': 7, 'STEP_NODELIST': 'n[3-5]', 'NTASKS': 3, 'PROCID': 2, 'LOCALID': 0}
  for name, value in slurm.items():
    monkeypatch.setenv(f'SLURM_{name}', str(value))
  found = place_of()
  assert found is not None and found[1:] == (3, 2, (0,)) and found.coordinator.startswith('n3:')
  assert place_of(processes=1) is None
  for name in slurm:
    monkeypatch.delenv(f'SLURM_{name}')
  mpi = {'SIZE': 4, 'RANK': 3, 'LOCAL_RANK': 1}
  for name, value in mpi.items():
    monkeypatch.setenv(f'OMPI_COMM_WORLD_{name}', str(value))
  monkeypatch.setenv('OMPI_MCA_orte_hnp_uri', '1531576320.0;tcp://10.96.0.1,10.148.0.1:34911')
  found = place_of()
  assert found is not None and found[1:] == (4, 3, (1,)) and found.coordinator.startswith('10.96')


AGREEING = """
import sys; sys.path[:0] = ['tests', 'configs']
import conftest, jax, jax.numpy as jnp, numpy as np
# All of it in double precision: what says float32 means float64 here.
jnp.float32, jnp.dtype = jnp.float64, lambda name: np.dtype(str(name).replace('float32', 'float64'))
import tiny
from calojax.methods.build import build
from calojax.showers import take
from calojax.training import feed, hosts, loop, sharding
from calojax.training.place import place_of
path, coordinator, processes, process = sys.argv[1:]
hosts.join(place_of(coordinator, int(processes), int(process)), {})
double = lambda x: x.astype(jnp.float64) if jnp.issubdtype(x.dtype, jnp.floating) else x
loaded = tiny.showers('calogan')
few = jax.tree.map(double, loaded.showers)
method, mesh = build(tiny.config('voxel'), loaded.geometry, few), sharding.data_mesh()
batches = feed.Resident(few, 0, 8, 1, mesh)
state = loop.initial_state(method, take(few, slice(2)), 0, mesh)
state, step = jax.jit(lambda tree: jax.tree.map(double, tree))(state), loop.dispatcher(method, mesh)
for i in range(3):
  state, metrics = step(state, batches(i, 1))
shares = batches(3, 1).energies.addressable_shards
print(jax.device_count(), [share.data.shape for share in shares])
leaves = jax.tree.leaves(sharding.local((state.generator, state.discriminator, metrics)))
assert all(leaf.dtype != np.float32 for leaf in leaves)
if hosts.is_first():
  np.savez(path, *map(np.asarray, leaves))
hosts.part()
sys.stdout.flush()
import os; os._exit(0)
"""


def agreeing(path, processes, devices):
  """The state and the last metrics of three steps."""
  address = coordinator()
  environment = {**many_devices(devices), 'JAX_ENABLE_X64': '1'}
  started = [
    subprocess.Popen(
      [sys.executable, '-c', AGREEING, str(path), address, str(processes), str(number)],
      cwd=ROOT,
      env=environment,
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
    )
    for number in range(processes)
  ]
  share = (1, 1, 8 // processes // devices, 504)
  for process in started:
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 0, output
    assert f'{processes * devices} {[share] * devices}' in output  # its own and no more
  return np.load(path)


def test_one_process_two_and_one_with_two_devices_make_the_same_state(tmp_path):
  layouts = {'one': (1, 1), 'devices': (1, 2), 'processes': (2, 1)}
  found = {name: agreeing(tmp_path / f'{name}.npz', *layouts[name]) for name in layouts}
  for name in ('devices', 'processes'):
    for leaf in found['one'].files:
      np.testing.assert_allclose(found[name][leaf], found['one'][leaf], rtol=1e-10, atol=1e-10)


def start(folder, processes):
  """The processes of a training in a folder."""
  address = coordinator()
  flags = tiny.flags('voxel', **CHANGES)
  return [
    subprocess.Popen(
      [
        *(sys.executable, '-m', 'calojax.main', '--config=configs/voxel.py', *flags),
        *(f'--workdir={folder}', f'--coordinator={address}'),
        *(f'--processes={processes}', f'--process={number}'),
      ],
      cwd=ROOT,
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
    )
    for number in range(processes)
  ]


def ends(processes) -> tuple[list[int], list[str]]:
  """Exit codes and outputs."""
  outputs = [process.communicate(timeout=120)[0] for process in processes]
  return [process.returncode for process in processes], outputs


def alone(folder, steps):
  """The state of a training by this process alone, which ends at a step."""
  config = tiny.config('voxel', **CHANGES)
  trainer = run.prepare(config, str(folder), lambda config, parts: None)
  state = trainer.state
  step = run.dispatcher(trainer.method, trainer.mesh)
  for number in range(int(state.step), steps):
    state, _ = step(state, trainer.batches(number, 1))
  trainer.close()
  return state


def test_killed_and_stopped_it_goes_on_with_any_number_of_processes(tmp_path):
  folder, chance = tmp_path / 'run', random.Random()
  killed = start(folder, 4)
  wait_for_step(killed[0], folder, 6)
  time.sleep(chance.random() * 0.3)
  victim = chance.randrange(4)
  killed[victim].send_signal(signal.SIGKILL)
  begin = time.monotonic()
  codes, outputs = ends(killed)
  assert time.monotonic() - begin < 30
  assert codes == [-signal.SIGKILL if i == victim else 75 for i in range(4)], (victim, outputs)
  line = f'calojax: process {victim} has gone without a word; run the same command again'
  assert all(line in outputs[i] for i in range(4) if i != victim), outputs

  stopped = start(folder, 2)
  wait_for_step(stopped[0], folder, last_step(folder) + 6)
  stopped[chance.randrange(2)].send_signal(signal.SIGTERM)
  codes, outputs = ends(stopped)
  saved = max(int(name) for name in os.listdir(folder / 'checkpoints') if name.isdecimal())
  assert codes == [75, 75] and saved >= 6, outputs
  assert all(f'calojax: SIGTERM received, saved at step {saved}' in text for text in outputs)
  assert 'workdir: ' in outputs[0] and 'workdir: ' not in outputs[1]

  parted, whole = alone(folder, saved + 2), alone(tmp_path / 'whole', saved + 2)
  assert int(parted.step) == int(whole.step) == saved + 2
  for a, b in zip(jax.tree.leaves(parted.generator), jax.tree.leaves(whole.generator)):
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)

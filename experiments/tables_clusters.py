"""Tables of trainings on many machines and of searches."""

from __future__ import annotations

from results_table import rows
from stored import stored

SLURM = {  # of slurm.json: key -> what was done
  'requeued': 'SIGTERM, as before the end of its time; queued again by `train.sbatch`',
  'cancelled': 'cancelled, submitted anew',
  'node_failed': 'the node killed with all that ran on it; queued again by Slurm',
}
RATES = ('generator', 'discriminator', 'cooldown')  # what search_conv2d.json has tried


def scaling() -> str:
  """Weak scaling of one training over processes."""
  found = stored('scaling.json')
  body = [
    [
      f'{each["processes"]}',
      f'{each["showers_per_second"]:,.0f}',
      f'{each["ratio"]:.2f}',
      f'{each["ideal"]:g}',
    ]
    for each in found['scaling']
  ]
  name = f'`{found["config"]}`, {found["batch_a_process"]} showers a process and step'
  machine = f'{found["cores"]} cores, load before {found["load"]:.1f}'
  return rows([f'processes ({name}; {machine})', 'showers/s', 'against one', 'ideal'], body)


def agreement() -> str:
  """What layouts of the same training differ by in single precision."""
  found = stored('scaling.json')['agreement']
  body = [
    [name, f'{found["steps"]}', f'{each["weights"]:.1g}', f'{each["terms"]:.1g}']
    for name, each in found['of_layout'].items()
  ]
  return rows(['layout', 'steps', 'weights, at most', 'loss terms, relative, at most'], body)


def plan() -> str:
  """The plan for 1,000 devices."""
  found = stored('scaling.json')['plan']
  body = [
    [
      f'`{config}`',
      f'{sum(each["parameters"].values()):,}',
      f'{each["sums"]:,}',
      f'{each["sent_bytes"] / 1e6:.3g}',
      *(f'{each[key]:.2g}' for key in ('compute_ms', 'link_ms', 'latency_ms')),
    ]
    for config, each in found['configs'].items()
  ]
  head = [
    f'{found["batch_a_device"]} showers a device and step',
    'parameters',
    'sums a step',
    'MB sent a device',
    f'compute at {found["flops"] / 1e12:g} TFLOP/s, ms',
    f'link at {found["bandwidth"] / 1e9:g} GB/s, ms',
    f'hops of {1e6 * found["latency"]:g} µs, ms',
  ]
  return rows(head, body)


def slurm() -> str:
  """What was done to trainings and to a sweep on a real Slurm, and whether the end was the same."""
  found = stored('slurm.json')
  body = []
  for key, words in SLURM.items():
    trained = found[key]
    same = trained['state']['arrays_that_differ']
    outcome = f'{same} of {trained["state"]["arrays"]} arrays of the last state differ in a bit'
    body.append([words, str(trained['at']), outcome])
  sweep = found['sweep']
  on = f'a sweep of {sweep["jobs"]} jobs on {sweep["workers"]} workers'
  words = f'{on}, a job killed and a worker cancelled'
  body.append([words, '', 'the same table' if sweep['same_table'] else 'another table'])
  return rows(
    [f'{found["slurm"]}, {found["steps"]} steps', 'at step', 'beside no interruption'], body
  )


def search_conv2d() -> str:
  """The trials of the search for the rates of the Conv2D GAN, the best first."""
  found = stored('search_conv2d.json')
  size, figure = found['size'], found['meta']['figure']
  body = []
  for trial in found['trials']:
    value = '' if trial['value'] is None else f'{trial["value"]:.4f}'
    values = [f'{trial["values"][f"optimiser.{key}"]:.2g}' for key in RATES]
    body.append([str(trial['trial']), value, str(trial['steps']), trial['state'], *values])
  head = ['trial', f'`{figure}`', 'updates', 'ended', *RATES]
  note = (
    f'{len(found["trials"])} trials of {size["steps"]} updates of {size["batch"]} showers, width '
    f'{size["width"]}; commit {found["meta"]["commit"]}.'
  )
  return f'{note}\n\n{rows(head, body)}'

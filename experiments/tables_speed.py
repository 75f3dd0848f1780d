"""Tables of times: Geant4, routes of inference, other frameworks."""

from __future__ import annotations

import statistics

from results_table import rows
from stored import stored

CONTENDERS = ('calojax', 'calojax, a device a thread', 'PyTorch', 'PyTorch channels_last')
ROUGH = 'OpenVINO bfloat16'  # off by percents of a cell: not among those to choose from


def speedup(detector: str) -> str:
  """CPU time of Geant4 by energy, and of the exported generators with their gain."""
  found = stored('speedup.json')
  simulated = found['geant4'][detector]
  times = [f'{1e3 * row["cpu_seconds"]:.3g}' for row in simulated]
  body = [['Geant4, CPU ms', '', '', *times]]
  for model in found['generators']:
    if model['detector'] != detector:
      continue
    one, many = (model['cpu_seconds'][batch] for batch in ('1', '100'))
    gains = [f'{row["cpu_seconds"] / many:,.0f} x' for row in simulated]
    shipped = f'`--model={model["name"]}`' if model['name'] == detector else ''
    name = shipped or f'`{model["name"].removeprefix("export_")}`'
    where = ' (StableHLO in JAX)' * (model['runtime'] == 'jax')
    body.append([name + where, f'{1e3 * one:.2g}', f'{1e3 * many:.2g}', *gains])
  energies = [f'{row["gev"]:g} GeV' for row in simulated]
  return rows([f'`{detector}`', 'CPU ms, batch 1', 'batch 100', *energies], body)


def inference() -> str:
  """CPU ms a shower of every route, the fastest exact one of a batch in bold."""
  found = stored('inference.json')['ms a shower']
  routes = list(dict.fromkeys(name for each in found.values() for name in each))
  body = []
  for batch, each in found.items():
    times = {name: statistics.median(taken['cpu']) for name, taken in each.items()}
    fastest = min((name for name in times if name != ROUGH), key=times.__getitem__)
    shown = {
      name: f'**{time:.3f}**' if name == fastest else f'{time:.3f}' for name, time in times.items()
    }
    body.append([f'{int(batch):,}', *(shown.get(name, '') for name in routes)])
  return rows(['batch', *routes], body)


def conv2d_conv3d() -> str:
  """Table 1 of Rehm et al. for the two generators of blocks of cells."""
  heads = {
    'parameters': ('parameters', ',.0f'),
    'dense': ('of them in the dense layer', ',.0f'),
    'generation_s': ('generation, s', '.3g'),
    'epoch_s': ('epoch of 200,000 showers, s', ',.0f'),
  }
  found = stored('conv2d_conv3d.json')
  columns = found['rows'] | {f'paper {name}': entry for name, entry in found['paper'].items()}
  body = [
    [
      name,
      *('' if key not in entry else f'{entry[key]:{form}}' for key, (_, form) in heads.items()),
    ]
    for name, entry in columns.items()
    if '/' not in name
  ]
  ratios = {'conv2d / conv3d', 'paper conv2d / conv3d'}
  body += [[name, *(f'{found["rows"][name][key]:.2f}' for key in heads)] for name in sorted(ratios)]
  return rows(['', *(head for head, _ in heads.values())], body)


def cubes() -> str:
  """Whole updates and generation of both 25x25x25 systems against PyTorch's, by threads."""
  body = []
  for run in stored('cubes.json'):
    for name, found in run['rows'].items():
      races = {f'update, batch {run["train_batch"]}': found['update']}
      races |= {f'generation, batch {batch}': race for batch, race in found['generation'].items()}
      for what, race in races.items():
        times = {who: taken['ms_a_shower'] for who, taken in race.items()}
        ours = min(time for who, time in times.items() if who.startswith('calojax'))
        cells = [f'{times[who]:.3g}' if who in times else '' for who in CONTENDERS]
        faster = min(time for who, time in times.items() if who.startswith('PyTorch')) / ours
        body.append([f'`{name}`', what, str(run['threads']), *cells, f'{faster:.2f}'])
  heads = [f'{name}, ms' for name in CONTENDERS]
  return rows(['', '', 'threads', *heads, 'best of PyTorch / best of calojax'], body)

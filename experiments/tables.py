"""Writes the tables of the README and of docs/pages from what was measured.

  PYTHONPATH=. python experiments/tables.py

A table stands between `<!-- table NAME -->` and `<!-- end -->`; `TABLES` says what NAME is made of:
the JSON files of `experiments/results`, the cards of the models in the package, and the levels that
`tests/test_architecture.py` holds. `tests/test_docs.py` fails where a page says something else.
"""

from __future__ import annotations

import ast
import json
import math
import pathlib
import re
import statistics
from collections.abc import Callable
from typing import Any

import defects
import leaderboard
import planted_defects
import results_table
from results_table import cell, rows

from calojax import zoo
from calojax.files import write_text

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / 'experiments' / 'results'
PAGES = (ROOT / 'README.md', *sorted((ROOT / 'docs' / 'pages').glob('*.md')))
MARKED = re.compile(r'(<!-- table (\w+) -->\n).*?(<!-- end -->)', re.S)
ROUGH = 'OpenVINO bfloat16'  # off by percents of a cell: not among those to choose from
FAULTS = {  # of reliability.json: kind -> what was done
  'flips': 'a bit flipped in a file of calojax: showers, checkpoint, workdir, exported model',
  'inputs': 'a file of others or of version 0.1.0 cut, overwritten, doubled, emptied',
  'configs': 'a value of a config that is nonsense',
  'commands': 'the same two, given to a whole command',
  'disks': 'a disk that fills up under a sampling or a training',
  'races': 'two trainings in one workdir',
  'kills': 'SIGKILL at a random time, then the same command',
  'signals': 'SIGTERM or SIGINT at a random time, from the first imports on',
}
SLURM = {  # of slurm.json: key -> what was done
  'requeued': 'SIGTERM, as before the end of its time; queued again by `train.sbatch`',
  'cancelled': 'cancelled, submitted anew',
  'node_failed': 'the node killed with all that ran on it; queued again by Slurm',
}
RATES = ('generator', 'discriminator', 'cooldown')  # what search_conv2d.json has tried
SCORES = {  # of training_size.json: key -> head and form
  'prd_auc/raw': ('raw', '.3f'),
  'prd_auc/physics': ('physics', '.3f'),
  'prd_auc/physics_corrected': ('physics, corrected', '.3f'),
  'distances/fpd': ('FPD', '.4f'),
  'separation/mean': ('separation', '.4f'),
  'manifold/coverage': ('coverage', '.3f'),
}


def stored(name: str) -> Any:
  """The content of a file of `experiments/results`."""
  return json.loads((RESULTS / name).read_text())


def runs(detector: str, published: bool | None = None) -> list[results_table.Entry]:
  """The runs on one calorimeter, in the order of the systems; of the systems as published alone, or
  of the others, if asked.
  """
  order = list(results_table.SYSTEMS)
  found = [run for run in stored('results.json') if run['meta']['geometry'] == detector]
  kept = [r for r in found if published is None or published == results_table.published(r)]
  return sorted(kept, key=lambda run: order.index(run['config']))


def ranking() -> str:
  """The leaderboard, without its line of notes."""
  found = stored('leaderboard.json')
  return leaderboard.table(found['rows'], found['meta']).split('\n\n')[0]


def planted() -> str:
  """Which metric sees which planted defect, 5,000 showers a side."""
  return defects.table(stored('defects.json')['figures']['5000'])


def judges() -> str:
  """Which judge sees which planted defect."""
  return planted_defects.table(stored('planted_defects.json')['areas'])


def fidelity() -> str:
  """The trials of the VAE-GAN, on the showers that recipes are chosen on."""
  body = []
  for trial in stored('fidelity_trials.json'):
    found = trial['figures']
    area = lambda name: f'{found[f"classifier/{name}"]["value"]:.3f}'  # noqa: B023  # used at once
    minutes = trial['minutes'] + trial.get('minutes_of_the_warm_start', 0)
    score = f'{found["prd_physics_corrected"]:.3f}'
    judges = [area(name) for name in ('worst', 'low', 'high', 'trees_core')]
    body.append([trial['note'], f'{trial["showers"]:,}', f'{minutes:.0f}', score, *judges])
  ceiling = stored('fidelity_trials.json')[-1]['figures']
  floors = [
    f'{ceiling[f"classifier/{name}"]["floor"]:.3f}'
    for name in ('worst', 'low', 'high', 'trees_core')
  ]
  score = f'{ceiling["prd_ceiling_physics_corrected"]:.3f}'
  body.append(['*Geant4 against Geant4*', '', '', score, *floors])
  head = ['', 'showers', 'min', 'PRD corrected', 'worst', 'low', 'high', 'core']
  return rows(head, body)


def fresh() -> str:
  """Finished generators on showers that nobody trained or chose on."""
  body = []
  for entry in stored('fidelity.json'):
    found = entry['figures']
    areas = [found[f'classifier/{name}'] for name in ('worst', 'low', 'high')]
    kind = 'physics_corrected' if 'prd_physics_corrected' in found else 'physics'
    response = [
      f'{100 * max(abs(v - 1) for v in found["response"][name]):.1f} % '
      f'({found["response"][f"{name}_chi2"]:.1f})'
      for name in ('mean', 'spread')
    ]
    body.append(
      [
        entry['note'],
        f'{entry["count"]:,}',
        *(f'{a["value"]:.3f} ± {a["error"]:.3f} ({a["floor"]:.3f})' for a in areas),
        f'{found[f"prd_{kind}"]:.3f} ({found[f"prd_ceiling_{kind}"]:.3f})',
        *response,
        ' / '.join(f'{value:.3f}' for value in found['following'].values()),
      ]
    )
  head = ['', 'showers a side', 'worst judge (floor)', 'low', 'high', 'PRD (ceiling)']
  return rows([*head, 'mean of E / E_p (chi²)', 'its spread (chi²)', 'impact / slope'], body)


def validation() -> str:
  """What the simulated calorimeter has, and what such a one should have."""
  body = []
  for check in stored('simulation.json')['checks']:
    digits = max(0, 1 - math.floor(math.log10(check['error'])))  # two digits of the error
    value = f'{check["value"]:.{digits}f} ± {check["error"]:.{digits}f}'
    body.append([check['quantity'], value, f'{check["expected"]:g} ± {check["within"]:g}'])
  return rows(['`lhcb_ecal`', 'Geant4 here', 'expected'], body)


def side_by_side() -> str:
  """The same particles in Geant4 and in Geant4 with a model."""
  found, body = stored('side_by_side.json'), []
  for each in found['rows']:
    digits = max(0, 1 - math.floor(math.log10(each['full']['error'])))
    sides = [
      f'{each[side]["value"]:.{digits}f} ± {each[side]["error"]:.{digits}f}'
      for side in ('full', 'fast')
    ]
    unit = f', {each["unit"]}' if each['unit'] else ''
    body.append([each['quantity'] + unit, *sides, f'{each["pull"]:+.1f}'])
  for energies, taken in found['cpu_ms'].items():
    full, fast = (f'{taken[side]:.3g}' for side in ('full', 'fast'))
    # Of the model each shower has its share of a batch: their spread says nothing.
    full = f'{full} ± {taken["full_error"]:.2g}'
    body.append([f'CPU ms a shower, {energies}', full, fast, ''])
  return rows([f'`{found["detector"]}`', 'Geant4', 'with the model', 'pull'], body)


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


def training_size() -> str:
  """Quality against the number of training showers."""
  body, figures = [], {}
  for config, points in stored('training_size.json').items():
    for point in points:
      figures = point['figures']
      cells = [cell(figures[key], form=form) for key, (_, form) in SCORES.items()]
      body.append([f'`{config}`', f'{point["size"]:,}', *cells])
  best = [results_table.geant4(figures[key], form) for key, (_, form) in SCORES.items()]
  body.append(['Geant4 (ceiling or floor)', '', *best])
  return rows(['config', 'training showers', *(head for head, _ in SCORES.values())], body)


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


def regression_weight() -> str:
  """PRD-AUC against the weight of the Auxiliary Regressor."""
  names = ('raw', 'physics', 'physics_corrected')
  body = [
    [
      f'{point["weight"]:g}',
      '' if not point['weight'] else 'real and generated' if point['on_generated'] else 'real',
      *(cell(point[name], form='.3f') for name in names),
    ]
    for point in stored('regression_weight_published.json')
  ]
  return rows(['weight', 'regressor learns on', 'raw', 'physics', 'physics, corrected'], body)


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


def reliability() -> str:
  """What came of the faults of the campaign."""
  words = ('refused', 'recovered', 'unchanged', 'unknowable')
  failures = ('silent', 'traceback', 'crash', 'hang')
  body = []
  for kind, found in stored('reliability.json')['kinds'].items():
    counts = [f'{found.get(word, 0):,}' for word in words]
    failed = ', '.join(f'{found[word]} {word}' for word in failures if found.get(word)) or '0'
    body.append([FAULTS[kind], f'{found["tried"]:,}', *counts, failed])
  return rows(['fault', 'tried', *words, 'failed'], body)


def memory() -> str:
  """Peak memory of whole trainings."""
  body = [
    [
      name,
      f'{found["showers"]:,} x {found["cells"]:,}',
      f'{found["showers_gib"]:.2f}',
      f'{found["memory_gib"]:g}',
      f'{found["steps"]:,}',
      f'{found["peak_gib"]:.2f}',
    ]
    for name, found in stored('memory.json')['rows'].items()
  ]
  head = ['training', 'showers x cells', 'GiB of showers', '`data.memory_gib`', 'steps']
  return rows([*head, 'peak, GiB'], body)


def models() -> str:
  """What the generators of the package can do, from their cards."""
  body = []
  for name in zoo.names():
    card = json.loads((zoo.ROOT / name / 'model.json').read_text())
    figures = card['quality']['figures']
    worst = figures.get('classifier/worst')
    response = [figures[f'observables/response/{what}'] for what in ('mean', 'std')]
    body.append(
      [
        f'`{name}`',
        f'{card["step"]:,}',
        cell(worst, form='.3f') + f' ({worst["floor"]:.3f})' if worst else '',
        cell(figures['prd_auc/raw'], form='.3f') + f' ({figures["prd_auc/raw"]["ceiling"]:.3f})',
        *(f'{figure["value"]:.4f} ({figure["reference"]:.4f})' for figure in response),
        card['commit'],
      ]
    )
  head = ['`--model=`', 'updates', '`classifier/worst` (floor)', 'PRD-AUC raw (ceiling)']
  return rows([*head, 'mean of E / E_p (Geant4)', 'its spread (Geant4)', 'commit'], body)


def levels() -> str:
  """The rooms from the ground up: the literal table of the test that holds them."""
  tree = ast.parse((ROOT / 'tests' / 'test_architecture.py').read_text(encoding='utf-8'))
  table = next(
    ast.literal_eval(node.value)
    for node in tree.body
    if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == 'LEVELS'
  )
  body = [
    [level * (number == 0), f'`calojax{"." * bool(room)}{room}`', what]
    for level, rooms in table.items()
    for number, (room, what) in enumerate(rooms.items())
  ]
  return rows(['level', 'room', 'what is in it'], body)


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


TABLES: dict[str, Callable[[], str]] = {
  'systems': lambda: results_table.systems(stored('results.json')),
  'lhcb': lambda: results_table.prd_table(runs('lhcb_ecal', published=False)),
  'published': lambda: results_table.prd_table(runs('lhcb_ecal', published=True)),
  'layers': lambda: results_table.layered_table(runs('calogan')),
  'blocks': lambda: results_table.block_table(runs('clic')),
  'leaderboard': ranking,
  'defects': planted,
  'judges': judges,
  'fidelity': fidelity,
  'fresh': fresh,
  'validation': validation,
  'side_by_side': side_by_side,
  'speedup_lhcb_ecal': lambda: speedup('lhcb_ecal'),
  'speedup_calogan': lambda: speedup('calogan'),
  'speedup_clic': lambda: speedup('clic'),
  'training_size': training_size,
  'inference': inference,
  'conv2d_conv3d': conv2d_conv3d,
  'regression_weight': regression_weight,
  'scaling': scaling,
  'agreement': agreement,
  'plan': plan,
  'reliability': reliability,
  'memory': memory,
  'models': models,
  'levels': levels,
  'slurm': slurm,
  'search_conv2d': search_conv2d,
}


def filled(page: str) -> str:
  """The page with its tables as they are now.

  Raises:
    KeyError: a table that `TABLES` does not know.
  """
  return MARKED.sub(lambda found: f'{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}', page)


def main() -> None:
  for path in PAGES:
    page = path.read_text(encoding='utf-8')
    if (new := filled(page)) != page:
      write_text(path, new)
      print(f'{path.relative_to(ROOT)}: written')


if __name__ == '__main__':
  main()

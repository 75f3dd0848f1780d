"""Full and fast simulation of the same particles in Geant4, side by side: response, resolution,
shapes and time a shower, as a table, as JSON and as a picture.

  PYTHONPATH=. python experiments/simulation/side_by_side.py --showers=300
  --output=experiments/results/side_by_side.json --picture=experiments/results/side_by_side.png

One Geant4 simulates the particles of a law of the calorimeter to their end, then once more with the
model, which takes what it knows at the front face. Geant4 takes some 10 ms of a CPU for a GeV: 300
showers of the usual law a few minutes. Errors are of the particles, drawn with replacement, both
simulations together; the pull is the difference over its error.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from calojax.evaluation.bootstrap import multiplicities
from calojax.evaluation.features import observe
from calojax.files import write_text
from calojax.geometry import Geometry
from calojax.observables import OBSERVABLES
from calojax.provenance import origin
from calojax.simulation import calorimeters, side_by_side
from calojax.simulation.side_by_side import Both
from calojax.units import GEV

BINS = (1.0, 10.0, 100.0)  # GeV
SHAPES = ('width_transverse', 'asymmetry_transverse', 'ring_2x2', 'ring_4x4', 'ring_6x6')
RESAMPLES = 400
Statistic = Callable[[np.ndarray], float]


def mean(values: np.ndarray) -> float:
  return float(values.mean())


def deviation(values: np.ndarray) -> float:
  return float(values.std(ddof=1))


def row(
  quantity: str, statistic: Statistic, both: Sequence[np.ndarray], unit: str = ''
) -> dict[str, Any]:
  """A statistic of both sides `[n]`, with errors, and the pull of their difference."""
  full, fast = both
  rng = np.random.default_rng(0)
  drawn = [np.repeat(np.arange(len(full)), n) for n in multiplicities(len(full), RESAMPLES, rng)]
  values = np.array([(statistic(full[i]), statistic(fast[i])) for i in drawn])
  sides = {
    name: {'value': statistic(side), 'error': float(values[:, k].std(ddof=1))}
    for k, (name, side) in enumerate((('full', full), ('fast', fast)))
  }
  error = float((values[:, 1] - values[:, 0]).std(ddof=1))
  return {
    'quantity': quantity,
    'unit': unit,
    'showers': len(full),
    **sides,
    'pull': (sides['fast']['value'] - sides['full']['value']) / error,
  }


def compared(both: Both, geometry: Geometry) -> list[dict[str, Any]]:
  """Response and resolution by energy, barycentre and shapes of all."""
  pick = lambda name: [observe(name, side, geometry)[:, 0] for side in (both.full, both.fast)]
  energy, response, rows = both.full.condition.energy / GEV, pick('response'), []
  for low, high in zip(BINS, BINS[1:]):
    inside = (energy >= low) & (energy < high)
    sides = [side[inside] for side in response]
    words = f'{low:g} to {high:g} GeV'
    rows.append(row(f'response, {words}', mean, sides))
    # The stochastic term taken out: what is left does not depend on the energies of the bin.
    scaled = [(side / side.mean() - 1) * np.sqrt(energy[inside]) for side in sides]
    rows.append(row(f'resolution times sqrt(E / GeV), {words}', deviation, scaled))
  for name in ('delta_x', 'delta_y'):
    words = f'barycentre minus trajectory, {name[-1]}'
    rows.append(row(words, mean, pick(name), 'mm'))
    rows.append(row(f'{words}, spread', deviation, pick(name), 'mm'))
  return rows + [row(name, mean, pick(name), OBSERVABLES[name].unit) for name in SHAPES]


def times(both: Both) -> dict[str, Any]:
  """CPU milliseconds a shower, by energy and of all."""
  energy, found = both.full.condition.energy / GEV, {}
  for low, high in (*zip(BINS, BINS[1:]), (BINS[0], BINS[-1])):
    full, fast = 1e3 * both.cpu[:, (energy >= low) & (energy < high)]
    found[f'{low:g} to {high:g} GeV'] = {
      'full': mean(full),
      'full_error': deviation(full) / len(full) ** 0.5,
      'fast': mean(fast),
      'fast_error': deviation(fast) / len(fast) ** 0.5,
    }
  return found


def picture(both: Both, geometry: Geometry, path: str) -> None:
  """Response, width and lateral profile of both, and what a shower takes."""
  from matplotlib.backends.backend_agg import FigureCanvasAgg
  from matplotlib.figure import Figure

  figure = Figure(figsize=(10, 6.4), layout='constrained')
  axes = figure.subplots(2, 2)
  energy = both.full.condition.energy / GEV
  sides = (('Geant4', both.full, 'C0', both.cpu[0]), ('model', both.fast, 'C1', both.cpu[1]))
  for name, side, colour, cpu in sides:
    response, width = observe(['response', 'width_transverse'], side, geometry).T
    axes[0, 0].plot(energy, response, '.', color=colour, label=name, alpha=0.6)
    edges = np.linspace(10, 60, 26)
    axes[0, 1].hist(width, edges, histtype='step', color=colour, label=name)
    columns = side.energies.reshape(-1, *geometry.grid).sum(2)
    share = (columns / columns.sum(1, keepdims=True)).mean(0)
    x = geometry.positions[:, 0].reshape(geometry.grid)[:, 0]
    axes[1, 0].step(x, share, where='mid', color=colour, label=name)
    axes[1, 1].plot(energy, 1e3 * cpu, '.', color=colour, label=name, alpha=0.6)
  labels = (
    ('$E_p$ [GeV]', '$E / E_p$'),
    (r'$\sigma_T$ [mm]', 'showers'),
    ('$x$ [mm]', 'mean share of a column'),
    ('$E_p$ [GeV]', 'CPU ms a shower'),
  )
  for axis, (x, y) in zip(axes.flat, labels):
    axis.set(xlabel=x, ylabel=y)
    axis.legend(frameon=False)
  axes[0, 0].set_xscale('log')
  axes[1, 0].set_yscale('log')
  axes[1, 1].set(xscale='log', yscale='log')
  FigureCanvasAgg(figure).print_figure(path, dpi=90)


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--detector', default='lhcb_ecal')
  parser.add_argument('--model', default='lhcb_ecal', help='a name of the package, or a folder')
  parser.add_argument('--law', default='usual')
  parser.add_argument('--showers', type=int, default=300)
  parser.add_argument('--seed', type=int, default=1717, help='no data set was made with it')
  parser.add_argument('--output', help='JSON to write')
  parser.add_argument('--picture', help='PNG to write')
  arguments = parser.parse_args()
  calorimeter = calorimeters.load(arguments.detector)
  request = side_by_side.drawn(
    calorimeter, arguments.model, arguments.showers, arguments.seed, arguments.law
  )
  both = side_by_side.simulate(request)
  found = {
    'detector': arguments.detector,
    'law': arguments.law,
    'model': os.path.basename(os.path.normpath(arguments.model)),
    'seed': arguments.seed,
    'showers': arguments.showers,
    'taken_by_the_model': len(set(both.stopped.tolist())),
    'geant4': both.geant4,
    'rows': compared(both, calorimeter.geometry),
    'cpu_ms': times(both),
    **origin(),
  }
  for each in found['rows']:
    full, fast = ('{value:.5g} +- {error:.2g}'.format(**each[side]) for side in ('full', 'fast'))
    print(f'{each["quantity"]}: {full}, {fast}, pull {each["pull"]:.2f}')
  print(json.dumps(found['cpu_ms'], indent=1))
  if arguments.output:
    write_text(arguments.output, json.dumps(found, indent=1) + '\n')
  if arguments.picture:
    picture(both, calorimeter.geometry, arguments.picture)


if __name__ == '__main__':
  main()

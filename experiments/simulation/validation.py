"""Checks Geant4's showers in the LHCb ECAL against what is known of such a calorimeter, as a table
and as JSON.

  python experiments/simulation/validation.py --workdir=runs/validation
  --output=experiments/results/simulation.json [--jobs=2] [--gev=6000]

Response, linearity, resolution and barycentre: the usual electrons at fixed energies, `--gev` GeV
in all at each (6000 GeV give 0.1 % on the response, whatever the energy). Depth of the maximum: a
quarter as many perpendicular ones, read out plate by plate. Containment: 10 GeV, cells of 3.03 mm.
About 8 CPU seconds per 1000 GeV: 7 minutes in all with the default. Finished samples in the workdir
are kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from calojax import data
from calojax.evaluation.bootstrap import multiplicities
from calojax.evaluation.features import observe
from calojax.files import write_text
from calojax.geometry import Geometry, Layer
from calojax.simulation.calorimeters import CALORIMETERS

ECAL = CALORIMETERS['lhcb_ecal']
SIDE = ECAL.width
RADIATION_LENGTH = {'G4_Pb': 5.612, 'G4_PLASTIC_SC_VINYLTOLUENE': 425.4}  # mm, Particle Data Group
PAIR = sum(
  slab.thickness / RADIATION_LENGTH[slab.material] for slab in ECAL.slabs[:2]
)  # radiation lengths

BY_PLATE = dataclasses.replace(
  ECAL,
  depths=(6.0,) * 66,
  geometry=Geometry(
    'lhcb_ecal_by_plate', tuple(Layer((1, 1), (SIDE, SIDE), depth=6.0 * i + 4) for i in range(66))
  ),
)
FINE = dataclasses.replace(
  ECAL,
  geometry=Geometry('lhcb_ecal_fine', (Layer((200, 200), (SIDE / 200, SIDE / 200), depth=150.0),)),
)
ENERGIES = (1, 2, 5, 10, 20, 50, 100)  # GeV
STRAIGHT = ('--slope=0', '--aim=0')
RESAMPLES = 200
FEWEST = 25  # events of a sample


def sample(
  args: argparse.Namespace, name: str, description: str, events: int, *flags: str
) -> data.Dataset:
  """The showers of one simulation, made unless they are there. `description` names a calorimeter of
  this file, or is ''.
  """
  path = pathlib.Path(args.workdir) / f'{name}_{events}.h5'
  if not path.exists():
    detector = 'lhcb_ecal'
    if description:
      detector = pathlib.Path(args.workdir) / f'{description.lower()}.py'
      here = str(pathlib.Path(__file__).resolve())
      write_text(
        detector, f'import runpy\nCALORIMETER = runpy.run_path({here!r})[{description!r}]\n'
      )
    command = [
      sys.executable,
      '-m',
      'calojax.simulate',
      f'--detector={detector}',
      f'--output={path}',
      f'--events={events}',
      f'--jobs={args.jobs}',
      *flags,
    ]
    subprocess.run(command, check=True)
  return data.read(path)


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
  return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5)


def width_and_error(values: np.ndarray) -> tuple[float, float]:
  """Standard deviation over mean, and its error for a normal distribution."""
  relative = values.std(ddof=1) / values.mean()
  return float(relative), float(relative / (2 * (len(values) - 1)) ** 0.5)


def shower_maximum(profiles: np.ndarray, depths: np.ndarray) -> float:
  """Depth at which a gamma distribution fitted to the mean of these longitudinal profiles `[b, l]`
  has its maximum.
  """
  from scipy.optimize import curve_fit

  mean = profiles.mean(axis=0)

  def gamma(t: np.ndarray, top: float, maximum: float, b: float) -> np.ndarray:
    return top * np.exp(b * maximum * np.log(t / maximum) - b * (t - maximum))

  start = (mean.max(), depths[mean.argmax()], 0.5)
  return float(curve_fit(gamma, depths, mean, start)[0][1])


def bootstrapped(rows: np.ndarray, statistic: Callable[[np.ndarray], float]) -> tuple[float, float]:
  """`statistic(rows)` and its bootstrap error; rows are drawn with replacement, from a fixed
  seed.
  """
  weights = multiplicities(len(rows), RESAMPLES, np.random.default_rng(0)).astype(int)
  return statistic(rows), float(
    np.std([statistic(np.repeat(rows, w, axis=0)) for w in weights], ddof=1)
  )


def line(
  x: np.ndarray, y: np.ndarray, error: np.ndarray
) -> tuple[tuple[float, float], tuple[float, float]]:
  """Slope and intercept of a weighted straight line, each with its error."""
  (slope, offset), covariance = np.polyfit(x, y, 1, w=1 / error, cov='unscaled')
  return (float(slope), float(covariance[0, 0] ** 0.5)), (
    float(offset),
    float(covariance[1, 1] ** 0.5),
  )


def containment_radius(energies: np.ndarray, radius: np.ndarray, fraction: float = 0.9) -> float:
  """Radius that holds this fraction of the mean visible energy of showers `[b, v]`; `radius` `[b,
  v]` of the cells from the axis.
  """
  order = np.argsort(radius, axis=None)
  share = np.cumsum(energies.ravel()[order])
  return float(np.interp(fraction, share / share[-1], radius.ravel()[order]))


def by_energy(args: argparse.Namespace) -> list[dict[str, Any]]:
  """Response, resolution, barycentre minus trajectory (mm), depth of the maximum (X0) and CPU
  seconds at each energy.
  """
  depths, rows = (np.arange(66) + 0.5) * PAIR, []
  for energy in ENERGIES:
    events = max(FEWEST, round(args.gev / energy))
    showers, geometry, provenance = sample(
      args, f'usual_{energy}', '', events, f'--energy={energy}', f'--seed={energy}'
    )
    response, x, y = observe(['response', 'delta_x', 'delta_y'], showers, geometry).T
    profiles = sample(
      args,
      f'by_plate_{energy}',
      'BY_PLATE',
      max(FEWEST, events // 4),
      f'--energy={energy}',
      *STRAIGHT,
    ).showers.energies
    rows.append(
      {
        'gev': energy,
        'events': events,
        'response': mean_and_error(response),
        'resolution': width_and_error(response),
        'x': mean_and_error(x),
        'y': mean_and_error(y),
        'maximum': bootstrapped(profiles, lambda profiles: shower_maximum(profiles, depths)),
        'cpu_seconds': provenance['cpu_seconds_per_event'],
        'python_share': provenance['python_share'],
      }
    )
  return rows


def average(values: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
  """Weighted mean and its error."""
  weights = 1 / errors**2
  return float((values * weights).sum() / weights.sum()), float(weights.sum() ** -0.5)


def non_linearity(response: np.ndarray) -> tuple[tuple[float, float], int]:
  """Largest deviation of the responses `[2, e]` (values and errors) from their mean, %, with its
  error; the index of the energy.
  """
  mean = average(*response)[0]
  worst = int(np.abs(response[0] / mean - 1).argmax())
  return (100 * (response[0, worst] / mean - 1), 100 * response[1, worst] / mean), worst


def checks(args: argparse.Namespace, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
  """Each quantity with value, error and the range in which it is expected."""
  energy = np.array([row['gev'] for row in rows], float)
  response, resolution, maximum, x, y = (
    np.array([row[key] for row in rows]).T
    for key in ('response', 'resolution', 'maximum', 'x', 'y')
  )
  deviation, worst = non_linearity(response)
  stochastic, constant = resolution_terms(energy, 100 * resolution)
  slope, offset = line(np.log(energy), *maximum)
  found = [
    ('sampling fraction', average(*response), 0.173, 0.001),
    (f'largest non-linearity ({energy[worst]:g} GeV), %', deviation, 0, 0.5),
    ('resolution, stochastic term, % sqrt(GeV)', stochastic, 7.6, 0.3),
    ('resolution, constant term in quadrature, %', constant, 0.6, 0.3),
    ('shower maximum, slope with ln E, X0', slope, 1.08, 0.05),
    ('shower maximum at 1 GeV, X0', offset, 3.6, 0.2),
    ('90 % containment radius, mm', containment(args), 40, 3),
    ('barycentre minus trajectory, x, mm', average(*x), 0, 0.1),
    ('barycentre minus trajectory, y, mm', average(*y), 0, 0.1),
  ]
  return [
    {
      'quantity': name,
      'value': float(value),
      'error': float(error),
      'expected': target,
      'within': tolerance,
      'passed': bool(abs(value - target) <= tolerance + 2 * error),
    }
    for name, (value, error), target, tolerance in found
  ]


def resolution_terms(
  energy: np.ndarray, resolution: np.ndarray
) -> tuple[tuple[float, float], tuple[float, float]]:
  """A and b of (sigma / E)^2 = a^2 / E + b^2, each with its error; b is 0 where the fit gives a
  negative square.
  """
  value, error = resolution

  def root(square: float, wrong: float) -> tuple[float, float]:
    found = max(square, 0) ** 0.5
    return found, wrong / 2 / max(found, wrong**0.5)

  stochastic, constant = line(1 / energy, value**2, 2 * value * error)
  return root(*stochastic), root(*constant)


def containment(args: argparse.Namespace) -> tuple[float, float]:
  """Radius around the trajectory that holds 90 % of the visible energy at 10 GeV, mm."""
  showers, geometry, _ = sample(
    args, 'fine', 'FINE', max(FEWEST, round(args.gev / 60)), '--energy=10', *STRAIGHT
  )
  radius = np.linalg.norm(geometry.positions[:, :2] - showers.condition.position[:, None], axis=-1)
  parts = np.array_split(np.arange(len(radius)), 10)
  return containment_radius(showers.energies, radius), float(
    np.std([containment_radius(showers.energies[part], radius[part]) for part in parts], ddof=1)
    / len(parts) ** 0.5
  )


def main() -> None:
  parser = argparse.ArgumentParser(
    description="Checks Geant4's showers in the LHCb ECAL against what is known of it."
  )
  parser.add_argument('--workdir', default='runs/validation')
  parser.add_argument('--output', default='experiments/results/simulation.json')
  parser.add_argument('--jobs', type=int, default=1)
  parser.add_argument(
    '--gev', type=float, default=6000, help='sum of the incident energies of a sample, GeV'
  )
  args = parser.parse_args()
  pathlib.Path(args.workdir).mkdir(parents=True, exist_ok=True)
  rows = by_energy(args)
  results = checks(args, rows)
  write_text(args.output, json.dumps({'energies': rows, 'checks': results}, indent=1))
  for row in rows:
    print(
      '{:>4} GeV {:>5} events: response {:.5f} +- {:.5f}, resolution {:.2%} +- {:.2%}, '
      'maximum {:.2f} +- {:.2f} X0, {:.4f} CPU s ({:.1%} Python)'.format(
        row['gev'],
        row['events'],
        *row['response'],
        *row['resolution'],
        *row['maximum'],
        row['cpu_seconds'],
        row['python_share'],
      )
    )
  for row in results:
    print(
      f'{row["quantity"]:45} {row["value"]:9.4f} +- {row["error"]:.4f}   '
      f'expected {row["expected"]:g} +- {row["within"]:g}   {"ok" if row["passed"] else "DIFFERS"}'
    )


if __name__ == '__main__':
  main()

"""Draws which particles generators cover, `experiments/results/coverage.png`: impact against slope
of their training's particles, and where `calojax.inference.coverage` warns. One that was trained on
the embedded showers, and the shipped ones.

PYTHONPATH=. python experiments/coverage.py
"""

from __future__ import annotations

import pathlib

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from calojax import data, spectrum, zoo
from calojax.inference import coverage
from calojax.showers import Condition, at, even

PICTURE = pathlib.Path(__file__).parent / 'results' / 'coverage.png'
GRID = 161  # points a side
NAMES = ('lhcb_ecal', 'calogan')


def particles(x: np.ndarray, slope: np.ndarray, energy: float) -> Condition:
  """Particles of one energy, MeV, in the plane y = 0."""
  direction = np.column_stack([slope, np.zeros_like(slope), np.ones_like(slope)])
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  return Condition.of(energy, np.column_stack([x, np.zeros_like(x)]), direction)


def laws() -> dict[str, Condition]:
  """Title of a panel -> the training's particles."""
  files = {name: pathlib.Path(zoo.find(name)) / spectrum.FILE for name in NAMES}
  shipped = {f'--model={name}': spectrum.load(file) for name, file in files.items()}
  return {'embedded lhcb_ecal': data.load('lhcb_ecal').showers.condition} | shipped


def draw(axes: Axes, title: str, seen: Condition) -> None:
  """One training: its particles, and shaded what is off their law though within the ranges."""
  law = coverage.coverage(seen)
  assert law is not None
  _, x, _, slope, _ = coverage.columns(seen).T
  across, up = np.linspace(x.min(), x.max(), GRID), np.linspace(slope.min(), slope.max(), GRID)
  mesh = np.meshgrid(across, up)
  wanted = particles(mesh[0].ravel(), mesh[1].ravel(), float(np.median(seen.energy)))
  off = coverage.outside(law, wanted)[0].reshape(GRID, GRID)
  axes.contourf(across, up, off, levels=[0.5, 1], colors=['#f2c9c0'])
  shown = even(len(x), 2000)
  axes.plot(*(at(seen, shown).position[:, 0], slope[shown]), '.', ms=1.5, color='#1f4e79')
  axes.set(title=title, xlabel='x on the front face, mm', ylabel='dx/dz')


def main() -> None:
  """Draws and writes."""
  found = laws()
  figure, panels = plt.subplots(1, len(found), figsize=(11, 3.4), constrained_layout=True)
  for axes, (title, seen) in zip(panels, found.items()):
    draw(axes, title, seen)
  figure.savefig(PICTURE, dpi=110, metadata={'Software': None})


if __name__ == '__main__':
  main()

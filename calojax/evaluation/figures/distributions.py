"""The distributions of all observables, generated beside real, with ratios."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from calojax.evaluation.features import compared, observe
from calojax.evaluation.figures import drawing
from calojax.evaluation.figures.drawing import NAMES, POINTS, REAL
from calojax.geometry import Geometry
from calojax.observables import ALPHAS, OBSERVABLES
from calojax.showers import Shower

if TYPE_CHECKING:
  from matplotlib.axes import Axes
  from matplotlib.figure import Figure


def observables_figure(
  reference: Shower,
  generated: Shower,
  geometry: Geometry,
  names: Sequence[str] | None = None,
  columns: int = 5,
) -> Figure:
  """Each observable's distribution over the ratio generated / Geant4; a vector shows its
  components' means instead.

  Of few layers the energies are drawn one by one. Without names, the observables are those of
  `compared`.
  """
  from matplotlib.figure import Figure

  panels = [panel for name in names or compared(geometry) for panel in _panels(name, geometry)]
  rows = -(-len(panels) // columns)
  figure = Figure(figsize=(3.9 * columns, 3.7 * rows))
  figure.set_layout_engine('constrained', h_pad=0.02, hspace=0)
  outer = figure.add_gridspec(rows, columns)
  observed = {
    name: [observe(name, sample, geometry) for sample in (reference, generated)]
    for name, _ in panels
  }
  for number, (name, component) in enumerate(panels):
    main, ratio = drawing.main_and_ratio(figure, outer[number // columns, number % columns])
    real, fake = observed[name]
    if component is None:
      _vector(main, ratio, real, fake, name)
    else:
      _histogram(main, ratio, real[:, component], fake[:, component], name)
    if OBSERVABLES[name].width is None and component is not None:
      ratio.set_xlabel(f'{ratio.get_xlabel()}, $l$ = {component}')
    drawing.finish(main, ratio)
  return figure


def _panels(name: str, geometry: Geometry) -> list[tuple[str, int | None]]:
  """The panels of an observable: (name, component to draw the distribution of, or None for the
  means of all).
  """
  if OBSERVABLES[name].width == 1:
    return [(name, 0)]
  if name in ('layer_energies', 'layer_fractions') and len(geometry.layers) <= drawing.PANELS:
    return [(name, layer) for layer in range(len(geometry.layers))]
  return [(name, None)]


def _bins(real: np.ndarray, logarithmic: bool, count: int = 40) -> np.ndarray:
  """Edges over the central 99.8 % of the real values."""
  low, high = np.quantile(real, (0.001, 0.999))
  if logarithmic:
    return np.geomspace(low, high, count + 1)
  margin = (high - low) * 0.05 or 0.5
  return np.linspace(low - margin, high + margin, count + 1)


def _histogram(main: Axes, ratio: Axes, real: np.ndarray, fake: np.ndarray, name: str) -> None:
  """Fractions of showers with Poisson errors; the outer bins hold what lies beyond, so no shower is
  hidden.
  """
  unit = OBSERVABLES[name].unit
  logarithmic = (
    unit == 'MeV' and np.quantile(real, 0.999) > 10 * np.quantile(real, 0.001) > 0
  )  # energies over a decade
  edges = _bins(real, logarithmic)
  counts = [np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] for values in (real, fake)]
  fractions = [count / len(values) for count, values in zip(counts, (real, fake))]
  errors = [np.sqrt(count) / len(values) for count, values in zip(counts, (real, fake))]
  centres = np.sqrt(edges[1:] * edges[:-1]) if logarithmic else (edges[1:] + edges[:-1]) / 2
  main.stairs(fractions[0], edges, fill=True, color=REAL, alpha=0.25)
  main.stairs(fractions[0], edges, color=REAL, label=NAMES[0])
  main.errorbar(centres, fractions[1], errors[1], label=NAMES[1], **POINTS)
  main.set_ylabel('showers / bin / total')
  drawing.ratio(ratio, drawing.Places(centres, edges), *map(drawing.Measured, fractions, errors))
  if logarithmic:
    main.set_xscale('log')
  ratio.set_xlabel(OBSERVABLES[name].label + (f' [{unit}]' if unit else ''))
  main.set_xlim(edges[0], edges[-1])


def _vector(main: Axes, ratio: Axes, real: np.ndarray, fake: np.ndarray, name: str) -> None:
  """Mean and error of each component; the band is the spread of the real showers."""
  logarithmic = name == 'occupancy'
  x = ALPHAS if logarithmic else np.arange(real.shape[1], dtype=float)
  edges = np.append(x - 0.5, x[-1] + 0.5)
  if logarithmic:
    edges = np.concatenate(
      [np.sqrt(x[:1] ** 2 / x[1:2]), np.sqrt(x[1:] * x[:-1]), np.sqrt(x[-1:] ** 3 / x[-2:-1])]
    )
  means = [values.mean(axis=0) for values in (real, fake)]
  errors = [values.std(axis=0) / np.sqrt(len(values)) for values in (real, fake)]
  main.fill_between(
    x, means[0] - real.std(axis=0), means[0] + real.std(axis=0), color=REAL, alpha=0.25, linewidth=0
  )
  main.plot(x, means[0], color=REAL, label=f'{NAMES[0]}, mean and spread')
  main.errorbar(x, means[1], fake.std(axis=0), label=f'{NAMES[1]}, mean and spread', **POINTS)
  unit = OBSERVABLES[name].unit
  main.set_ylabel(OBSERVABLES[name].label + (f' [{unit}]' if unit else ''))
  drawing.ratio(ratio, drawing.Places(x, edges), *map(drawing.Measured, means, errors))
  if logarithmic:
    main.set_xscale('log')
  component = 'layer $l$' if OBSERVABLES[name].width is None else 'component'
  ratio.set_xlabel(
    r'threshold $\alpha$ in $E_\mathrm{cell} \geq \alpha \, E$' if logarithmic else component
  )

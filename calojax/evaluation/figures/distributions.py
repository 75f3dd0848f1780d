"""The distributions of all observables, generated beside real, with ratios."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from calojax.evaluation.features import compared, observe
from calojax.evaluation.figures import drawing, labels, scale
from calojax.evaluation.figures.drawing import NAMES, POINTS, REAL
from calojax.evaluation.figures.labels import Scores
from calojax.evaluation.figures.panels import Axis, Measured, Places, draw_ratio, finish, panels
from calojax.evaluation.figures.style import styled
from calojax.geometry import Geometry
from calojax.observables import ALPHAS, OBSERVABLES
from calojax.showers import Shower

if TYPE_CHECKING:
  from matplotlib.figure import Figure


@styled()
def observables_figure(
  reference: Shower,
  generated: Shower,
  geometry: Geometry,
  scores: Scores | None = None,
  names: Sequence[str] | None = None,
  columns: int = 4,
) -> Figure:
  """Each observable's distribution over the ratio generated / Geant4, its separation power above
  it; a vector shows its components' means instead.

  Of few layers the energies are drawn one by one. Without names, the observables are those of
  `compared`. Scores, of an evaluation, have the errors and floors of the separations.
  """
  shown = [panel for name in names or compared(geometry) for panel in _panels(name, geometry)]
  figure, axes = panels(len(shown), columns)
  observed = {
    name: [observe(name, sample, geometry) for sample in (reference, generated)]
    for name, _ in shown
  }
  for panel, (name, component) in zip(axes, shown):
    real, fake = observed[name]
    if component is None:
      _vector(panel, real, fake, name)
      told = labels.mean_separation(scores or {}, name, real, fake)
    else:
      real, fake = real[:, component], fake[:, component]
      numbered = OBSERVABLES[name].width is None
      _histogram(panel, real, fake, _label(name, component if numbered else None))
      told = labels.separation(
        scores or {}, f'{name}_{component:02d}' if numbered else name, real, fake
      )
    finish(panel, told)
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


def _label(name: str, layer: int | None = None) -> str:
  """The label of an observable's axis, of a single layer if it is numbered."""
  found = OBSERVABLES[name]
  text = found.label if layer is None else f'{found.label}, layer {layer}'
  return labels.with_unit(text, found.unit)


def _histogram(panel: Axis, real: np.ndarray, fake: np.ndarray, label: str) -> None:
  """Fractions of showers with Poisson errors; the outer bins hold what lies beyond, so no shower is
  hidden.
  """
  main, ratio = panel
  edges, logarithmic = scale.bins(real)
  counts = [np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] for values in (real, fake)]
  fractions = [count / len(values) for count, values in zip(counts, (real, fake))]
  errors = [np.sqrt(count) / len(values) for count, values in zip(counts, (real, fake))]
  centres = scale.centres(edges, logarithmic)
  main.stairs(fractions[0], edges, fill=True, color=REAL, alpha=0.25)
  main.stairs(fractions[0], edges, color=REAL, label=NAMES[0])
  lit = fractions[1] > 0  # an empty bin has no place on a logarithmic scale
  main.errorbar(centres[lit], fractions[1][lit], errors[1][lit], label=NAMES[1], **POINTS)
  main.set_ylabel('fraction of showers')
  compared = [Measured(*sample) for sample in zip(fractions, errors)]
  draw_ratio(ratio, Places(centres, edges), compared[0], compared[1])
  if logarithmic:
    main.set_xscale('log')
  if scale.high(fractions[0]):
    main.set_yscale('log')
    main.set_ylim(0.5 / max(len(real), len(fake)))  # half a shower
  ratio.set_xlabel(label)
  main.set_xlim(edges[0], edges[-1])


def _vector(panel: Axis, real: np.ndarray, fake: np.ndarray, name: str) -> None:
  """Mean and error of each component; the band is the spread of the real showers."""
  main, ratio = panel
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
  main.set_ylabel(_label(name))
  compared = [Measured(*sample) for sample in zip(means, errors)]
  draw_ratio(ratio, Places(x, edges), compared[0], compared[1])
  if logarithmic:
    main.set_xscale('log')
  component = 'layer $l$' if OBSERVABLES[name].width is None else 'component'
  ratio.set_xlabel(
    r'threshold $\alpha$ in $E_\mathrm{cell} \geq \alpha \, E$' if logarithmic else component
  )

"""CaloChallenge's high-level features on its four data sets, by its own conventions (Krause et al.
2024, arXiv:2410.21611).

What the public evaluation code (github.com/CaloChallenge/homepage, `code/`) does and
`calojax.observables` does not:
- eta and phi are lengths, x = r cos(angle) and y = r sin(angle) of a voxel's centre, whose radius
is the middle of its
  radial bin and whose angle is the middle of its bin counted from -pi: the cell centres of
  `PolarLayer`. They do not follow the particle, which enters at the origin. Layers of a single
  angular bin have no eta and phi, only r.
- Centres are sum(x E) / (sum(E) + 1e-16), widths sqrt(max(0, sum(x^2 E) / (sum(E) + 1e-16) -
centre^2)): 0 when empty.
- Sparsity is the fraction of a layer's voxels that do not exceed the threshold.
- Histograms have fixed ranges, and what lies outside is dropped before they are normalised: a
shower whose layer has
  less than the lowest edge does not count in that layer's energy. The upper edge of energies is the
  reference's maximum.
- The threshold stands for the read-out: 0.5 keV over the sampling fraction 0.033 in data sets 2 and
3, and 1 MeV in data set 1 since November 2023 (`min_energy` of the public `evaluate.py`, where
histograms of energies begin too). Voxels below it are emptied before any feature is computed, as
that script does since January 2024.

Bins are those of the public `evaluate_plotting_helper.py`. What this program did before it followed
these, with published figures of 2022 and 2023, is `conventions='2022'`: in data set 1 voxels cut at
1 keV and histograms from 10 MeV; 19 bins of sparsity; radial features in the bins of eta, as the
public script had none yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from calojax.detectors import CALOCHALLENGE, CALOCHALLENGE_2, CALOCHALLENGE_3
from calojax.geometry import Geometry, PolarLayer
from calojax.registry import find
from calojax.showers import Shower, take


class Conventions(NamedTuple):
  """How the challenge's script treats voxels and bins its histograms.

  Attributes:
    readout: MeV, below which a voxel is empty, by data set; 2 and 3 have the same.
    lowest: MeV, where histograms of energies begin, by data set.
    sparsity: bins of it.
    radial: highest centre and width in r, mm, of data sets 2 and 3 ('fine') and of the
      electromagnetic and the hadronic layers of data set 1; None: those of eta.
  """

  readout: dict[int, float]
  lowest: dict[int, float]
  sparsity: int
  radial: dict[str, tuple[float, float]] | None


_FINE = 0.5e-3 / 0.033
CONVENTIONS = {
  '2024': Conventions(
    {1: 1.0, 2: _FINE},
    {1: 1.0, 2: _FINE},
    20,
    {'fine': (42.0, 20.0), 'electromagnetic': (500.0, 500.0), 'hadronic': (1500.0, 1500.0)},
  ),
  '2022': Conventions({1: 1e-3, 2: _FINE}, {1: 10.0, 2: _FINE}, 19, None),
}
TODAY = '2024'
HADRONIC = (12, 13, 14)  # layers of data set 1
CHUNK = 500_000  # voxels in memory at a time
TINY = 1e-16  # keeps the quotients finite; MeV


def is_challenge(geometry: Geometry) -> bool:
  """Whether the geometry has the layers of one of the four data sets."""
  return any(geometry.layers == known.layers for known in CALOCHALLENGE)


def data_set(geometry: Geometry) -> int:
  """1 for the photons' and the pions' layers, 2 for those of data sets 2 and 3, which have the same
  conventions.

  Raises:
    ValueError: neither.
  """
  if not is_challenge(geometry):
    known = ', '.join(detector.name for detector in CALOCHALLENGE)
    raise ValueError(
      f'geometry {geometry.name!r} is none of the CaloChallenge, '
      f'expected the layers of one of {known}'
    )
  return 2 if geometry.layers in (CALOCHALLENGE_2.layers, CALOCHALLENGE_3.layers) else 1


def challenge_features(
  showers: Shower, geometry: Geometry, threshold: float | None = None, conventions: str = TODAY
) -> dict[str, np.ndarray]:
  """The features by name, `[n]` each, mm and MeV: `response`, and for each layer `energy_<number>`,
  `centre_eta_<number>`, ...

  Args:
    showers: `[n, v]`.
    geometry: one of `detectors.CALOCHALLENGE`; its layers are named by the challenge's numbers (0,
      1, 2, 3, 12, ...).
    threshold: MeV, below which a voxel counts as empty; by default the data set's.
    conventions: of `CONVENTIONS`.

  Raises:
    ValueError: another geometry.
  """
  threshold = _threshold(geometry, conventions) if threshold is None else threshold
  parts = [
    _features(energies, incident, geometry)
    for energies, incident in _chunks(showers, geometry, threshold)
  ]
  return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def fpd_features(showers: Shower, geometry: Geometry, conventions: str = TODAY) -> np.ndarray:
  """`[n, m]`, what the challenge's FPD and KPD compare (`prepare_high_data_for_classifier` of its
  script): logarithms to base 10 of the incident, layer and total energies, MeV, centres and widths
  in units of 100 mm, sparsities.
  """
  found = challenge_features(showers, geometry, conventions=conventions)
  energy = np.asarray(showers.condition.energy, np.float64)
  groups = [
    [np.log10(energy)],
    [np.log10(values + 1e-8) for name, values in found.items() if name.startswith('energy_')],
    *(
      [values / 100 for name, values in found.items() if name.startswith(f'{kind}_')]
      for kind in ('centre_eta', 'centre_phi', 'width_eta', 'width_phi')
    ),
    [np.log10(found['response'] * energy + 1e-8)],
    [values for name, values in found.items() if name.startswith('sparsity_')],
    *(
      [values / 100 for name, values in found.items() if name.startswith(f'{kind}_')]
      for kind in ('centre_r', 'width_r')
    ),
  ]
  return np.stack([values for group in groups for values in group], axis=1)


def voxel_counts(
  showers: Shower,
  geometry: Geometry,
  edges: np.ndarray,
  threshold: float | None = None,
  conventions: str = TODAY,
) -> np.ndarray:
  """`[n, bins]`, how many of each shower's voxels lie in each bin of the energies `edges`, MeV; as
  `numpy.histogram`.
  """
  threshold = _threshold(geometry, conventions) if threshold is None else threshold
  counts = []
  for energies, _ in _chunks(showers, geometry, threshold):
    rows, columns = np.nonzero(energies >= edges[0])  # most voxels are empty
    place = bin_numbers(energies[rows, columns], edges) + rows * len(edges)
    counts.append(
      np.bincount(place, minlength=len(energies) * len(edges)).reshape(len(energies), len(edges))[
        :, :-1
      ]
    )
  return np.concatenate(counts)


def challenge_edges(
  reference: Shower,
  geometry: Geometry,
  features: dict[str, np.ndarray],
  conventions: str = TODAY,
) -> dict[str, np.ndarray]:
  """The challenge's bin edges for each of the reference's features, and for `voxels`."""
  number, chosen = data_set(geometry), find(CONVENTIONS, conventions, 'conventions')
  edges = {name: _edges(name, values, number, chosen) for name, values in features.items()}
  highest = float(np.max(reference.energies))
  return edges | {'voxels': _logarithmic(highest, chosen.lowest[number], 50)}


def bin_numbers(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
  """The bin of each value, as in `numpy.histogram` (the last bin includes its upper edge); what is
  outside has the number of bins.
  """
  place = np.searchsorted(edges, values, side='right') - 1
  # searchsorted puts the upper edge into the next bin, numpy.histogram into the last.
  place[values == edges[-1]] = len(edges) - 2
  return np.where(place < 0, len(edges) - 1, place)


def _threshold(geometry: Geometry, conventions: str) -> float:
  """Of the read-out, MeV."""
  return find(CONVENTIONS, conventions, 'conventions').readout[data_set(geometry)]


def _chunks(
  showers: Shower, geometry: Geometry, threshold: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """Energies above threshold `[b, v]` and incident energies `[b]`, MeV, of a few showers at a
  time.
  """
  step = max(1, CHUNK // geometry.cells)
  for start in range(0, len(showers.energies), step):
    part = take(showers, slice(start, start + step))
    energies = np.asarray(part.energies, np.float64)
    yield (
      np.where(energies < threshold, 0.0, energies),
      np.asarray(part.condition.energy, np.float64),
    )


def _features(
  energies: np.ndarray, incident: np.ndarray, geometry: Geometry
) -> dict[str, np.ndarray]:
  """`challenge_features` of voxels above threshold."""
  found = {'response': energies.sum(axis=-1) / incident}
  ends = np.cumsum([0] + [layer.cells for layer in geometry.layers])
  for layer, start, end in zip(geometry.layers, ends, ends[1:]):
    assert isinstance(layer, PolarLayer)  # those of all four data sets are
    cells, number = energies[:, start:end], f'{int(layer.depth):02d}'
    total = cells.sum(axis=-1)
    found[f'energy_{number}'] = total
    found[f'sparsity_{number}'] = np.mean(cells <= 0, axis=-1)
    radius = np.tile((np.asarray(layer.edges[1:]) + layer.edges[:-1]) / 2, layer.angles)
    axes = {'r': radius}
    if layer.angles > 1:
      axes |= dict(zip(('eta', 'phi'), geometry.positions[start:end, :2].T))
    for axis, x in axes.items():
      centre, square = (cells @ power / (total + TINY) for power in (x, x**2))
      found[f'centre_{axis}_{number}'] = centre
      found[f'width_{axis}_{number}'] = np.sqrt(np.clip(square - centre**2, 0, None))
  return found


def _edges(name: str, values: np.ndarray, number: int, chosen: Conventions) -> np.ndarray:
  """Bin edges of a feature; `number` is that of the data set."""
  feature, _, layer = name.rpartition('_') if name[-1].isdigit() else (name, '', '')
  if feature == 'response':
    return np.linspace(0.5, 1.5, 101)
  if feature == 'energy':
    return _logarithmic(float(values.max()), chosen.lowest[number], 40)
  if feature == 'sparsity':
    return np.linspace(0, 1, chosen.sparsity + 1)
  if feature.endswith('_r') and chosen.radial:
    hadronic = 'hadronic' if int(layer) in HADRONIC else 'electromagnetic'
    centre, width = chosen.radial['fine' if number == 2 else hadronic]
    return np.linspace(0.0, centre if feature == 'centre_r' else width, 101)
  wide = int(layer) in (12, 13)  # the hadronic calorimeter's that have angles
  if feature.startswith('centre'):
    high = 30.0 if number == 2 else 500.0 if wide else 100.0
    return np.linspace(0.0 if feature == 'centre_r' else -high, high, 101)
  return np.linspace(0.0, 30.0 if number == 2 else 400.0 if wide else 100.0, 101)


def _logarithmic(high: float, low: float, count: int) -> np.ndarray:
  """So many edges from the data set's lowest energy to the highest seen, MeV."""
  return np.geomspace(low, max(high, 10 * low), count)

"""The detectors known by name: geometry constants only."""

from __future__ import annotations

from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.registry import Registry

# 66 x (2 mm lead + 4 mm plastic scintillator), summed over depth. The gun aims each electron at the
# central cell in the plane 150 mm behind the front face. Mean of sum(E) / E_p over 20,000 Geant4
# electrons: 0.17286 +- 0.00004.
LHCB_ECAL = Geometry(
  'lhcb_ecal', (Layer((30, 30), (20.2, 20.2), depth=150.0),), sampling_fraction=0.1729
)

# 80 x (2 mm lead + 4 mm liquid argon) read out in 90, 347 and 43 mm (Paganini, de Oliveira and
# Nachman 2018). Each depth is where the trajectory lies, on the mean over 1,350 Geant4 positrons of
# up to 20 degrees, at the layer's barycentre: the slope of the barycentre against dx/dz and dy/dz,
# 71.0 +- 0.2 mm (x only: a row along y is as wide as the shower), 162.7 +- 0.6 and 332 +- 6 mm. The
# last lies in front of its layer (437 to 480 mm), which sees photons of all directions. Mean of
# sum(E) / E_p over the same showers: 0.18894 +- 0.00008 (argon only; the published set counts the
# lead as well).
CALOGAN = Geometry(
  'calogan',
  (
    Layer((96, 3), (5.0, 160.0), depth=71.0),
    Layer((12, 12), (40.0, 40.0), depth=162.7),
    Layer((6, 12), (80.0, 40.0), depth=332.0),
  ),
  sampling_fraction=0.1889,
)

# 25 x (3.5 mm tungsten + 0.5 mm silicon). Each depth is the middle of the pair.
# Mean of sum(E) / E_p over 900 Geant4 electrons: 0.01986 +- 0.00004.
CLIC = Geometry(
  'clic',
  tuple(Layer((25, 25), (5.1, 5.1), depth=2.0 + 4.0 * i) for i in range(25)),
  sampling_fraction=0.01986,
)


def _rings(*bins: tuple[int, int, tuple[float, ...]]) -> tuple[PolarLayer, ...]:
  """Layers of (number, angular bins, radial edges)."""
  return tuple(
    PolarLayer(tuple(map(float, edges)), angles, float(number)) for number, angles, edges in bins
  )


# CaloChallenge 2022 (Krause et al. 2024), the public `binning_dataset_*.xml`. The files give no
# depths, so `depth` is the layer's number; the energies are already divided by the sampling
# fraction.
CALOCHALLENGE_PHOTONS = Geometry(
  'calochallenge_photons',
  _rings(
    (0, 1, (0, 5, 10, 30, 50, 100, 200, 400, 600)),
    (1, 10, (0, 2, 4, 6, 8, 10, 12, 15, 20, 30, 40, 50, 70, 90, 120, 150, 200)),
    (2, 10, (0, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 130, 160, 200, 250, 300, 350, 400)),
    (3, 1, (0, 50, 100, 200, 400, 600)),
    (12, 1, (0, 100, 200, 400, 1000, 2000)),
  ),
)
CALOCHALLENGE_PIONS = Geometry(
  'calochallenge_pions',
  _rings(
    (0, 1, (0, 5, 10, 30, 50, 100, 200, 400, 600)),
    (1, 10, (0, 1, 4, 7, 10, 15, 30, 50, 90, 150, 200)),
    (2, 10, (0, 5, 10, 20, 30, 50, 80, 130, 200, 300, 400)),
    (3, 1, (0, 50, 100, 200, 400, 600)),
    (12, 10, (0, 10, 20, 30, 50, 80, 100, 130, 160, 200, 250, 300, 350, 400, 1000, 2000)),
    (13, 10, (0, 10, 20, 30, 50, 80, 100, 130, 160, 200, 250, 300, 350, 400, 600, 1000, 2000)),
    (14, 1, (0, 50, 100, 150, 200, 250, 300, 400, 600, 1000, 2000)),
  ),
)


def _cylinder(name: str, angles: int, bins: int, width: float) -> Geometry:
  """45 equal layers of rings of this width, mm."""
  # Rounded: the files count in um, and 3 * 2.325 is not 6.975.
  edges = tuple(round(j * width, 3) for j in range(bins + 1))
  return Geometry(name, _rings(*((number, angles, edges) for number in range(45))))


CALOCHALLENGE_2 = _cylinder('calochallenge_2', 16, 9, 4.65)
CALOCHALLENGE_3 = _cylinder('calochallenge_3', 50, 18, 2.325)
CALOCHALLENGE = (CALOCHALLENGE_PHOTONS, CALOCHALLENGE_PIONS, CALOCHALLENGE_2, CALOCHALLENGE_3)

DETECTORS = Registry(
  'detector',
  {geometry.name: geometry for geometry in (LHCB_ECAL, CALOGAN, CLIC, *CALOCHALLENGE)},
  Geometry,
)

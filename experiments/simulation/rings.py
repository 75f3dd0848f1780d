"""A calorimeter with the cells of CaloChallenge's first data set, photons: 368 in rings around the
axis, in five layers. Lead and liquid argon, not the detector of that set: for a training on cells
of its shape.

  calojax simulate --detector=experiments/simulation/rings.py --events=2500 --seed=106 \
    --output=data/rings_106.h5
"""

import dataclasses

from calojax.detectors import CALOCHALLENGE_PHOTONS
from calojax.geometry import Geometry
from calojax.simulation.calorimeters import ARGON, LEAD, Calorimeter, Gun
from calojax.units import GEV

PAIRS = (2, 12, 42, 10, 14)  # of lead and argon in each layer; one is 6 mm, 0.4 radiation lengths
DEPTHS = tuple(6.0 * pairs for pairs in PAIRS)
MIDDLES = [sum(DEPTHS[:i]) + depth / 2 for i, depth in enumerate(DEPTHS)]

CALORIMETER = Calorimeter(
  Geometry(
    'rings',
    tuple(
      dataclasses.replace(layer, depth=middle)
      for layer, middle in zip(CALOCHALLENGE_PHOTONS.polar_layers(), MIDDLES)
    ),
    sampling_fraction=0.188,  # of twelve showers, +- 0.0013
  ),
  slabs=(LEAD, ARGON) * sum(PAIRS),
  depths=DEPTHS,
  width=4000.0,
  gun=Gun('gamma', 'log_uniform', (1 * GEV, 100 * GEV)),
)

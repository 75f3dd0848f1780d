"""The matrix: the middle of the LHCb-like calorimeter. Import geometry alone, so that a file is
read without JAX.
"""

import dataclasses

from calojax.geometry import Geometry, Layer
from calojax.simulation.calorimeters import CALORIMETERS

# Mean of sum(E) / E_p over the embedded electrons, of which only these cells are read.
TESTBEAM = Geometry(
  'testbeam', (Layer((12, 12), (20.2, 20.2), depth=150.0),), sampling_fraction=0.171
)
CALORIMETER = dataclasses.replace(CALORIMETERS['lhcb_ecal'], geometry=TESTBEAM)

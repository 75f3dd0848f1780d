"""Units: every quantity inside calojax is in MeV, mm and rad; loaders and writers multiply or
divide by these.
"""

import math

# A factor of 1 costs nothing, and says which unit a number is in.
MEV = 1.0
GEV = 1000.0
MM = 1.0
CM = 10.0
EV = 1e-6

# Quantity and size in MeV, mm or rad of the units that a file or a user may name.
UNITS = {
  'eV': ('energy', 1e-6),
  'keV': ('energy', 1e-3),
  'MeV': ('energy', 1.0),
  'GeV': ('energy', 1e3),
  'TeV': ('energy', 1e6),
  'um': ('length', 1e-3),
  'mm': ('length', 1.0),
  'cm': ('length', 10.0),
  'm': ('length', 1e3),
  'rad': ('angle', 1.0),
  'mrad': ('angle', 1e-3),
  'deg': ('angle', math.pi / 180),
}
# What may run along the two image axes of a layer in a file, slower first; a minus: it falls.
AXES = ('xy', 'yx', '-xy', 'x-y', '-x-y', '-yx', 'y-x', '-y-x')
AS_WRITTEN = 'as_written'  # in place of units or axes: the layout is right whatever physics says

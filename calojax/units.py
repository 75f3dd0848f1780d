"""Units: every quantity inside calojax is in MeV, mm and rad; loaders and writers multiply or
divide by these.
"""

# A factor of 1 costs nothing, and says which unit a number is in.
MEV = 1.0
GEV = 1000.0
MM = 1.0
CM = 10.0
EV = 1e-6

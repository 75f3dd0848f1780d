"""The detectors known by name: geometry constants only."""

from __future__ import annotations

from calojax.geometry import Geometry, Layer

# 66 x (2 mm lead + 4 mm plastic scintillator), summed over depth. The gun aims each electron at the central cell in the
# plane 150 mm behind the front face. Mean of sum(E) / E_p over 20,000 Geant4 electrons: 0.17286 +- 0.00004.
LHCB_ECAL = Geometry('lhcb_ecal', (Layer((30, 30), (20.2, 20.2), depth=150.0),), sampling_fraction=0.1729)

DETECTORS = {geometry.name: geometry for geometry in (LHCB_ECAL,)}

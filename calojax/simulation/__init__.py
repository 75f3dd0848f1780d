"""Showers from Geant4 itself: calorimeters as data, one Geant4 a process, files of the canonical
layout.

`calorimeters` says what is simulated, `gun` what is shot at it, `geant4` builds, scores and runs it
inside one process, `datasets` finds Geant4's tables, `jobs` and `chunks` divide the work. The
binding is the extra `geant4`.
"""

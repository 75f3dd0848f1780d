"""The calorimeters that can be simulated, as data: what they are made of, around the cells that
`detectors` knows.

A new one is an entry of `CALORIMETERS`, or a Python file that defines `CALORIMETER`:

  from calojax.geometry import Geometry, Layer
  from calojax.simulation.calorimeters import Calorimeter, Gun, Slab

  CALORIMETER = Calorimeter(
    Geometry('iron', (Layer((20, 20), (10.0, 10.0), depth=60.0), Layer((10, 10), (20.0, 20.0),
    depth=180.0))), slabs=(Slab('G4_Fe', 10.0), Slab('G4_POLYSTYRENE', 5.0, active=True)) * 20,
    depths=(120.0, 180.0),
    width=400.0,
    gun=Gun('gamma', 'uniform', (1000.0, 20_000.0), spread=10.0),
  )

After a first simulation, the mean response that it prints is the geometry's `sampling_fraction`.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import runpy
from collections.abc import Mapping
from typing import NamedTuple

from calojax import detectors
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.registry import Registry, find
from calojax.simulation.gun import Gun
from calojax.units import GEV

PHYSICS = (
  'G4EmStandardPhysics',
  'G4EmStandardPhysics_option1',
  'G4EmStandardPhysics_option2',
  'G4EmStandardPhysics_option3',
  'G4EmStandardPhysics_option4',
  'G4EmLivermorePhysics',
  'G4EmPenelopePhysics',
)
RANGE_CUT = 0.7  # mm; this and the first of PHYSICS made the embedded showers
TOLERANCE = 1e-6  # mm


class Slab(NamedTuple):
  """A plate across the whole calorimeter: a NIST material of Geant4, the thickness in mm, and
  whether its energy is read out.
  """

  material: str
  thickness: float
  active: bool = False


@dataclasses.dataclass(frozen=True)
class Calorimeter:
  """A stack of plates and the cells that read it out; the front face is at z = 0.

  Attributes:
    geometry: the cells. Those of a layer divide the active plates within its depth.
    slabs: the plates, front to back.
    depths: extent along z that each read-out layer sums, mm; a plate across a border belongs to
      both sides.
    width: side of the square plates, mm.
    gun: the particles that the calorimeter is usually shown.
    laws: other laws of the particles, by name.
  """

  geometry: Geometry
  slabs: tuple[Slab, ...]
  depths: tuple[float, ...]
  width: float
  gun: Gun
  laws: Mapping[str, Gun] = dataclasses.field(default_factory=dict)

  def law(self, name: str) -> Gun:
    """The particles of that law; `usual` are those of `gun`.

    Raises:
      ValueError: no law of that name.
    """
    return find({'usual': self.gun, **self.laws}, name, f'law of {self.geometry.name}')

  @property
  def thickness(self) -> float:
    """Sum of the plates, mm."""
    return sum(slab.thickness for slab in self.slabs)


def plates(calorimeter: Calorimeter) -> list[tuple[float, Slab, int]]:
  """Front (mm), plate and read-out layer of each plate, cut where one read-out layer ends and the
  next begins.
  """
  borders = list(itertools.accumulate(calorimeter.depths))
  found, front, layer = [], 0.0, 0
  for slab in calorimeter.slabs:
    rest = slab.thickness
    while rest > TOLERANCE:
      if borders[layer] - front < TOLERANCE:
        layer += 1
        continue
      part = min(rest, borders[layer] - front)
      found.append((front, slab._replace(thickness=part), layer))
      front, rest = front + part, rest - part
  return found


def check(calorimeter: Calorimeter) -> Calorimeter:
  """The calorimeter itself, found consistent.

  Raises:
    ValueError: cells that do not fit the plates, depths that do not add up to the plates, a layer
      without active material.
  """
  geometry, name = calorimeter.geometry, f'calorimeter {calorimeter.geometry.name!r}'
  if not calorimeter.slabs or min(slab.thickness for slab in calorimeter.slabs) <= 0:
    raise ValueError(
      f'{name} has a plate of no thickness or no plates, expected thicknesses > 0 mm'
    )
  if len(calorimeter.depths) != len(geometry.layers):
    raise ValueError(
      f'{name} has {len(calorimeter.depths)} depths for {len(geometry.layers)} read-out layers, '
      'expected as many'
    )
  if (
    min(calorimeter.depths) <= 0 or abs(sum(calorimeter.depths) - calorimeter.thickness) > TOLERANCE
  ):
    raise ValueError(
      f'{name} has depths of {sum(calorimeter.depths):g} mm for plates of '
      f'{calorimeter.thickness:g} mm, expected the same'
    )
  for number, layer in enumerate(geometry.layers):
    _check_cells(layer, calorimeter.width, f'layer {number} of {name}')
  dark = set(range(len(geometry.layers))) - {
    layer for _, slab, layer in plates(calorimeter) if slab.active
  }
  if dark:
    raise ValueError(f'layer {min(dark)} of {name} has no active plate, expected at least one')
  return calorimeter


def _check_cells(layer: Layer | PolarLayer, width: float, name: str) -> None:
  """Raises ValueError unless the cells are on plates of this width."""
  if isinstance(layer, PolarLayer):
    reach = layer.edges[-1]
  else:
    reach = max(n * p / 2 + abs(c) for n, p, c in zip(layer.shape, layer.pitch, layer.centre))
  if reach > width / 2 + TOLERANCE:
    raise ValueError(
      f'cells of {name} reach {reach:g} mm from the axis, expected at most {width / 2:g} mm, '
      'half the width'
    )


LEAD, TUNGSTEN = Slab('G4_Pb', 2.0), Slab('G4_W', 3.5)
SCINTILLATOR = Slab('G4_PLASTIC_SC_VINYLTOLUENE', 4.0, active=True)  # polyvinyltoluene, C9H10
ARGON, SILICON = Slab('G4_lAr', 4.0, active=True), Slab('G4_Si', 0.5, active=True)

CALORIMETERS = Registry(
  'calorimeter',
  {
    calorimeter.geometry.name: calorimeter
    for calorimeter in (
      Calorimeter(
        detectors.LHCB_ECAL,
        slabs=(LEAD, SCINTILLATOR) * 66,
        depths=(396.0,),
        width=606.0,
        gun=Gun('e-', 'log_uniform', (1 * GEV, 100 * GEV), slope=0.175, spread=10.1, aim=150.0),
        # Impact and angle independent of each other, all over the central part of the front face:
        # what one training law leaves out.
        laws={
          'wide': Gun('e-', 'log_uniform', (1 * GEV, 100 * GEV), slope_limit=0.5, spread=100.0)
        },
      ),
      Calorimeter(
        detectors.CALOGAN,
        slabs=(LEAD, ARGON) * 80,
        depths=(90.0, 347.0, 43.0),
        width=480.0,
        gun=Gun('e+', 'uniform', (1 * GEV, 100 * GEV), theta=20.0, spread=50.0),
      ),
      Calorimeter(
        detectors.CLIC,
        slabs=(TUNGSTEN, SILICON) * 25,
        depths=(4.0,) * 25,
        width=260.1,  # 51 cells, of which 25 are read out
        gun=Gun('e-', 'log_uniform', (2 * GEV, 500 * GEV)),
      ),
    )
  },
  Calorimeter,
)


def load(name: str) -> Calorimeter:
  """The calorimeter of that name, or the one that a Python file defines as `CALORIMETER`.

  Raises:
    ValueError: neither, or a calorimeter that is not consistent.
  """
  if name.endswith('.py') and os.path.isfile(name):
    found = runpy.run_path(name).get('CALORIMETER')
    if not isinstance(found, Calorimeter):
      raise ValueError(f'{name} defines no Calorimeter of the name CALORIMETER')
    return check(found)
  return check(find(CALORIMETERS, name, 'detector'))

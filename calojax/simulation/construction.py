"""A calorimeter as Geant4 has it: volumes, and scorers in C++ of their cells."""

from __future__ import annotations

import itertools
import math
from typing import Any

import geant4_pybind as g4

from calojax.geometry import Layer, PolarLayer
from calojax.simulation.calorimeters import Calorimeter, Slab, plates

MARGIN = 10.0  # mm of vacuum around the plates


class Construction(g4.G4VUserDetectorConstruction):
  """Plates, front face at z = 0, in a vacuum, and in each active one the cells of its read-out
  layer: replicas of rows of replicas of an area, or sectors of rings.
  """

  def __init__(self, calorimeter: Calorimeter):
    super().__init__()
    self.calorimeter = calorimeter
    self.kept: list[Any] = []  # Geant4 only points to them; Python would collect them
    self.cells: list[tuple[g4.G4LogicalVolume, int]] = []  # with their read-out layers
    self.known: dict[tuple[Slab, int], g4.G4LogicalVolume] = {}

  def Construct(self) -> g4.G4VPhysicalVolume:
    """The world with all plates in it; Geant4 calls this."""
    calorimeter, width = self.calorimeter, self.calorimeter.width
    side = width + 2 * MARGIN
    # The plates fill its back half: the front face is at its centre, z = 0.
    vacuum = Slab('G4_Galactic', 2 * (calorimeter.thickness + MARGIN))
    world = self.box('world', side, side, vacuum)
    placed = self.place(world, None)
    for front, slab, layer in plates(calorimeter):
      key = (slab, layer)
      if key not in self.known:
        self.known[key] = self.box('plate', width, width, slab)
        if slab.active:
          self.divide(self.known[key], slab, layer)
      self.place(self.known[key], world, z=front + slab.thickness / 2)
    return placed

  def ConstructSDandField(self) -> None:
    """Has Geant4 sum the energy of each read-out layer's cells, in C++; Geant4 calls this."""
    for number, layer in enumerate(self.calorimeter.geometry.layers):
      detector = g4.G4MultiFunctionalDetector(f'layer{number}')
      if isinstance(layer, PolarLayer):
        scorer = g4.G4PSEnergyDeposit('energy')  # by the cell's own number
      else:
        # Its depth 1 is our y: a cell's number is x * (cells along y) + y, the order of `Layer`.
        scorer = g4.G4PSEnergyDeposit3D('energy', 1, *layer.shape)
      g4.G4SDManager.GetSDMpointer().AddNewDetector(detector)
      detector.RegisterPrimitive(scorer)
      self.kept += [detector, scorer]
      for volume, owner in self.cells:
        if owner == number:
          self.SetSensitiveDetector(volume, detector)

  def divide(self, plate: g4.G4LogicalVolume, slab: Slab, number: int) -> None:
    """Places a layer's cells in an active plate."""
    layer = self.calorimeter.geometry.layers[number]
    if isinstance(layer, PolarLayer):
      cells = self.sectors(plate, slab, layer)
    else:
      cells = self.grid(plate, slab, layer)
    self.cells += [(cell, number) for cell in cells]

  def grid(self, plate: g4.G4LogicalVolume, slab: Slab, layer: Layer) -> list[g4.G4LogicalVolume]:
    """Places rows along x of cells along y in an area of a plate; their cell."""
    (nx, ny), (px, py), (x, y) = layer.shape, layer.pitch, layer.centre
    area = self.box('area', nx * px, ny * py, slab)
    row = self.box('row', px, ny * py, slab)
    cell = self.box('cell', px, py, slab)
    self.place(area, plate, x, y)
    self.kept += [
      g4.G4PVReplica('row', row, area, g4.kXAxis, nx, px),
      g4.G4PVReplica('cell', cell, row, g4.kYAxis, ny, py),
    ]
    return [cell]

  def sectors(
    self, plate: g4.G4LogicalVolume, slab: Slab, layer: PolarLayer
  ) -> list[g4.G4LogicalVolume]:
    """Places the cells of a layer in rings in a plate, each with its number in the layer; the
    cells.
    """
    # Not replicas in the angle: with them the first event never came to an end.
    width, cells = 2 * math.pi / layer.angles, []
    for angle in range(layer.angles):
      for inner, outer in itertools.pairwise(layer.edges):
        cell = self.tube('cell', inner, outer, angle * width - math.pi, width, slab)
        self.place(cell, plate, copy=len(cells))
        cells.append(cell)
    return cells

  def box(self, name: str, x: float, y: float, slab: Slab) -> g4.G4LogicalVolume:
    """A box of these sides, mm, with thickness and material of a plate."""
    # Geant4 counts in half sides.
    return self.logical(name, g4.G4Box(name, x / 2, y / 2, slab.thickness / 2), slab)

  def tube(
    self, name: str, inner: float, outer: float, first: float, width: float, slab: Slab
  ) -> g4.G4LogicalVolume:
    """A part of a tube around z: radii, mm, its first angle and how far it turns, with thickness
    and material of a plate.
    """
    solid = g4.G4Tubs(name, inner, outer, slab.thickness / 2, first, width)
    return self.logical(name, solid, slab)

  def logical(self, name: str, solid: g4.G4VSolid, slab: Slab) -> g4.G4LogicalVolume:
    """A volume of this solid, of a plate's material."""
    found = g4.G4NistManager.Instance().FindOrBuildMaterial(slab.material)
    self.kept += [solid, found]
    return g4.G4LogicalVolume(solid, found, name)

  def place(
    self,
    volume: g4.G4LogicalVolume,
    mother: g4.G4LogicalVolume | None,
    x: float = 0,
    y: float = 0,
    z: float = 0,
    copy: int = 0,
  ) -> Any:
    """Puts a volume into its mother, the world into None, with its centre at x, y, z, mm, and this
    number among its like.
    """
    where: Any = g4.G4ThreeVector(x, y, z)
    nothing: Any = None  # no rotation, and the world's mother; the binding's types know neither
    placed = g4.G4PVPlacement(
      nothing, where, volume, volume.GetName(), mother or nothing, False, copy, False
    )
    self.kept += [volume, placed]
    return placed

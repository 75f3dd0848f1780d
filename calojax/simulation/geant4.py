"""One Geant4 in this process: runs events and reads what was scored.

Geant4 is a singleton: a process calls `prepare` once, and ends by `os._exit`, for its destructors
come in the wrong order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import geant4_pybind as g4
import numpy as np

from calojax.showers import Condition
from calojax.simulation.calorimeters import Calorimeter
from calojax.simulation.construction import Construction
from calojax.units import EV

THRESHOLD = 1 * EV  # a cell with less is a rounding remainder, not a deposit
FLIGHT = 0.5  # mm along z from which a particle starts before the front face


class Events(NamedTuple):
  """Cell energies `[b, v]` in MeV; CPU seconds of each event `[b]` and, of these, those spent in
  Python `[b]`.
  """

  energies: np.ndarray
  cpu: np.ndarray
  python: np.ndarray


def version() -> str:
  """Geant4's version, e.g. 11.4.1."""
  return f'{g4.G4VERSION_NUMBER // 100}.{g4.G4VERSION_NUMBER // 10 % 10}.{g4.G4VERSION_NUMBER % 10}'


class Session(NamedTuple):
  """A Geant4 that is ready: what it calls back has to outlive it."""

  run: Any
  source: Source
  reader: Reader
  kept: tuple[Any, ...]


def prepare(calorimeter: Calorimeter, particle: str, physics: str, cut: float) -> Session:
  """A Geant4 with this calorimeter.

  Args:
    calorimeter: what to build.
    particle: Geant4's name.
    physics: Geant4's name of a physics constructor.
    cut: range cut, mm.

  Raises:
    ValueError: an unknown material.
  """
  for material in dict.fromkeys(slab.material for slab in calorimeter.slabs):
    if g4.G4NistManager.Instance().FindOrBuildMaterial(material) is None:
      raise ValueError(
        f"no material {material!r}, expected a name of Geant4's NIST table, "
        'e.g. G4_Pb, G4_Fe, G4_lAr, G4_PbWO4'
      )
  run = g4.G4RunManagerFactory.CreateRunManager(g4.G4RunManagerType.SerialOnly)
  g4.G4UImanager.GetUIpointer().ApplyCommand('/control/verbose 0')
  construction, physics_list = Construction(calorimeter), _physics_list(physics)
  run.SetUserInitialization(construction)
  run.SetUserInitialization(physics_list)
  # Geant4 refuses these two before it has its physics.
  source, reader = Source(particle), Reader(calorimeter)
  run.SetUserAction(source)
  run.SetUserAction(reader)
  run.Initialize()
  # Not SetDefaultCutValue: the binding's list of constructors goes back to 1 mm when the run
  # begins.
  g4.G4UImanager.GetUIpointer().ApplyCommand(f'/run/setCut {cut} mm')
  return Session(run, source, reader, (construction, physics_list))


def simulate(
  session: Session,
  particles: Condition,
  seed: int,
  start: int,
  tell: Callable[[], Any] = lambda: None,
) -> Events:
  """The showers of these particles `[b]`.

  The one of number i is made with random numbers of (seed, start + i) alone. `tell` is called after
  every event.
  """
  count = len(particles.energy)
  session.source.load(particles, seed, start)
  session.reader.load(count, session.source, tell)
  session.run.BeamOn(count)
  return Events(session.reader.energies, session.reader.cpu, session.reader.python)


def _physics_list(name: str) -> g4.G4VModularPhysicsList:
  """A silent physics list of one constructor."""
  physics = g4.G4VModularPhysicsList()
  physics.SetVerboseLevel(0)
  physics.RegisterPhysics(getattr(g4, name)())
  g4.G4EmParameters.Instance().SetVerbose(0)
  return physics


class Source(g4.G4VUserPrimaryGeneratorAction):
  """Shoots the loaded particles one after the other."""

  def __init__(self, particle: str):
    super().__init__()
    self.gun = g4.G4ParticleGun(1)
    self.gun.SetParticleByName(particle)

  def load(self, particles: Condition, seed: int, start: int) -> None:
    """Takes the particles of the events from number `start` on."""
    self.particles, self.seed, self.start, self.index = particles, seed, start, -1

  def GeneratePrimaries(self, event: g4.G4Event) -> None:
    """Shoots the next particle, with the random numbers of its event; Geant4 calls this."""
    self.began = time.process_time()
    self.index += 1
    energy, (x, y), direction = (field[self.index].tolist() for field in self.particles)
    # Four non-zero numbers select one of the generator's independent streams; the list has to end
    # in a zero.
    g4.G4Random.setTheSeeds([self.seed + 1, self.start + self.index + 1, 1, 1, 0], 4)
    back = FLIGHT / direction[2]
    self.gun.SetParticleEnergy(energy)
    self.gun.SetParticleMomentumDirection(g4.G4ThreeVector(*direction))
    self.gun.SetParticlePosition(
      g4.G4ThreeVector(x - back * direction[0], y - back * direction[1], -back * direction[2])
    )
    self.gun.GeneratePrimaryVertex(event)
    self.ended = time.process_time()


class Reader(g4.G4UserEventAction):
  """Copies what the scorers have summed, once an event."""

  def __init__(self, calorimeter: Calorimeter):
    super().__init__()
    sizes = [layer.cells for layer in calorimeter.geometry.layers]
    self.cells, self.offsets = sum(sizes), np.cumsum([0, *sizes[:-1]])
    self.collections: list[int] = []  # Geant4 numbers them when the first event begins

  def load(self, count: int, gun: Source, tell: Callable[[], Any]) -> None:
    """Makes room for so many events of the gun; `tell` is called after each."""
    self.energies = np.zeros((count, self.cells))
    self.cpu, self.python = np.zeros(count), np.zeros(count)
    self.gun, self.tell = gun, tell

  def EndOfEventAction(self, event: g4.G4Event) -> None:
    """Copies the sums of the event that has ended; Geant4 calls this."""
    began = time.process_time()
    if not self.collections:
      find = g4.G4SDManager.GetSDMpointer().GetCollectionID
      self.collections = [find(f'layer{number}/energy') for number in range(len(self.offsets))]
    hits, image = event.GetHCofThisEvent(), self.energies[self.gun.index]
    for offset, collection in zip(self.offsets, self.collections):
      sums: Any = hits.GetHC(collection)  # a map by cell, which the binding's types do not tell
      for cell, energy in sums:
        image[offset + cell] = energy
    image[image < THRESHOLD] = 0
    self.tell()
    ended = time.process_time()
    self.cpu[self.gun.index] = ended - self.gun.began
    self.python[self.gun.index] = ended - began + self.gun.ended - self.gun.began

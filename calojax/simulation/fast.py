"""Fast simulation inside a Geant4 run: what the exported model knows is stopped at the
calorimeter's face, and when the run is over the model fills its cells, all events in batches.

The binding has no `G4VFastSimulationModel`: a stepping action does what its trigger would. It is
called for every step that is still simulated, so attach it after a full simulation, not before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import geant4_pybind as g4
import numpy as np

from calojax.inference import Model
from calojax.showers import Condition
from calojax.simulation import geant4
from calojax.simulation.calorimeters import Calorimeter
from calojax.simulation.geant4 import Events, Session, Source

ON_FACE = 1e-6  # mm from it, where Geant4 ends a step that comes to it

_NOISE = 20261129  # keeps the noise's random stream apart from others of the same seed


class Face(g4.G4UserSteppingAction):
  """Stops particles at the front face, z = 0, and notes them.

  Attributes:
    events: number of the event of each, within the run.
    particles: energy (MeV), x, y (mm) and direction of each, as it came to the face.
  """

  def __init__(self, source: Source, ranges: Mapping[str, tuple[float, float]], kinds: set[str]):
    super().__init__()
    self.source, self.ranges, self.kinds = source, list(ranges.values()), kinds
    self.clear()

  def clear(self) -> None:
    """Forgets the particles of the last run."""
    self.events: list[int] = []
    self.particles: list[tuple[float, float, float, float, float, float]] = []

  @property
  def condition(self) -> Condition:
    """The particles `[n]`."""
    values = np.array(self.particles).reshape(-1, 6)
    return Condition(values[:, 0], values[:, 1:3], values[:, 3:])

  def UserSteppingAction(self, step: g4.G4Step) -> None:
    """Ends a track that has come to the face and that the model knows; Geant4 calls this."""
    end = step.GetPostStepPoint()
    place = end.GetPosition()
    if abs(place.z) > ON_FACE or step.GetPreStepPoint().GetPosition().z > -ON_FACE:
      return
    track, way, energy = step.GetTrack(), end.GetMomentumDirection(), end.GetKineticEnergy()
    if track.GetDefinition().GetParticleName() not in self.kinds:
      return
    known = (energy, place.x, place.y, way.x / way.z, way.y / way.z)
    # What the training had not is left to Geant4, which goes on with it.
    if all(low <= value <= high for value, (low, high) in zip(known, self.ranges)):
      self.events.append(self.source.index)
      self.particles.append((energy, place.x, place.y, way.x, way.y, way.z))
      track.SetTrackStatus(g4.G4TrackStatus.fStopAndKill)


def attach(session: Session, calorimeter: Calorimeter, model: Model, kinds: Sequence[str]) -> Face:
  """Has all runs from here on stop at the face what the model knows; it has to outlive them.

  Args:
    session: of this calorimeter.
    calorimeter: its front face is at z = 0.
    model: with the ranges of its training.
    kinds: Geant4's names of the particles that it was trained on.

  Raises:
    ValueError: see `check`.
  """
  check(model, calorimeter)
  face = Face(session.source, model.ranges, set(kinds))
  session.run.SetUserAction(face)
  return face


def check(model: Model, calorimeter: Calorimeter) -> None:
  """Raises ValueError if a model is of other cells, or does not tell the ranges of its training."""
  if model.geometry.layers != calorimeter.geometry.layers:
    raise ValueError(
      f'a model of the cells of {model.geometry.name!r} for the calorimeter '
      f'{calorimeter.geometry.name!r}, expected one of the same cells'
    )
  if not model.ranges:
    raise ValueError('the model tells no ranges of its training, expected an exported one')


def simulate(
  session: Session, face: Face, model: Model, particles: Condition, seed: int, start: int
) -> Events:
  """The showers of these particles `[b]`, as `geant4.simulate` gives them: cells hold what the
  model made of the stopped particles and what Geant4 has simulated of the others.

  The event of number i is made with random numbers of (seed, start + i) alone.
  """
  face.clear()
  events = geant4.simulate(session, particles, seed, start)
  if not face.events:
    return events
  began = time.process_time()
  owners = np.array(face.events)
  noise = [
    np.random.default_rng((_NOISE, seed, start + event, number)).standard_normal(
      model.latent, np.float32
    )
    for number, event in zip(_numbers(owners), face.events)
  ]
  first = 0
  for piece in model.stream(face.condition, noise=np.stack(noise)):
    rows = owners[first : first + len(piece.energies)]
    np.add.at(events.energies, rows, piece.energies)  # an event may have several
    first += len(rows)
  np.add.at(events.cpu, owners, (time.process_time() - began) / len(owners))
  return events


def _numbers(owners: np.ndarray) -> np.ndarray:
  """Of each stopped particle its number within its event."""
  return np.arange(len(owners)) - np.searchsorted(owners, owners)

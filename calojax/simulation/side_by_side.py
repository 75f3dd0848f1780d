"""Full and fast simulation of the same particles, in a process of its own, as Geant4 needs it."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

from calojax.showers import Condition, Shower
from calojax.simulation import datasets, gun, jobs
from calojax.simulation.calorimeters import PHYSICS, RANGE_CUT, Calorimeter

ELECTRONS = ('e-',)  # what the shipped models of the LHCb-like calorimeter and CLIC know


class Both(NamedTuple):
  """What came of the same particles.

  Attributes:
    full: Geant4's showers `[b, v]`, MeV.
    fast: those of Geant4 with the model.
    cpu: CPU seconds of each event, full and fast `[2, b]`.
    stopped: number of the event of each particle that the model took.
    at_face: these particles as they came to the face.
    geant4: its version.
  """

  full: Shower
  fast: Shower
  cpu: np.ndarray
  stopped: np.ndarray
  at_face: Condition
  geant4: str


class Request(NamedTuple):
  """What is simulated: `particles` `[b]` in the calorimeter, by Geant4 and with the model of that
  folder or name, which takes particles of these `kinds`. A shower depends on seed and number only;
  the first one has the number `start`.
  """

  calorimeter: Calorimeter
  model: str
  particles: Condition
  seed: int = 0
  kinds: Sequence[str] = ELECTRONS
  start: int = 0


def drawn(
  calorimeter: Calorimeter, model: str, count: int, seed: int = 0, law: str = 'usual'
) -> Request:
  """The request for so many particles of a law of the calorimeter."""
  return Request(calorimeter, model, gun.draw(calorimeter.law(law), seed, 0, count), seed)


def simulate(request: Request) -> Both:
  """Both simulations.

  Raises:
    ValueError: what Geant4 or the model refuses; the binding or a data set is missing.
  """
  datasets.installed()
  environment = datasets.environment()
  context = multiprocessing.get_context('spawn')
  ours, theirs = context.Pipe()
  with tempfile.TemporaryDirectory() as folder:
    log = os.path.join(folder, 'geant4.log')
    process = context.Process(target=_work, args=(request, theirs, log, environment), daemon=True)
    process.start()
    theirs.close()
    try:
      done, found = ours.recv()
    except EOFError:
      raise ValueError(f'the simulation ended: {jobs.reason(log)}') from None
    finally:
      process.join()
  if not done:
    raise ValueError(found)
  return found


def _work(request: Request, connection: Connection, log: str, environment: dict[str, str]) -> None:
  """Simulates and sends `(True, Both)` or `(False, the reason)`. Does not return."""
  jobs.silence(log)
  os.environ.update(environment)
  try:
    answer: tuple[bool, Any] = (True, _both(request))
  except (ValueError, OSError) as error:
    answer = (False, str(error))
  connection.send(answer)
  os._exit(0)


def _both(request: Request) -> Both:
  from calojax import inference
  from calojax.simulation import fast, geant4  # import the binding, which reads the environment

  calorimeter, name, particles, seed, kinds, start = request
  model = inference.load(name, threads=1)
  fast.check(model, calorimeter)  # before Geant4 has taken its time
  session = geant4.prepare(calorimeter, calorimeter.gun.particle, PHYSICS[0], RANGE_CUT)
  full = geant4.simulate(session, particles, seed, start)
  face = fast.attach(session, calorimeter, model, kinds)
  generated = fast.simulate(session, face, model, particles, seed, start)
  return Both(
    Shower(full.energies, particles),
    Shower(generated.energies, particles),
    np.stack([full.cpu, generated.cpu]),
    np.array(face.events, int),
    face.condition,
    geant4.version(),
  )

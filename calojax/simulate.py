"""Make calorimeter showers with Geant4.

  python -m calojax.simulate --detector=lhcb_ecal --events=10000 --seed=1 --jobs=8
  --output=showers.h5
  python -m calojax.simulate --detector=clic --particle=gamma --spectrum=uniform --energy=10,100
  --events=500 --output=photons.h5
  python -m calojax.simulate --detector=my_calorimeter.py --energy=50 --events=100 --output=mine.h5
  python -m calojax.simulate --download

Needs the extra `geant4` and, once, Geant4's data sets, which --download fetches. Finished chunks
lie in OUTPUT.chunks: the same command resumes a simulation that was interrupted, with another
--events if need be. The same seed gives the same showers whatever the number of jobs. Exit codes: 0
done; 2 bad input, one line says what; 75 interrupted by SIGTERM or SIGINT, run the command again; 1
an error that nobody thought of, one line.
"""

from __future__ import annotations

from calojax import interruption

if __name__ == '__main__':
  interruption.listen()  # before anything that takes time to import

import sys
from typing import TYPE_CHECKING

from absl import flags

from calojax.commands.outcome import line, outcome, refuse
from calojax.exit_codes import DONE

if TYPE_CHECKING:
  from calojax.simulation.chunks import Plan

FLAGS = flags.FLAGS
flags.DEFINE_string('detector', 'lhcb_ecal', 'Its name, or a Python file that defines CALORIMETER.')
flags.DEFINE_integer('events', None, 'How many showers.')
flags.DEFINE_integer('seed', 0, 'Of the particles and of their showers.')
flags.DEFINE_integer('jobs', 1, 'How many processes.')
flags.DEFINE_string('output', None, 'The file to write, HDF5 in the canonical layout.')
flags.DEFINE_string(
  'law',
  'usual',
  "Named law of the particles: usual, or another that the detector has, as lhcb_ecal's wide.",
)
flags.DEFINE_string(
  'particle',
  None,
  'e-, e+ or gamma; by default, here and below, what the detector is usually shown.',
)
flags.DEFINE_list(
  'energy', None, 'Kinetic energy in GeV: one value, or the lowest and the highest.'
)
flags.DEFINE_string('spectrum', None, 'Of the energy: fixed, uniform or log_uniform (dN/dE ~ 1/E).')
flags.DEFINE_float('slope', None, 'Standard deviation of dx/dz and dy/dz, both normal.')
flags.DEFINE_float('slope_limit', None, 'Largest |dx/dz| and |dy/dz|, both uniform.')
flags.DEFINE_float('theta', None, 'Largest polar angle in degrees, uniform, at any azimuth.')
flags.DEFINE_float(
  'spread',
  None,
  'Half the side, in mm, of the square in which the trajectories cross the plane --aim.',
)
flags.DEFINE_float('aim', None, 'Depth of that plane behind the front face, mm.')
flags.DEFINE_string(
  'physics', None, "Geant4's electromagnetic physics constructor; by default G4EmStandardPhysics."
)
flags.DEFINE_float('cut', None, 'Range cut, mm; by default 0.7.')
flags.DEFINE_boolean(
  'download', False, "Have the binding download Geant4's data sets, and do nothing else."
)
flags.DEFINE_boolean('debug', False, 'Show the traceback of an error.')


def plan() -> Plan:
  """What the flags ask for.

  Raises:
    ValueError: bad input.
  """
  import math

  from calojax.registry import find
  from calojax.simulation import calorimeters, gun
  from calojax.simulation.chunks import Plan

  calorimeter = calorimeters.load(FLAGS.detector)
  for name, low, high in (('events', 1, 2**31), ('jobs', 1, 4096), ('seed', 0, 2**31)):
    value = FLAGS[name].value
    if value is None or not low <= value < high:
      raise ValueError(f'--{name} is {value}, expected a number from {low} to {high - 1}')
  if not FLAGS.output:
    raise ValueError('no --output, expected the name of the file to write')
  physics = calorimeters.PHYSICS[0] if FLAGS.physics is None else FLAGS.physics
  find(dict.fromkeys(calorimeters.PHYSICS), physics, 'physics')
  cut = calorimeters.RANGE_CUT if FLAGS.cut is None else FLAGS.cut
  if not 0 < cut < math.inf:
    raise ValueError(f'--cut is {cut:g} mm, expected a length > 0')
  chosen = gun.check(gun.changed(calorimeter.law(FLAGS.law), _given()), calorimeter.width)
  return Plan(calorimeter, chosen, physics, cut, FLAGS.seed, FLAGS.events, FLAGS.output)


def _given() -> dict:
  """The flags of the gun that are set."""
  from calojax.simulation import gun

  given = {
    name: FLAGS[name].value
    for name in ('particle', 'energy', 'spectrum', *gun.ANGLES, 'spread', 'aim')
  }
  return {name: value for name, value in given.items() if value is not None}


def simulate() -> int:
  """Does what the flags ask for and returns the exit code.

  Raises:
    ValueError, OSError: bad input.
  """
  from calojax.simulation import chunks, datasets, jobs

  if FLAGS.download:
    print(f'Geant4 data sets are in {datasets.download()}')
    return DONE
  asked = plan()
  datasets.installed()
  environment = datasets.environment()
  interruption.begin(None)  # the chunks in hand are given up, which is quick
  with chunks.begun(asked) as numbers:
    events = sum(stop - start for start, stop in map(asked.extent, numbers))
    if events < asked.events:
      print(
        f'calojax: resuming, {asked.events - events} of {asked.events} showers '
        f'are in {asked.folder}',
        file=sys.stderr,
      )
    if numbers:
      jobs.run(asked, numbers, FLAGS.jobs, environment, jobs.progress(events))
    made = chunks.merge(asked)
  print(
    f'{asked.events} showers in {asked.output}: mean response {made["mean_response"]:.5f} '
    f'+- {made["mean_response_error"]:.5f}, {made["cpu_seconds_per_event"]:.3g} CPU seconds '
    f'a shower, {made["python_share"]:.1%} of them in Python'
  )
  return DONE


def command_line(argv: list[str]) -> int:
  """Runs a command and returns its exit code."""
  if any(a in ('-h', '--help', '-help') for a in argv[1:]):
    print(f'{__doc__}\n{FLAGS.main_module_help()}')
    return DONE
  try:
    rest = FLAGS(argv)[1:]
    if rest:
      raise ValueError(f'unexpected argument {rest[0]!r}: flags are written --name=value')
  except (ValueError, flags.Error) as error:
    return refuse(ValueError(line(error)))
  return outcome(simulate, FLAGS.debug)


if __name__ == '__main__':
  interruption.leave(command_line(sys.argv))

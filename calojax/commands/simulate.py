"""`calojax simulate`: showers of Geant4.

Needs the extra `geant4` and, once, Geant4's data sets, which --download fetches. Finished chunks
lie in OUTPUT.chunks: the same command resumes a simulation that was interrupted, with another
--events if need be. The same seed gives the same showers whatever the number of jobs.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from calojax import data
from calojax.commands import simulate_shares
from calojax.commands.arguments import Asked
from calojax.commands.jobs import LOCAL, check
from calojax.exit_codes import DONE
from calojax.registry import find
from calojax.simulation import calorimeters, chunks, datasets, gun, jobs
from calojax.simulation.chunks import Plan


def simulating(asked: Asked) -> Callable[[], int]:
  """The simulation that the flags ask for, checked: a function that does it and returns the exit
  code.

  Raises:
    ValueError: bad input, or Geant4 is not there.
  """
  values = asked.values
  if values.download:  # at once: a signal ends it, nothing of ours is to be saved
    print(f'Geant4 data sets are in {datasets.download()}')
    return lambda: DONE
  wanted = plan(values)
  datasets.installed()
  environment = datasets.environment()
  if values.chunks:
    return simulate_shares.share(wanted, values.chunks, values.jobs, environment)
  if values.workers == 1 and values.engine == LOCAL:
    make = lambda numbers, tell: jobs.run(wanted, numbers, values.jobs, environment, tell)
  else:
    check(values.engine, values.workers)
    make = lambda numbers, tell: simulate_shares.shares(asked, wanted)

  def work() -> int:
    simulate(wanted, make)
    return DONE

  return work


def plan(values: Any) -> Plan:
  """What the flags ask for.

  Raises:
    ValueError: bad input.
  """
  calorimeter = calorimeters.load(values.detector)
  for name, low, high in (('events', 1, 2**31), ('jobs', 1, 4096), ('seed', 0, 2**31)):
    value = values[name].value
    if value is None or not low <= value < high:
      raise ValueError(f'--{name} is {value}, expected a number from {low} to {high - 1}')
  if not values.output:
    raise ValueError('no --output, expected the name of the file to write')
  data.check_output(values.output)
  physics = calorimeters.PHYSICS[0] if values.physics is None else values.physics
  find(dict.fromkeys(calorimeters.PHYSICS), physics, 'physics')
  cut = calorimeters.RANGE_CUT if values.cut is None else values.cut
  if not 0 < cut < math.inf:
    raise ValueError(f'--cut is {cut:g} mm, expected a length > 0')
  names = ('particle', 'energy', 'spectrum', *gun.ANGLES, 'spread', 'aim')
  given = {name: values[name].value for name in names if values[name].value is not None}
  if 'energy' in given:  # LOW:HIGH, as `calojax sample` has it, or LOW,HIGH
    given['energy'] = ':'.join(given['energy']).split(':')
  chosen = gun.check(gun.changed(calorimeter.law(values.law), given), calorimeter.width)
  return Plan(calorimeter, chosen, physics, cut, values.seed, values.events, values.output)


def simulate(asked: Plan, make: Callable[[list[int], Callable[[int], Any]], Any]) -> None:
  """Has the chunks that are not there made, and prints what the showers are."""
  with chunks.begun(asked) as numbers:
    events = sum(stop - start for start, stop in map(asked.extent, numbers))
    if events < asked.events:
      print(
        f'calojax: resuming, {asked.events - events} of {asked.events} showers '
        f'are in {asked.folder}',
        file=sys.stderr,
      )
    if numbers:
      make(numbers, jobs.progress(events))
    made = chunks.merge(asked)
  print(
    f'{asked.events} showers in {asked.output}: mean response {made["mean_response"]:.5f} '
    f'+- {made["mean_response_error"]:.5f}, {made["cpu_seconds_per_event"]:.3g} CPU seconds '
    f'a shower, {made["python_share"]:.1%} of them in Python'
  )

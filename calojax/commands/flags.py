"""What a flag and a command are, and the flags that several commands have."""

from __future__ import annotations

from typing import Any, NamedTuple


class Option(NamedTuple):
  """A flag.

  Attributes:
    name: without the dashes.
    help: one or two sentences.
    value: what stands behind `=` in the help; of a switch nothing.
    kind: `string`, `integer`, `float`, `boolean`, `list` (separated by commas) or `config`.
    default: where it is not given.
  """

  name: str
  help: str
  value: str = 'FILE'
  kind: str = 'string'
  default: Any = None


class Command(NamedTuple):
  """A command.

  Attributes:
    summary: one line.
    examples: of its use.
    options: its flags.
    subject: the flag that a bare word stands for, or ''.
  """

  summary: str
  examples: tuple[str, ...]
  options: tuple[Option, ...]
  subject: str = ''


CONFIG = Option(
  'config',
  'The system: the name of one that comes with the package, as cnn_aux, a file, or a run. '
  '--config.x.y=v changes a value of it, as --config.train.steps=12000 or '
  '--config.evaluation.clusters=50 (of the PRD; of a small file there are fewer showers than '
  'the usual 400 clusters).',
  'NAME',
  'config',
)
WORKDIR = Option(
  'workdir',
  'Folder of the run; by default runs/NAME of the config, or runs/NAME-HASH if values are changed.',
  'RUN',
)
SEED = Option('seed', 'Seed of everything random.', 'N', 'integer', 0)
DEBUG = Option('debug', 'Show the traceback of an error.', '', 'boolean', False)
OVERWRITE = Option('overwrite', 'Replace the file that is there.', '', 'boolean', False)
MANY = (  # of what is done by many jobs
  Option('workers', 'Jobs at a time.', 'N', 'integer', 1),
  Option(
    'engine',
    'Where they run: as processes of this machine, or on a batch system, whose queue and account '
    "stand in dask-jobqueue's own file (docs/pages/sweeps.md).",
    'local|slurm|htcondor',
    default='local',
  ),
)
OF_RUN = (CONFIG, WORKDIR)
CHECKPOINT = Option(
  'checkpoint', 'Of the run: newest, best or a step.', 'newest|best|STEP', default='newest'
)
MOVED = Option(
  'data', 'Where the data of the run lie now, if they have moved: known by their fingerprint.'
)

STEPS = Option(
  'steps',
  'The end of the training, in place of train.steps; a run that has ended goes on to it.',
  'N',
  'integer',
)
TOGETHER = (  # several processes of one training
  Option(
    'coordinator',
    'Address of process 0, where each process of a training on several hosts finds the others. '
    'Slurm and Open MPI tell it by themselves, and what follows here.',
    'HOST:PORT',
  ),
  Option(
    'processes', 'How many processes train together; 1 is alone, also in a cluster.', 'N', 'integer'
  ),
  Option('process', 'Which of them this one is, from 0.', 'I', 'integer'),
)


def conventions(files: str, prefix: str = '') -> tuple[Option, ...]:
  """The flags that say what these files do not tell."""
  return (
    Option(
      f'{prefix}units',
      f'Units of {files} that the file does not tell, as ParticleMomentum:MeV.',
      'KEY:UNIT,...',
      default='',
    ),
    Option(f'{prefix}axes', f'Order of the image axes of {files}, as yx.', 'AXES', default=''),
    Option(
      f'{prefix}negative',
      f'Cells below zero of {files}: refuse, or zero.',
      'refuse|zero',
      default='refuse',
    ),
  )


ON_FILE = Option(
  'conditions', 'Real showers to judge the run on, in place of the test showers of its data.'
)
OF_FILES = (  # what only an evaluation of two files looks at
  Option('reference', 'Real showers: a file of any readable format.'),
  Option(
    'generated',
    'Generated showers: a file of any readable format; or several, FILE,FILE or made/*.h5, each '
    'judged by a job.',
  ),
  Option('training', 'The showers that were trained on, to see whether they are repeated.'),
  SEED,
  *conventions('--generated', 'generated_'),
)
OF_GUN = (  # which particles are shot, and Geant4's physics
  Option(
    'law',
    "Named law of the particles: usual, or another that the detector has, as lhcb_ecal's wide.",
    'NAME',
    default='usual',
  ),
  Option(
    'particle',
    'e-, e+ or gamma; by default, here and below, what the detector is usually shown.',
    'NAME',
  ),
  Option(
    'energy',
    'Kinetic energy, GeV: one value, or the lowest and the highest.',
    'E|LOW:HIGH',
    'list',
  ),
  Option('spectrum', 'Of the energy: fixed, uniform or log_uniform (dN/dE ~ 1/E).', 'NAME'),
  Option('slope', 'Standard deviation of dx/dz and dy/dz, both normal.', 'S', 'float'),
  Option('slope_limit', 'Largest |dx/dz| and |dy/dz|, both uniform.', 'S', 'float'),
  Option('theta', 'Largest polar angle, degrees, uniform, at any azimuth.', 'T', 'float'),
  Option(
    'spread',
    'Half the side, mm, of the square in which the trajectories cross the plane --aim.',
    'L',
    'float',
  ),
  Option('aim', 'Depth of that plane behind the front face, mm.', 'L', 'float'),
  Option(
    'physics',
    "Geant4's electromagnetic physics constructor; by default G4EmStandardPhysics.",
    'NAME',
  ),
  Option('cut', 'Range cut, mm; by default 0.7.', 'L', 'float'),
)
WISHES = (  # of an evaluation, of a run as of files
  Option(
    'clusters',
    'Clusters of the PRD, by default 400 or what the config of the run says; fewer where there are '
    'less than four showers for each.',
    'N',
    'integer',
  ),
  Option(
    'metrics',
    'Only these: prd, conditional_prd, observables, distances, frechet, manifold, response, '
    'images, neighbours, challenge, trees, classifier.',
    'NAME,...',
    'list',
    [],
  ),
  Option(
    'classifier',
    'Train networks as judges too, which takes longest; by default of files, and of a run whose '
    'config names them.',
    'true|false',
    'boolean',
  ),
  Option(
    'challenge', "Year of the CaloChallenge's conventions, 2024 or 2022.", 'YEAR', default='2024'
  ),
  Option('format', 'Pictures in these formats too, beside PNG: pdf, svg.', 'NAME,...', 'list', []),
  *conventions('--reference, --training and --conditions'),
)

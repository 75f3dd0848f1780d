"""The commands and their flags: one table, which both doors, the help and the completion read."""

from __future__ import annotations

from calojax.commands.flags import (
  CHECKPOINT,
  DEBUG,
  MANY,
  MOVED,
  OF_FILES,
  OF_GUN,
  OF_RUN,
  ON_FILE,
  OVERWRITE,
  SEED,
  STEPS,
  TOGETHER,
  WISHES,
  Command,
  Option,
  conventions,
)

TRAIN = Command(
  'Train a system and judge it; the same command resumes a training that was interrupted.',
  (
    'calojax train cnn_aux',
    'calojax train cnn_aux --config.train.steps=12000 --workdir=runs/longer',
    'calojax train cnn_aux --config.data.source=my_showers.h5 --config.evaluation.clusters=50',
    'calojax train runs/cnn_aux --steps=60000',
    'calojax train runs/cnn_aux --workdir=runs/fine --from=runs/cnn_aux '
    '--config.data.source=my_showers.h5',
    'calojax train cnn_aux --coordinator=node1:12345 --processes=2 --process=0',
  ),
  (
    *OF_RUN,
    STEPS,
    Option('from', 'The run whose weights the new run starts from, also on other data.', 'RUN'),
    CHECKPOINT._replace(help='Of --from: newest, best or a step.'),
    MOVED,
    *TOGETHER,
    DEBUG,
  ),
  'config',
)
EVALUATE = Command(
  'Judge a run on its held-out showers, or a file of generated showers against a real one.',
  (
    'calojax evaluate runs/cnn_aux --checkpoint=best',
    'calojax evaluate runs/cnn_aux --metrics=prd,trees --clusters=100 --format=pdf --output=talk',
    'calojax evaluate --reference=geant4.h5 --generated=showers.h5 --output=report',
    "calojax evaluate --reference=geant4.h5 --generated='made/*.h5' --output=reports --workers=2",
  ),
  (
    *OF_RUN,
    CHECKPOINT,
    MOVED,
    ON_FILE,
    *OF_FILES,
    *WISHES,
    *MANY,
    Option(
      'output', 'The folder to write; of a run evaluation/STEP in it, if not given.', 'FOLDER'
    ),
    DEBUG,
  ),
  'workdir',
)
SAMPLE = Command(
  'Make showers with a trained generator.',
  (
    'calojax sample lhcb_ecal --count=10000 --output=showers.h5',
    'calojax sample lhcb_ecal --count=1000 --energy=20 --theta=10 --phi=45 --x=0 --y=3 '
    '--output=showers.npz',
    'calojax sample runs/cnn_aux --count=1000 --energy=5:50 --theta=0:20 --output=showers.h5',
    'calojax sample lhcb_ecal --conditions=particles.csv --output=showers.h5',
    'calojax sample lhcb_ecal --count=1000000 --parts=100 --workers=8 --output=showers.h5',
  ),
  (
    Option(
      'model',
      'The generator: the name of one that comes with the package, the folder of an exported one, '
      'or a run.',
      'MODEL|RUN',
    ),
    *OF_RUN,
    CHECKPOINT,
    Option('count', 'How many showers.', 'N', 'integer'),
    Option('energy', 'Kinetic energy, GeV; a range is log-uniform, dN/dE ~ 1/E.', 'E|LOW:HIGH'),
    Option('theta', 'Angle to the axis z, degrees; a range is uniform.', 'T|LOW:HIGH'),
    Option('phi', 'Azimuth of the direction, degrees from x; a range is uniform.', 'P|LOW:HIGH'),
    Option('x', 'Position on the front face, mm; a range is uniform.', 'X|LOW:HIGH'),
    Option('y', 'The same along y, mm.', 'Y|LOW:HIGH'),
    Option(
      'spectrum',
      'Draw --count particles from this file, of any readable format, in place of the spectrum of '
      'the training. What none of --energy, --theta, --phi, --x and --y asks for is drawn so.',
    ),
    Option('conditions', 'One shower for each particle of this file, of any readable format.'),
    Option(
      'output',
      'The file to write, by its ending: .h5 or .hdf5, .npz, .parquet, .root.',
    ),
    OVERWRITE,
    Option(
      'parts',
      'Have jobs write so many files beside --output, which becomes an index of them and reads as '
      'one file, of the same showers: .h5 or .hdf5.',
      'N',
      'integer',
    ),
    Option('part', 'Write this part of the showers alone, as 3/8.', 'K/N'),
    *MANY,
    Option(
      'layout',
      'Layout of the file: calojax, lhcb, calogan, threedgan, calochallenge or lemurs.',
      'NAME',
      default='calojax',
    ),
    SEED,
    *conventions('--conditions and --spectrum'),
    DEBUG,
  ),
  'model',
)
SIMULATE = Command(
  'Make showers with Geant4; the same command resumes a simulation that was interrupted.',
  (
    'calojax simulate --download',
    'calojax simulate --detector=lhcb_ecal --events=10000 --seed=1 --jobs=8 --output=geant4.h5',
    'calojax simulate --detector=lhcb_ecal --events=1000000 --workers=50 --engine=slurm '
    '--output=geant4.h5',
    'calojax simulate --detector=clic --particle=gamma --spectrum=uniform --energy=10:100 '
    '--events=500 --output=photons.h5',
  ),
  (
    Option(
      'detector',
      'Its name, or a Python file that defines CALORIMETER.',
      'NAME|FILE',
      default='lhcb_ecal',
    ),
    Option('events', 'How many showers.', 'N', 'integer'),
    SEED._replace(help='Of the particles and of their showers.'),
    Option('jobs', 'How many processes; of each worker, if there are some.', 'N', 'integer', 1),
    *MANY,
    Option(
      'chunks',
      'Make these chunks alone of a simulation that has begun elsewhere, as the workers do.',
      'LOW:HIGH',
    ),
    Option('output', 'The file to write, by its ending: .h5 or .hdf5, .npz, .parquet, .root.'),
    *OF_GUN,
    Option(
      'download',
      "Have the binding download Geant4's data sets, and do nothing else.",
      '',
      'boolean',
      False,
    ),
    DEBUG,
  ),
)
EXPORT = Command(
  "Write a run's generator as ONNX and StableHLO, for other programs.",
  (
    'calojax export runs/cnn_aux --output=model',
    'calojax export runs/cnn_aux --output=model --adapters=par04,ddml',
  ),
  (
    *OF_RUN,
    CHECKPOINT,
    Option('output', 'The folder to write.', 'FOLDER'),
    Option(
      'adapters',
      'Further ONNX files as these programs take them: par04, fastcalosim, ddml.',
      'NAME,...',
      'list',
      [],
    ),
    DEBUG,
  ),
  'workdir',
)
SHOW = Command(
  'Print what a file, a run or a model is, and draw its showers.',
  (
    'calojax show showers.h5',
    'calojax show lhcb_ecal --output=lhcb_ecal.pdf',
    'calojax show lhcb_ecal --kind=data --output=geant4.png',
    'calojax show runs/cnn_aux',
  ),
  (
    Option(
      'source',
      'A file of showers or of particles, a run, the folder of an exported model, or the name of '
      'a model or of embedded showers.',
      'FILE|RUN|MODEL',
    ),
    Option('kind', 'Where a name is both: the model, or the embedded data.', 'model|data'),
    Option(
      'output',
      'A picture of mean image, some showers, profiles and energies: .png, .pdf or .svg. Showers '
      'of a run or a model are made for it.',
    ),
    OVERWRITE,
    *conventions('the file'),
    DEBUG,
  ),
  'source',
)
LIST = Command(
  'List the systems, detectors, models and data sets that come with the package.',
  ('calojax list', 'calojax list models'),
  (Option('kind', 'systems, detectors, models, data or plug-ins; by default all.', 'KIND'), DEBUG),
  'kind',
)
SWEEP = Command(
  'Train many systems with several seeds, and make one table of them; the same command goes on.',
  (
    'calojax sweep sweep.toml --workers=2 --output=runs/sweep',
    'calojax sweep sweep.toml --workers=16 --engine=slurm --output=runs/sweep',
    'calojax sweep --search=search.toml --workers=2 --output=runs/search',
  ),
  (
    Option('sweep', 'The trainings: a file of TOML, as docs/pages/sweeps.md describes it.'),
    Option('search', 'In its place a search for the best values of a config: a file of TOML.'),
    *MANY,
    Option('output', 'The folder of the trainings; by default runs/NAME of the file.', 'FOLDER'),
    DEBUG,
  ),
  'sweep',
)
COMMANDS = {
  'train': TRAIN,
  'evaluate': EVALUATE,
  'sample': SAMPLE,
  'simulate': SIMULATE,
  'export': EXPORT,
  'show': SHOW,
  'sweep': SWEEP,
  'list': LIST,
}

"""Train, judge and use a generator of calorimeter showers.

  python -m calojax.main --config=configs/cnn_aux.py [--workdir=RUN] [--config.train.steps=4000]
  python -m calojax.main --mode=evaluate --workdir=RUN
  python -m calojax.main --mode=evaluate --reference=geant4.h5 --generated=showers.h5
  --output=REPORT [--training=trained_on.h5]
  python -m calojax.main --mode=sample --model=lhcb_ecal --count=10000 --output=showers.h5
  python -m calojax.main --mode=sample --workdir=RUN --count=10000 --output=showers.h5
  python -m calojax.main --mode=sample --workdir=RUN --conditions=particles.h5 --output=showers.h5
  python -m calojax.main --mode=export --workdir=RUN --output=MODEL
  [--adapters=par04,fastcalosim,ddml]

The same command resumes a training that was interrupted. Exit codes: 0 done; 2 bad input, one line
says what; 3 the training diverged, the last good checkpoint is kept; 75 interrupted by SIGTERM or
SIGINT, the state is saved, run the command again; 1 an error that nobody thought of, one line.
"""

from __future__ import annotations

from calojax import interruption

if __name__ == '__main__':
  interruption.listen()  # before anything that takes time to import

import hashlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from absl import flags
from ml_collections import config_flags

from calojax.commands.outcome import line, outcome, refuse
from calojax.config import check, shipped
from calojax.exit_codes import DONE

FLAGS = flags.FLAGS
config_flags.DEFINE_config_file(
  'config',
  None,
  'The config: a file, or the name of one that comes with the package, as cnn_aux, or a workdir; '
  '--config.x.y=v changes a value of it.',
  lock_config=True,
)
flags.DEFINE_enum(
  'mode', 'train', ['train', 'evaluate', 'sample', 'export', 'sweep'], 'What to do.'
)
flags.DEFINE_string(
  'workdir',
  None,
  'Folder of the run; by default runs/NAME of the config, or runs/NAME-HASH if values are changed.',
)
flags.DEFINE_string(
  'output',
  None,
  'sample: the file to write, HDF5. evaluate, export: the folder to write; an evaluation of a run '
  'is written into its workdir otherwise. sweep: the folder of the trainings.',
)
flags.DEFINE_integer(
  'steps',
  None,
  'train: the end of the training in place of train.steps; one that has ended goes on to it.',
  1,
)
flags.DEFINE_string(
  'from', None, 'train: the workdir of a run whose weights the new run starts from.'
)
flags.DEFINE_string(
  'data',
  None,
  'train, evaluate: where the data of the workdir lie now; they are known by their fingerprint.',
)
flags.DEFINE_string(
  'checkpoint',
  'newest',
  'evaluate, sample, export, train with --from: newest, best or a step.',
)
flags.DEFINE_string('sweep', None, 'sweep: the file of the trainings, TOML.')
flags.DEFINE_integer('workers', 1, 'sweep: trainings at a time.', 1)
flags.DEFINE_string('reference', None, 'evaluate: a file of real showers, of any readable format.')
flags.DEFINE_string(
  'generated', None, 'evaluate: a file of generated showers, of any readable format.'
)
flags.DEFINE_string(
  'training',
  None,
  'evaluate: a file of the showers that were trained on, to see whether they are repeated.',
)
flags.DEFINE_integer(
  'clusters',
  None,
  'evaluate: clusters of the PRD, by default 400 or what the config of the run says; fewer where '
  'there are less than four showers for each.',
  1,
)
flags.DEFINE_boolean(
  'classifier',
  None,
  'evaluate: train networks as judges too, which takes longest; by default of files, and of a run '
  'whose config names them.',
)
flags.DEFINE_list(
  'metrics',
  [],
  'evaluate: only these: prd, conditional_prd, observables, distances, frechet, manifold, '
  'response, images, neighbours, challenge, trees, classifier.',
)
flags.DEFINE_list('format', [], 'evaluate: pictures in these formats too, beside PNG: pdf, svg.')
flags.DEFINE_string(
  'model',
  None,
  'sample: an exported model, its folder or the name of one that comes with the package.',
)
flags.DEFINE_string(
  'conditions',
  None,
  'sample: a file of any readable format; one shower is made for each of its particles. evaluate: '
  'a file of real showers to judge the run on, in place of the test showers of its data.',
)
flags.DEFINE_integer(
  'count', None, 'sample: how many showers, their particles drawn from the training spectrum.'
)
flags.DEFINE_string(
  'layout',
  'calojax',
  'sample: layout of the file: calojax, lhcb, calogan, threedgan or calochallenge.',
)
flags.DEFINE_list(
  'adapters',
  [],
  'export: further ONNX files as these programs take them: par04, fastcalosim, ddml.',
)
for _whose, _files in (
  ('', '--reference, --training or --conditions'),
  ('generated_', '--generated'),
):
  flags.DEFINE_string(
    f'{_whose}units',
    '',
    f'Units of {_files} that the file does not tell, KEY:UNIT,..., as ParticleMomentum:MeV.',
  )
  flags.DEFINE_string(f'{_whose}axes', '', f'Order of the image axes of {_files}, as yx.')
  flags.DEFINE_string(
    f'{_whose}negative', 'refuse', f'Cells below zero of {_files}: refuse, or zero.'
  )
SAID = ('units', 'axes', 'negative')
WISHES = ('clusters', 'classifier', 'metrics', 'format', 'challenge')
flags.DEFINE_string(
  'challenge', '2024', "evaluate: year of the CaloChallenge's conventions, 2024 or 2022."
)
USES = {  # which flags a mode looks at; an evaluation is of a run or of files
  'train': ('config', 'workdir', 'steps', 'from', 'data', 'checkpoint'),
  'evaluate': (
    'config',
    'workdir',
    'output',
    'conditions',
    'checkpoint',
    'data',
    *WISHES,
    *SAID,
  ),
  'evaluate of files': (
    'reference',
    'generated',
    'training',
    'seed',
    'output',
    *WISHES,
    *SAID,
    *(f'generated_{name}' for name in SAID),
  ),
  'sample': (
    'config',
    'workdir',
    'model',
    'conditions',
    'count',
    'layout',
    'seed',
    'output',
    'checkpoint',
    *SAID,
  ),
  'export': ('config', 'workdir', 'output', 'adapters', 'checkpoint'),
  'sweep': ('sweep', 'workers', 'output'),
}
flags.DEFINE_boolean('debug', False, 'Show the traceback of an error.')
flags.DEFINE_integer('seed', 0, 'sample, evaluate: seed of everything random.')


def default_workdir() -> str:
  """`runs/NAME` of the config file; with changed values a hash of them is added, so that each
  variant has its own folder. Of a workdir's config the workdir.
  """
  path = config_flags.get_config_filename(FLAGS['config'])
  if (run := shipped.workdir_of(path)) is not None:
    return run
  name = os.path.splitext(os.path.basename(path))[0]
  changed = config_flags.get_override_values(FLAGS['config'])
  text = json.dumps(changed, sort_keys=True, default=str)
  return os.path.join(
    'runs', name + (f'-{hashlib.sha256(text.encode()).hexdigest()[:8]}' if changed else '')
  )


def check_flags() -> None:
  """Raises ValueError at a flag that is given and that the mode does not look at."""
  mode = FLAGS.mode
  of_files = mode == 'evaluate' and bool(FLAGS.reference or FLAGS.generated)
  used = USES['evaluate of files' if of_files else mode]
  for name in sorted({name for names in USES.values() for name in names} - set(used)):
    if FLAGS[name].present:
      meant = ' or '.join(f'--mode={use}' for use, names in USES.items() if name in names)
      value = FLAGS[name].value
      value = ','.join(value) if isinstance(value, list) else value
      raise ValueError(f'--{name}={value} with --mode={mode}, expected {meant}')


def prepare(config: Any) -> Callable[[], int]:
  """The mode's work, checked and ready: a function that does it and returns the exit code.

  Raises:
    ValueError, OSError: bad input.
  """
  if FLAGS.model and (FLAGS.workdir or config is not None or FLAGS.mode != 'sample'):
    raise ValueError(
      f'--model={FLAGS.model} is sampled from: expected --mode=sample and neither --workdir '
      'nor --config'
    )
  check_flags()
  if FLAGS.mode == 'train':
    if config is None and not FLAGS.workdir:
      raise ValueError(
        '--mode=train needs --config, e.g. --config=configs/cnn_aux.py, or the --workdir of a run '
        'that goes on'
      )
    from calojax.commands import train

    return train.training(
      config,
      FLAGS.workdir or default_workdir(),
      steps=FLAGS.steps,
      source=FLAGS.data,
      origin=FLAGS['from'].value,
      checkpoint=FLAGS.checkpoint,
    )
  if FLAGS.mode == 'sweep':
    if not FLAGS.sweep:
      raise ValueError('--mode=sweep needs --sweep=FILE')
    from calojax.commands import sweep

    return sweep.sweeping(FLAGS.sweep, FLAGS.output, FLAGS.workers)
  if FLAGS.reference or FLAGS.generated:
    return compare_files()
  folder: str = FLAGS.workdir or (default_workdir() if config is not None else '')
  if not (folder or FLAGS.model):
    more = ', or --model, an exported one' if FLAGS.mode == 'sample' else ''
    raise ValueError(f'--mode={FLAGS.mode} needs --workdir, the folder of a training{more}')
  if FLAGS.mode == 'sample' and (FLAGS.conditions is None) == (FLAGS.count is None):
    raise ValueError('--mode=sample needs either --conditions=FILE or --count=N')
  if FLAGS.mode in ('sample', 'export') and FLAGS.output is None:
    raise ValueError(
      f'--mode={FLAGS.mode} needs --output=' + ('FILE' if FLAGS.mode == 'sample' else 'FOLDER')
    )
  if FLAGS.model:  # before anything that needs the training stack
    return sampling(model=FLAGS.model)
  from calojax.training import workdir

  if config is not None:
    workdir.check_config(folder, config)
  if FLAGS.mode == 'sample':
    return sampling(workdir=folder)
  if FLAGS.mode == 'export':
    from calojax.commands import export

    return export.exporting(folder, FLAGS.output, FLAGS.adapters, FLAGS.checkpoint)
  from calojax.commands import evaluate

  return evaluate.run(folder, wishes(), checkpoint=FLAGS.checkpoint, source=FLAGS.data)


def sampling(**source: str) -> Callable[[], int]:
  """The sampling from an exported model or from a workdir, checked and ready."""
  from calojax import data
  from calojax.commands import sample

  said = data.Conventions(FLAGS.units, FLAGS.axes, FLAGS.negative)
  request = sample.Request(
    FLAGS.output, FLAGS.conditions, FLAGS.count, FLAGS.layout, FLAGS.seed, said, FLAGS.checkpoint
  )
  return sample.sampling(request, **source)


def compare_files() -> Callable[[], int]:
  """The evaluation of a file of generated showers against one of real ones, checked and ready."""
  from calojax.commands import evaluate

  return evaluate.files(FLAGS.reference, FLAGS.generated, FLAGS.training, wishes())


def wishes() -> Any:
  """What the flags ask of an evaluation."""
  from calojax import data
  from calojax.evaluation.wishes import Said, Wishes

  return Wishes(
    output=FLAGS.output,
    clusters=FLAGS.clusters,
    metrics=tuple(FLAGS.metrics),
    classifier=FLAGS.classifier,
    conditions=FLAGS.conditions,
    seed=FLAGS.seed if FLAGS['seed'].present else None,
    challenge=FLAGS.challenge,
    formats=tuple(FLAGS.format),
    said=Said(
      data.Conventions(FLAGS.units, FLAGS.axes, FLAGS.negative),
      data.Conventions(
        FLAGS.generated_units, FLAGS.generated_axes, FLAGS.generated_negative, asked=False
      ),
    ),
  )


def command_line(argv: list[str]) -> int:
  """Runs a command and returns its exit code."""
  if any(a in ('-h', '--help', '-help') for a in argv[1:]):
    print(f'{__doc__}\n{FLAGS.main_module_help()}')
    return DONE
  try:
    rest = FLAGS(shipped.resolved(argv))[1:]
    config = FLAGS.config
    if rest:
      raise ValueError(f'unexpected argument {rest[0]!r}: flags are written --name=value')
    if config is not None:
      check(config)
  except Exception as error:  # a config file is code of the user's: it can raise anything
    return refuse(ValueError(line(error)))
  return outcome(run, FLAGS.debug)


def run() -> int:
  """Does what the flags ask for and returns the exit code.

  Raises:
    ValueError, OSError: bad input.
    Interrupted: SIGTERM or SIGINT.
  """
  work = prepare(FLAGS.config)
  interruption.begin(interruption.PATIENCE if FLAGS.mode not in ('train', 'sweep') else None)
  return work()


if __name__ == '__main__':
  interruption.leave(command_line(sys.argv))

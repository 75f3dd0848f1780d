"""What the flags ask for, checked and ready to be done."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from calojax.commands.arguments import Asked
from calojax.commands.flags import CHECKPOINT, MANY, MOVED, OF_FILES, OF_RUN, ON_FILE, Option
from calojax.config import shipped

Work = Callable[[], int]  # does it and returns the exit code


def prepare(asked: Asked) -> Work:
  """The work of a command.

  Raises:
    ValueError, OSError: bad input.
  """
  return PREPARED[asked.command](asked)


def training(asked: Asked) -> Work:
  """Of `train`."""
  values = asked.values
  folder = _folder(asked, needed=False)
  if not folder:
    raise ValueError(
      f'{asked} needs --config, e.g. --config=cnn_aux, or the --workdir of a run that goes on'
    )
  from calojax.commands import train
  from calojax.training.place import place_of

  return train.training(
    values.config,
    folder,
    steps=values.steps,
    source=values.data,
    origin=values['from'].value,
    checkpoint=values.checkpoint,
    place=place_of(values.coordinator, values.processes, values.process),
  )


def evaluation(asked: Asked) -> Work:
  """Of `evaluate`: of a run, or of two files."""
  values = asked.values
  if values.reference or values.generated:
    _refuse(asked, (*OF_RUN, CHECKPOINT, MOVED, ON_FILE), 'a run')
    from calojax.commands import evaluate, evaluate_many

    if files := evaluate_many.many(values.generated):
      return evaluate_many.evaluating(asked, files, _wishes(values))
    _refuse(asked, MANY, 'many files')
    return evaluate.files(values.reference, values.generated, values.training, _wishes(values))
  _refuse(asked, (*OF_FILES, *MANY), 'files: --reference and --generated')
  folder = _run(asked, _folder(asked))
  from calojax.commands import evaluate

  return evaluate.run(folder, _wishes(values), checkpoint=values.checkpoint, source=values.data)


def _refuse(asked: Asked, options: Iterable[Option], meant: str) -> None:
  """Raises ValueError if one of these is given."""
  for name in (option.name for option in options if asked.values[option.name].present):
    given = asked.values[name].value if name != 'config' else '...'
    raise ValueError(f'--{name}={given} with {asked}, expected {asked} of {meant}')


def _wishes(values: Any) -> Any:
  """What the flags ask of an evaluation."""
  from calojax import data
  from calojax.evaluation.wishes import Said, Wishes

  return Wishes(
    output=values.output,
    clusters=values.clusters,
    metrics=tuple(values.metrics),
    classifier=values.classifier,
    conditions=values.conditions,
    seed=values.seed if values['seed'].present else None,
    challenge=values.challenge,
    formats=tuple(values.format),
    said=Said(
      data.Conventions(values.units, values.axes, values.negative),
      data.Conventions(
        values.generated_units, values.generated_axes, values.generated_negative, asked=False
      ),
    ),
  )


def sampling(asked: Asked) -> Work:
  """Of `sample`."""
  values = asked.values
  folder = _folder(asked, needed=False)
  if values.model and folder:
    raise ValueError(
      f'--model={values.model} is sampled from: expected neither --workdir nor --config beside it'
    )
  if not (values.model or folder):
    raise ValueError(
      f'{asked} needs --workdir, the folder of a training, or --model, an exported one'
    )
  if values.output is None:
    raise ValueError(f'{asked} needs --output=FILE')
  from calojax.commands import sample, sources

  request = sample.requested(values)
  if values.model and not sources.is_run(values.model):  # needs nothing of the training
    _refuse(asked, (CHECKPOINT,), 'a run')
    where = {'model': values.model}
  else:
    where = {'workdir': values.model or _run(asked, folder)}
  if values.parts is None:
    _refuse(asked, MANY, '--parts=N')
    return sample.sampling(request, **where)
  from calojax.commands import sample_parts

  return sample_parts.sampling(asked, request, **where)


def exporting(asked: Asked) -> Work:
  """Of `export`."""
  folder = _folder(asked)
  if asked.values.output is None:
    raise ValueError(f'{asked} needs --output=FOLDER')
  _run(asked, folder)
  from calojax.commands import export

  return export.exporting(
    folder, asked.values.output, asked.values.adapters, asked.values.checkpoint
  )


def simulation(asked: Asked) -> Work:
  """Of `simulate`."""
  from calojax.commands import simulate

  return simulate.simulating(asked)


def default_workdir(config: str, changes: Mapping[str, Any]) -> str:
  """`runs/NAME` of the config file; with changed values a hash of them is added, so that each
  variant has its own folder. Of a run's config the run.
  """
  if (run := shipped.workdir_of(config)) is not None:
    return run
  name = shipped.named(config)
  text = json.dumps(dict(changes), sort_keys=True, default=str)
  return os.path.join(
    'runs', name + (f'-{hashlib.sha256(text.encode()).hexdigest()[:8]}' if changes else '')
  )


def _usual_folder(asked: Asked) -> str:
  """`default_workdir` of the config of the flags."""
  from ml_collections import config_flags

  flag = asked.values['config']
  return default_workdir(
    config_flags.get_config_filename(flag), config_flags.get_override_values(flag)
  )


def _folder(asked: Asked, needed: bool = True) -> str:
  """The run's folder that the flags name, by itself or by its config."""
  values = asked.values
  folder = values.workdir or (_usual_folder(asked) if values.config is not None else '')
  if needed and not folder:
    raise ValueError(f'{asked} needs --workdir, the folder of a training')
  if os.path.isfile(folder):
    raise ValueError(f'--workdir={folder} is a file, expected the folder of a training')
  return folder


def _run(asked: Asked, folder: str) -> str:
  """The folder itself, found to be of the config that is given beside it."""
  if asked.values.config is not None:
    from calojax.training import workdir

    workdir.check_config(folder, asked.values.config)
  return folder


def sweep(asked: Asked) -> Work:
  """Of `sweep`."""
  values = asked.values
  if bool(values.sweep) == bool(values.search):
    raise ValueError(f'{asked} needs --sweep=FILE or --search=FILE, one of them')
  if values.search:
    from calojax.commands import search

    return search.searching(values.search, values.output, values.workers, values.engine)
  from calojax.commands import sweep

  return sweep.sweeping(values.sweep, values.output, values.workers, values.engine)


def listing(asked: Asked) -> Work:
  """Of `list`."""
  from calojax.commands import listing

  return listing.listing(asked.values.kind)


def showing(asked: Asked) -> Work:
  """Of `show`."""
  values = asked.values
  if not values.source:
    raise ValueError(f'{asked} needs --source, a file, a run or a model')
  from calojax import data
  from calojax.commands import show

  said = data.Conventions(values.units, values.axes, values.negative)
  return show.showing(values.source, values.kind, values.output, values.overwrite, said)


PREPARED: dict[str, Callable[[Asked], Work]] = {
  'train': training,
  'evaluate': evaluation,
  'sample': sampling,
  'simulate': simulation,
  'export': exporting,
  'show': showing,
  'list': listing,
  'sweep': sweep,
}

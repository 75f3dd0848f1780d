"""What somebody asks of an evaluation, of a run or of files."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from calojax import data
from calojax.evaluation import named
from calojax.evaluation.metrics.challenge_features import CONVENTIONS, TODAY
from calojax.evaluation.subject import Settings
from calojax.registry import find

# Of pictures beside PNG, which the page shows.
VECTORS = {'pdf': 'for LaTeX and talks', 'svg': 'for the web and Inkscape'}


class Said(NamedTuple):
  """What a user says of the units, axes and negative cells of files.

  Attributes:
    real: of real showers: the reference, the showers trained on, those a run is judged on.
    generated: of generated ones.
  """

  real: data.Conventions = data.USUAL
  # What a generator makes need not be physics: the comparison is to find out.
  generated: data.Conventions = data.UNASKED


UNSAID = Said()


@dataclass(frozen=True)
class Wishes:
  """What is asked of an evaluation; what is None or empty is as usual: of a run as its config says,
  of files all there is.

  Attributes:
    output: the folder to write.
    clusters: of the PRD; fewer where there are less than four showers for each.
    metrics: names of `named.METRICS`.
    classifier: whether networks are trained as judges, whatever else is asked.
    conditions: of a run: a file of real showers to judge on, in place of the test showers.
    seed: of everything random.
    challenge: conventions of the CaloChallenge's figures.
    formats: of pictures, beside PNG; of `VECTORS`.
    said: what the files do not tell of themselves.
  """

  output: str | None = None
  clusters: int | None = None
  metrics: tuple[str, ...] = ()
  classifier: bool | None = None
  conditions: str | None = None
  seed: int | None = None
  challenge: str = TODAY
  formats: tuple[str, ...] = ()
  said: Said = UNSAID

  def checked(self) -> Wishes:
    """The wishes themselves, if they can be granted.

    Raises:
      ValueError: the folder to write is a file, there is no such metric, format or convention, or
        two wishes contradict each other.
    """
    if self.output and os.path.exists(self.output) and not os.path.isdir(self.output):
      raise ValueError(f'--output={self.output} is a file, expected the name of a folder')
    if self.clusters is not None and self.clusters < 1:
      raise ValueError(f'--clusters={self.clusters}, expected at least 1')
    names = [named.find_metric(name)[0] for name in self.metrics]
    if self.classifier is False and 'classifier' in names:
      raise ValueError('--metrics names classifier and --classifier=false, expected one of them')
    for name in self.formats:
      find({'png': '', **VECTORS}, name, 'format of pictures')
    find(CONVENTIONS, self.challenge, 'conventions of the CaloChallenge')
    return self

  def settings(self, usual: Settings) -> Settings:
    """The usual settings with what is asked in their place."""
    names = tuple(
      named.find_metric(name)[0] for name in self.metrics or usual.metrics or named.usual()
    )
    if self.classifier is not None:
      others = tuple(name for name in names if name != 'classifier')
      names = others + ('classifier',) * self.classifier
    return replace(
      usual,
      clusters=usual.clusters if self.clusters is None else self.clusters,
      seed=usual.seed if self.seed is None else self.seed,
      metrics=names,
      challenge=self.challenge,
    )

  @property
  def vectors(self) -> tuple[str, ...]:
    """The formats beside PNG."""
    return tuple(name for name in self.formats if name != 'png')

  def asked(self) -> dict[str, Any]:
    """What differs from the usual in what is judged and how, for the report; empty if nothing
    does.
    """
    unlike = {
      'clusters': self.clusters,
      'metrics': list(self.metrics) or None,
      'classifier': self.classifier,
      'conditions': self.conditions,
      'seed': self.seed,
      'challenge': self.challenge if self.challenge != TODAY else None,
    }
    return {name: value for name, value in unlike.items() if value is not None}

  def folder(self, usual: str) -> str:
    """Where to write: as asked, or the usual folder; if something else than the usual is judged,
    one beside it, whose name has a hash of what is asked.
    """
    if self.output or not self.asked():
      return self.output or usual
    text = json.dumps(self.asked(), sort_keys=True)
    return f'{usual}-{hashlib.sha256(text.encode()).hexdigest()[:8]}'

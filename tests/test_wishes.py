"""What is asked of an evaluation: refused, granted, and told in the report."""

from __future__ import annotations

import numpy as np
import pytest

from calojax.evaluation.named import FAST, METRICS, find_metric
from calojax.evaluation.subject import Settings
from calojax.evaluation.wishes import Wishes

USUAL = Settings(50, 3, 7, 'lhcb_corrected', ('prd', 'trees'))


def test_what_is_not_asked_stays_as_usual():
  assert Wishes().settings(USUAL) == USUAL
  assert Wishes().settings(Settings()).metrics == FAST


def test_what_is_asked_takes_its_place():
  found = Wishes(clusters=9, metrics=('FPD and KPD', 'response'), seed=0).settings(USUAL)
  assert (found.clusters, found.runs, found.seed, found.variant) == (9, 3, 0, 'lhcb_corrected')
  assert found.metrics == ('frechet', 'response')
  assert Wishes(classifier=True).settings(USUAL).metrics == ('prd', 'trees', 'classifier')
  every = Settings(metrics=tuple(METRICS))
  assert Wishes(classifier=False).settings(every).metrics == FAST
  assert Wishes(classifier=True).settings(every).metrics[-1] == 'classifier'


@pytest.mark.parametrize(
  'wishes, message',
  [
    ({'metrics': ('manifld',)}, "no metric 'manifld'; did you mean 'manifold'?"),
    ({'metrics': ('classifier',), 'classifier': False}, 'expected one of them'),
    ({'formats': ('pfd',)}, "no format of pictures 'pfd'; did you mean 'pdf'?"),
    ({'challenge': '2023'}, 'known: 2024, 2022'),
    ({'clusters': 0}, '--clusters=0, expected at least 1'),
    ({'output': __file__}, 'is a file, expected the name of a folder'),
  ],
)
def test_what_cannot_be_is_refused(wishes, message):
  with pytest.raises(ValueError) as error:
    Wishes(**wishes).checked()
  assert message in str(error.value)


def test_another_judgement_does_not_take_the_place_of_the_usual_one():
  assert Wishes().folder('run/8') == Wishes(formats=('pdf',)).folder('run/8') == 'run/8'
  assert Wishes(output='mine', clusters=3).folder('run/8') == 'mine'
  names = {Wishes(clusters=3).folder('run/8'), Wishes(conditions='a.h5').folder('run/8')}
  assert len(names) == 2 and all(name.startswith('run/8-') for name in names)


def test_names_of_before_are_known():
  for name in ('conditional PRD', 'precision, recall, density, coverage', 'CaloChallenge'):
    assert find_metric(name)[0] in METRICS
  assert not any(np.char.isspace(list(name)).any() or ',' in name for name in METRICS)

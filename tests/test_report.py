"""Rounding, pulls and words by known answers; the page and the table of a whole summary."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from calojax.evaluation.figures.rendering import rendered
from calojax.evaluation.report import folder, latex
from calojax.evaluation.report.folder import write_report
from calojax.evaluation.report.pulls import (
  in_words,
  level,
  pull,
  rounded,
  sigmas,
  spoken,
  statistic,
  statistics,
  worst_first,
)

NAN = float('nan')
VOID = {'meta', 'img', 'col'}
SUMMARY = {
  'curves': {'raw': {'recall': [0.0, 1.0]}},
  'prd_auc/raw': {'value': 0.81376, 'error': 0.00711, 'ceiling': 0.92957, 'ceiling_error': 0.00493},
  'prd_auc/min': {'value': 0.81376, 'error': 0.00711, 'ceiling': 0.92957, 'ceiling_error': 0.00493},
  'classifier/low': {'value': 0.51, 'error': 0.01, 'floor': 0.5, 'floor_error': 0.01},
  'observables/<i>odd & new_one</i>/mean': {'value': 1.0, 'error': 0.1, 'reference': 9.0},
  'observables/energy/mean': {'value': 3989.26, 'error': 93.46, 'reference': 3734.25},
  **{
    f'observables/occupancy_{i:02d}/mean': {
      'value': 0.5 + 0.01 * i,
      'error': 0.01,
      'reference': 0.5,
    }
    for i in range(6)
  },
  'profiles/ks_x': {'value': None, 'error': None, 'floor': 0.1, 'floor_error': NAN},
  'timing/one': {'value': 4.2},
  'response/bin_0': {'value': 1.0, 'error': 0.0, 'reference': 2.0},
  'meta': {
    'count': 5000,
    'ceiling_count': 5000,
    'ceiling': 'independent real showers',
    'geometry': 'lhcb_ecal',
    'seed': 0,
    'reference_file': {'path': 'a<b>.h5', 'showers': 5000, 'provenance': {'geant4': '11.4'}},
    'versions': {'numpy': '2.4'},
    'config': {'latent': 8},
  },
}


class Page(HTMLParser):
  """Collects tags, links and text, and sees that every tag is closed."""

  def __init__(self, text: str):
    super().__init__()
    self.open, self.tags, self.links, self.words = [], [], [], []
    self.feed(text)
    assert not self.open

  def handle_starttag(self, tag, attrs):
    self.tags.append(tag)
    self.links += [value for name, value in attrs if name in ('src', 'href', 'action', 'data')]
    if tag not in VOID:
      self.open.append(tag)

  def handle_endtag(self, tag):
    assert self.open.pop() == tag

  def handle_data(self, data):
    if self.open and self.open[-1] != 'style':
      self.words.append(data)


def figure() -> Figure:
  drawn = Figure(figsize=(2, 2))
  drawn.subplots().plot([0, 1])
  return drawn


@pytest.fixture(scope='module')
def written(tmp_path_factory):
  path = write_report(
    tmp_path_factory.mktemp('out') / 'new',
    SUMMARY,
    rendered({'mean_image': figure(), 'a < b': figure()}),
  )
  return path, path.read_text()


@pytest.mark.parametrize(
  'value, error, text',
  [
    (0.81376, 0.00711, '0.8138 ± 0.0071'),
    (3989.26, 93.46, '3989 ± 93'),
    (12346, 678, '12350 ± 680'),
    (1.0, 0.0996, '1.00 ± 0.10'),  # the error rounds up to a further digit
    (-2.5, 0.25, '−2.50 ± 0.25'),
    (1.23e-7, 4.5e-9, '(1.230 ± 0.045) × 10⁻⁷'),
    (2.5e6, 1.2e4, '(2.500 ± 0.012) × 10⁶'),
    (1e-10, 0.03, '0.000 ± 0.030'),
    (-1e-10, 0.03, '0.000 ± 0.030'),
    (3.14159, None, '3.142'),
    (3.14159, NAN, '3.142'),
    (3.14159, 0.0, '3.142'),
    (0.0, 0.0, '0'),
    (6.1131e-4, None, '6.113 × 10⁻⁴'),
    (None, 0.1, '–'),
    (NAN, 0.1, '–'),
    (math.inf, None, '–'),
  ],
)
def test_rounded(value, error, text):
  assert rounded(value, error) == text


def test_rounded_like_an_error():
  assert rounded(22.7432, 0.078, bare=True) == '22.743'


def test_pull():
  assert pull(1.0, 0.3, 3.0, 0.4) == pytest.approx(-4)
  assert pull(1.0, 0.5, 0.0, None) == 2  # the error is that of the difference
  assert pull(1.0, None, 0.0, None) is None and pull(None, 1.0, 0.0, None) is None
  assert pull(1.0, 0.0, 1.0, 0.0) == 0 and pull(1.0, 0.0, 2.0, 0.0) == -math.inf


@pytest.mark.parametrize(
  'figure, words, kind',
  [
    ({'value': 0.5, 'error': 0.1, 'ceiling': 0.6, 'ceiling_error': 0.1}, 'at the ceiling', 'good'),
    (
      {'value': 0.5, 'error': 0.03, 'ceiling': 1.1, 'ceiling_error': 0.04},
      '12 sigma below the ceiling',
      'far',
    ),
    (
      {'value': 0.5, 'error': 0.1, 'floor': 0.2, 'floor_error': 0.0},
      '3.0 sigma above the floor',
      'off',
    ),
    ({'value': 0.5, 'error': 0.1, 'reference': 0.5}, 'agrees', 'good'),
    ({'value': 0.5, 'error': 0.1, 'reference': 1.5}, '10 sigma below', 'far'),
    ({'value': 0.5, 'error': None, 'reference': 1.5}, 'no error given', 'unknown'),
    ({'value': NAN, 'error': 0.1, 'reference': 1.5}, 'not defined', 'unknown'),
    ({'value': 1.0, 'error': 0.1}, 'nothing to compare with', 'unknown'),
  ],
)
def test_words(figure, words, kind):
  entry = statistic('a/b', figure)
  assert in_words(entry) == words and level(entry) == kind


def test_worst_first():
  keys = [entry.key for entry in worst_first(statistics(SUMMARY))]
  assert keys[0] == 'response/bin_0'  # differs without any error: infinitely far off
  assert keys[1] == 'observables/<i>odd & new_one</i>/mean'
  assert set(keys[-2:]) == {'profiles/ks_x', 'timing/one'}
  assert sigmas(statistic('a/b', SUMMARY['response/bin_0'])) == '∞'
  assert 'curves' not in keys and 'meta' not in keys


@pytest.mark.parametrize(
  'key, label',
  [
    ('prd_auc/raw', 'PRD-AUC, raw'),
    ('prd_f1_8/raw', 'PRD-F1/8, raw'),
    ('observables/ring_2x2/mean', 'ring 2x2, mean'),
    ('observables/layer_energies_02/mean', 'layer energies 02, mean'),
    ('distances/fpd', 'FPD'),
  ],
)
def test_spoken(key, label):
  assert spoken(key) == label


def test_page_stands_alone(written):
  path, text = written
  page = Page(text)
  assert path.name == 'report.html' and not list(path.parent.glob('*.part'))
  assert len(page.links) == 2 and all(
    link.startswith('data:image/png;base64,') for link in page.links
  )
  assert text.isascii()  # whatever encoding a file is opened with
  assert (
    not {'script', 'link', 'iframe'} & set(page.tags)
    and 'http:' not in text
    and 'https:' not in text
    and 'url(' not in text
  )


def test_page_says_all(written):
  words = ' '.join(Page(written[1]).words)
  assert (
    '0.8138 ± 0.0071' in words and '13 σ below the ceiling' in words and 'at the floor' in words
  )
  for key in SUMMARY:
    if '/' in key:
      assert spoken(key) in words
  for expected in (
    'a<b>.h5',
    '11.4',
    '5,000 generated',
    'latent',
    'not recorded',
    'Mean image',
    'A < b',
  ):
    assert expected in words
  assert re.search(r'\b(nan|None)\b', words) is None


def test_page_has_verdict_then_the_worst(written):
  text = written[1]
  parts = (
    '>Verdict<',
    'PRD-AUC, raw<',
    'classifier, low<',
    'worst first<',
    'bin 0<',
    'odd &amp; new',
    '>Plots<',
  )
  places = [text.index(part) for part in parts]
  assert places == sorted(places)
  assert (
    text.count('<details>') == 5
  )  # occupancies by themselves; other observables, profiles, timing, response
  assert text.index('>occupancy, mean<') > text.index('>response<')


def test_figures_without_provenance(tmp_path):
  text = write_report(tmp_path, {'prd_auc/min': {'value': 0.5}}, {}).read_text()
  assert Page(text).words.count('not recorded') == 3
  assert 'no error' in text or 'nothing to compare' in text


def test_a_failed_report_leaves_the_old_one(tmp_path, monkeypatch):
  path = write_report(tmp_path, SUMMARY, {})
  before = path.read_text()

  def replace(*paths):
    raise OSError('disk full')

  with monkeypatch.context() as patch, pytest.raises(OSError):
    patch.setattr('os.replace', replace)
    write_report(tmp_path, {}, {})
  assert path.read_text() == before and {p.name for p in tmp_path.iterdir()} == {
    'report.html',
    'report.tex',
  }
  assert folder.write_report(tmp_path, {}, {}).read_text() != before


def test_table(written):
  text = written[0].with_name('report.tex').read_text()
  rows = [line for line in text.splitlines() if line.endswith(r'\\') and 'multicolumn' not in line]
  assert all(len(re.findall(r'(?<!\\)&', row)) == 4 for row in rows)
  assert rows[0] == r'PRD-AUC, raw & $0.8138 \pm 0.0071$ & $0.9296 \pm 0.0049$ & ceiling & $-13$ \\'
  assert r'odd \& new one' in text and r'lhcb\_ecal' in text
  assert r'response, bin 0 & $1$ & $2$ & reference & $-\infty$' in text
  assert len(re.findall(r'(?<!\\)\{', text)) == len(re.findall(r'(?<!\\)\}', text))
  assert text.isascii() and 'nan' not in text.lower()


def test_escape():
  assert (
    latex.escape('a_b & 5 % $x^2 {y} ~#\\')
    == r'a\_b \& 5 \% \$x\textasciicircum{}2 \{y\} \textasciitilde{}\#\textbackslash{}'
  )
  assert latex.number(1.23e-7, 4.5e-9) == r'$(1.230 \pm 0.045) \times 10^{-7}$'
  assert latex.number(None) == '--'


@pytest.mark.skipif(not shutil.which('pdflatex'), reason='no LaTeX')
def test_table_compiles(written, tmp_path):
  shutil.copy(written[0].with_name('report.tex'), tmp_path)
  (tmp_path / 'paper.tex').write_text(
    r'\documentclass{article}\usepackage{booktabs}\begin{document}\input{report}\end{document}'
  )
  command = ['pdflatex', '-interaction=nonstopmode', '-halt-on-error', 'paper.tex']
  process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
  assert process.returncode == 0, process.stdout[-800:]
  assert (tmp_path / 'paper.pdf').exists()

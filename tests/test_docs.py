"""The README and the pages: tables are those of the results, examples run, commands have flags that
exist, links lead somewhere.
"""

import configparser
import doctest
import importlib
import re
import shlex
import sys

import pytest

import calojax
import tiny
from calojax import main
from calojax.commands import options
from calojax.commands.arguments import parsed
from calojax.config import shipped
from conftest import ROOT

sys.path.insert(0, str(ROOT / 'experiments'))
import results_table
import tables

PAGES = {path.name: path for path in tables.PAGES}
TEXTS = {name: path.read_text(encoding='utf-8') for name, path in PAGES.items()}
FENCE = re.compile(r'^```(\w+)([^\n]*)\n(.*?)^```$', re.M | re.S)
ONLY_PARSED = 'only parsed by the tests'  # in a fence's title, with the reason
# By ml_collections, as it reads a config.
LOADED = pytest.mark.filterwarnings('ignore:the load_module:DeprecationWarning')
FOLDERS = r'(?:calojax|configs|docs|experiments|tests)'
DOCTESTED = sorted(
  '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')
  for path in (ROOT / 'calojax').rglob('*.py')
  if '>>> ' in path.read_text(encoding='utf-8')
)


def blocks(language):
  """{page and number: (information, content)} of the fenced blocks of a language."""
  return {
    f'{name}-{number}': (info, content)
    for name, text in TEXTS.items()
    for number, (kind, info, content) in enumerate(FENCE.findall(text))
    if kind == language
  }


def prose(name):
  """A page without its fenced blocks."""
  return FENCE.sub('', TEXTS[name])


def commands():
  """Each command of the shell blocks and of the spans of code, as a list of words, without settings
  of the environment.
  """
  lines = [line for _, content in blocks('bash').values() for line in content.splitlines()]
  for name in TEXTS:
    lines += re.findall(r'`((?:\w+=\S+ )*(?:python|mkdocs|calojax) [^`]+)`', prose(name))
  found = {}
  for line in lines:
    words = shlex.split(line, comments=True)
    for command in ' '.join(map(shlex.quote, words)).split(" '&&' "):
      words = shlex.split(command)
      while words and re.match(r'\w+=', words[0]):
        words = words[1:]
      # NAME and its like stand for any.
      if words and not any(re.search(r'\b(NAME|COMMAND|RUN)$', word) for word in words):
        found[' '.join(words)] = words
  return found


COMMANDS = commands()


@pytest.mark.parametrize('name', TEXTS)
def test_tables_are_those_of_the_results(name):
  assert tables.filled(TEXTS[name]) == TEXTS[name], 'run: python experiments/tables.py'


def test_every_table_is_shown_and_every_config_is_in_the_table_of_systems():
  shown = {name for text in TEXTS.values() for _, name, _ in tables.MARKED.findall(text)}
  assert shown == set(tables.TABLES)
  assert set(results_table.SYSTEMS) == set(shipped.files())


def test_a_page_gets_its_table_between_the_marks():
  page = 'above\n<!-- table validation -->\nold\n<!-- end -->\nbelow'
  filled = tables.filled(page)
  assert filled.startswith('above\n<!-- table validation -->\n\n| `lhcb_ecal` |')
  assert filled.endswith('|\n\n<!-- end -->\nbelow') and 'old' not in filled
  assert tables.filled(filled) == filled
  with pytest.raises(KeyError, match='nothing'):
    tables.filled(page.replace('validation', 'nothing'))


def test_cells_have_the_digits_of_their_figure():
  figure = {'value': 0.12345, 'error': 0.0234, 'floor': 2.0}
  assert results_table.cell(figure) == '0.123 ± 0.02'
  assert results_table.cell(figure, form='.3f') == '0.123 ± 0.023'
  assert results_table.geant4(figure) == '2'
  assert results_table.cell(None) == results_table.geant4({'value': 1.0}) == ''


@pytest.mark.parametrize(('info', 'content'), blocks('python').values(), ids=list(blocks('python')))
def test_python_examples_run(info, content, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  code = compile(content, 'example', 'exec')
  if ONLY_PARSED not in info:
    exec(code, {'__name__': 'example'})


def asked_of(words):
  """What a command asks for, read as its door reads it; None if it is no command of calojax."""
  if words[0] == 'calojax' and words[1] in options.COMMANDS:
    return parsed(words[1], words[2:])
  if words[:3] == ['python', '-m', 'calojax.main']:
    mode, rest = main.divided(words[3:])
    return parsed(mode or main.USUAL, rest, '--mode=')
  if words[:3] == ['python', '-m', 'calojax.simulate']:
    return parsed('simulate', words[3:])
  return None


@LOADED
@pytest.mark.parametrize(
  'words',
  [w for w in COMMANDS.values() if w[0] == 'calojax' or w[:2] == ['python', '-m']],
  ids=' '.join,
)
def test_flags_of_the_commands_exist(words, monkeypatch, tmp_path):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'configs').symlink_to(ROOT / 'configs')
  for name in ('cnn_aux', 'mine'):  # the runs that the pages go on with
    (tmp_path / 'runs' / name).mkdir(parents=True)
    text = tiny.full_config('published/cnn_aux').to_json()
    (tmp_path / 'runs' / name / 'config.json').write_text(text)
  asked = asked_of(words)
  assert asked is not None or words[1] in ('--version', '--help') or words[2:3] != ['calojax.main']


@LOADED
def test_a_flag_that_does_not_exist_is_found(monkeypatch):
  monkeypatch.chdir(ROOT)
  with pytest.raises(ValueError, match='stepz'):
    asked_of(
      [
        'python',
        '-m',
        'calojax.main',
        '--config=configs/published/cnn.py',
        '--config.train.stepz=1',
      ]
    )


@pytest.mark.parametrize(
  'words', [w for w in COMMANDS.values() if w[0] == 'python' and w[1].endswith('.py')], ids=' '.join
)
def test_scripts_and_their_flags_exist(words):
  source = (ROOT / words[1]).read_text(encoding='utf-8')
  if 'from kept import' in source:  # the flags of sweeps stand there
    source += (ROOT / 'experiments' / 'sweeps' / 'kept.py').read_text(encoding='utf-8')
  for word in words[2:]:
    if word.startswith('--'):
      assert f"'{word.partition('=')[0]}'" in source, f'{words[1]} has no {word}'


def test_every_file_that_is_named_exists():
  named = {word.rpartition('=')[2] for words in COMMANDS.values() for word in words}
  named = {word for word in named if re.match(FOLDERS + '/', word)}
  for name in TEXTS:
    named |= set(re.findall(f'`({FOLDERS}/[\\w./-]+)`', prose(name)))
  assert len(named) > 50
  # NAME stands for any, and so do words in capitals
  missing = {word for word in named if 'NAME' not in word and not (ROOT / word).exists()}
  assert not missing


def test_every_extra_that_is_named_exists():
  setup = configparser.ConfigParser()
  setup.read(ROOT / 'setup.cfg')
  named = {
    extra
    for text in TEXTS.values()
    for extras in re.findall(r"'\.\[([\w,]+)\]'", text)
    for extra in extras.split(',')
  }
  assert named and named <= set(setup['options.extras_require'])


def anchors(path):
  """What a link to a heading of the page can name."""
  headings = re.findall(r'^#+ (.*)$', FENCE.sub('', path.read_text(encoding='utf-8')), re.M)
  return {re.sub(r'[\s-]+', '-', re.sub(r'[^\w\s-]', '', h.lower()).strip()) for h in headings}


@pytest.mark.parametrize('name', TEXTS)
def test_links_lead_somewhere(name):
  for target in re.findall(r'\]\(([^)\s]+)\)', prose(name)):
    if target.startswith('https://'):
      continue  # no network in a test
    file, _, anchor = target.partition('#')
    path = (PAGES[name].parent / file) if file else PAGES[name]
    if file.endswith('.png') and '/' not in file:  # docs/picture.py puts them there
      path = ROOT / 'experiments' / 'results' / file
    assert path.exists(), target
    assert not anchor or anchor in anchors(path), target


def test_every_page_is_in_the_navigation():
  navigation = (ROOT / 'docs' / 'mkdocs.yml').read_text(encoding='utf-8')
  for path in (ROOT / 'docs' / 'pages').glob('*.md'):
    assert f': {path.name}\n' in navigation


def test_the_python_reference_names_what_exists():
  found = re.findall(
    r'^::: ([\w.]+)\n(?:    options:\n      members: \[(.*?)\])?', TEXTS['api.md'], re.M
  )
  assert len(found) > 10
  for module, members in found:
    loaded = importlib.import_module(module)
    assert [m for m in members.split(', ') if m and not hasattr(loaded, m)] == [], module


def test_the_readme_is_short_and_the_citation_is_of_this_version():
  assert len(PAGES['README.md'].read_bytes()) < 10_000
  citation = (ROOT / 'CITATION.cff').read_text(encoding='utf-8')
  assert f'\nversion: {calojax.__version__}\n' in citation


@pytest.mark.parametrize('module', DOCTESTED)
def test_examples_in_docstrings_run(module):
  result = doctest.testmod(importlib.import_module(module))
  assert result.attempted and not result.failed

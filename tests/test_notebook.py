"""The notebook of the docs, which the docs build executes: here its code is only looked at."""

import ast
import json

import pytest

import calojax
from conftest import ROOT

CELLS = json.loads((ROOT / 'docs' / 'pages' / 'notebook.ipynb').read_text(encoding='utf-8'))[
  'cells'
]
CODE = [''.join(cell['source']) for cell in CELLS if cell['cell_type'] == 'code']


def test_it_is_kept_without_outputs():
  assert len(CODE) > 3
  for cell in CELLS:
    assert not cell.get('outputs') and not cell.get('execution_count')


@pytest.mark.parametrize('code', CODE, ids=range(len(CODE)))
def test_it_uses_public_names(code):
  for node in ast.walk(ast.parse(code)):
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
      assert node.value.id != 'calojax' or node.attr in calojax.__all__, node.attr


def test_it_goes_from_showers_to_a_file():
  whole = '\n'.join(CODE)
  for step in ('calojax.read', 'calojax.train', 'summary.json', 'export.write', 'calojax.load'):
    assert step in whole

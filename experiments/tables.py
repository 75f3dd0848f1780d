"""Writes the tables of the README and of docs/pages from what was measured.

  PYTHONPATH=. python experiments/tables.py

A table stands between `<!-- table NAME -->` and `<!-- end -->`; `TABLES` says what NAME is made of:
the JSON files of `experiments/results`, the cards of the models in the package, and the levels that
`tests/test_architecture.py` holds. `tests/test_docs.py` fails where a page says something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import results_table
import tables_clusters
import tables_proof
import tables_quality
import tables_speed
import tables_sweeps
from stored import ROOT, stored

from calojax.files import write_text

PAGES = (ROOT / 'README.md', *sorted((ROOT / 'docs' / 'pages').glob('*.md')))
MARKED = re.compile(r'(<!-- table (\w+) -->\n).*?(<!-- end -->)', re.S)

TABLES: dict[str, Callable[[], str]] = {
  'systems': lambda: results_table.systems(stored('results.json')),
  'lhcb': lambda: results_table.prd_table(tables_quality.runs('lhcb_ecal', published=False)),
  'published': lambda: results_table.prd_table(tables_quality.runs('lhcb_ecal', published=True)),
  'layers': lambda: results_table.layered_table(tables_quality.runs('calogan', False)),
  'layers_published': lambda: results_table.layered_table(tables_quality.runs('calogan', True)),
  'blocks': lambda: results_table.block_table(tables_quality.runs('clic')),
  'leaderboard': tables_quality.ranking,
  'defects': tables_quality.planted,
  'judges': tables_quality.judges,
  'fidelity': tables_quality.fidelity,
  'fresh': tables_quality.fresh,
  'rings': tables_quality.rings,
  'validation': tables_proof.validation,
  'side_by_side': tables_proof.side_by_side,
  'speedup_lhcb_ecal': lambda: tables_speed.speedup('lhcb_ecal'),
  'speedup_calogan': lambda: tables_speed.speedup('calogan'),
  'speedup_clic': lambda: tables_speed.speedup('clic'),
  'training_size': tables_sweeps.training_size,
  'inference': tables_speed.inference,
  'conv2d_conv3d': tables_speed.conv2d_conv3d,
  'cubes': tables_speed.cubes,
  'table1': tables_sweeps.table1,
  'claims': tables_sweeps.claims,
  'normalised_critic': tables_sweeps.normalised_critic,
  'regression_weight': tables_sweeps.regression_weight,
  'regression_weight_published': tables_sweeps.regression_weight_published,
  'scaling': tables_clusters.scaling,
  'agreement': tables_clusters.agreement,
  'plan': tables_clusters.plan,
  'reliability': tables_proof.reliability,
  'memory': tables_proof.memory,
  'models': tables_quality.models,
  'levels': tables_proof.levels,
  'slurm': tables_clusters.slurm,
  'search_conv2d': tables_clusters.search_conv2d,
}


def filled(page: str) -> str:
  """The page with its tables as they are now.

  Raises:
    KeyError: a table that `TABLES` does not know.
  """
  return MARKED.sub(lambda found: f'{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}', page)


def main() -> None:
  """Writes the pages anew."""
  for path in PAGES:
    page = path.read_text(encoding='utf-8')
    if (new := filled(page)) != page:
      write_text(path, new)
      print(f'{path.relative_to(ROOT)}: written')


if __name__ == '__main__':
  main()

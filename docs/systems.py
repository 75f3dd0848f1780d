"""A page for each system: its configs, and all that was measured of them, as published and at its
best side by side.
"""

import ast
import pathlib
import sys
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'experiments'))
import results_table  # noqa: E402  # found there
from stored import ROOT, stored  # noqa: E402

SECTION = 'Systems'


def on_config(config: Any) -> Any:
  """The navigation with the pages."""
  pages = [{name: f'systems/{name}.md'} for name in names()]
  config.nav = [*config.nav[:2], {SECTION: pages}, *config.nav[2:]]
  return config


def on_files(files: Files, config: Any) -> Files:
  """The files of the site, with the pages."""
  for name in names():
    files.append(File.generated(config, f'systems/{name}.md', content=page(name)))
  return files


def names() -> list[str]:
  """The systems, a published form and the best one as one."""
  return list(dict.fromkeys(name.removeprefix('published/') for name in results_table.SYSTEMS))


def page(name: str) -> str:
  """The page of a system."""
  forms = [form for form in (name, f'published/{name}') if form in results_table.SYSTEMS]
  entries = {entry['config']: entry for entry in stored('results.json')}
  measured = [entries[form] for form in forms if form in entries]
  parts = [f'# {name}\n\n{results_table.SYSTEMS[forms[0]]}.']
  for form in forms:
    docstring = ast.get_docstring(ast.parse((ROOT / 'configs' / f'{form}.py').read_text()))
    # Its last paragraph is the command.
    words, command = (docstring or '').rsplit('\n\n', 1)
    parts.append(f'## `{form}`\n\n{words}\n\n```bash\n{command}\n```')
  if measured:
    about = '\n'.join(f'- {origin(entry)}' for entry in measured)
    table = results_table.layered_table(measured)
    parts.append(f'## Measured\n\n{about}\n\nErrors are of the showers.\n\n{table}')
  return '\n\n'.join(parts) + '\n'


def origin(entry: dict[str, Any]) -> str:
  """What made a column of the table."""
  meta = entry['meta']
  updates = f'{entry["steps"]:,} updates of {entry["discriminator_steps"]} x {entry["batch"]}'
  speed = entry.get('cpu_ms_a_shower')
  return (
    f'`{entry["config"]}`: {updates}, seed {entry["seed"]}, data {meta["data"]} '
    f'({meta["geometry"]}), judged on {meta["count"]:,} showers; commit {meta["commit"]}, '
    f'{meta["machine"]}' + (f'; {speed:.2g} CPU ms a shower in JAX' if speed else '')
  )

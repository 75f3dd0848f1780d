"""Every command of README and Quickstart, typed one after the other as a newcomer would: far from
the clone, with the built wheel.

  python experiments/first_hour.py              in fresh environments, as it stands there: hours
  python experiments/first_hour.py --quick      the same with trainings of some steps
  python experiments/first_hour.py --quick --here README.md
  one page, in the environment of this Python, where calojax is installed: nothing is installed

Fenced blocks of bash and of Python are run in order, each page in an empty folder with a shell of
its own, which ends at the first command that fails. `'.[EXTRA]'` becomes the wheel with that extra.
Left out, and said so: blocks whose title begins with `needs`.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = ('README.md', 'docs/pages/quickstart.md')
FENCE = re.compile(r'^```(\w+)([^\n]*)\n(.*?)^```$', re.M | re.S)
# Trainings, and networks as judges, take hours; a judgement by all metrics a minute.
STEPS = 20
SHORT = (
  *(f'--config.train.steps={STEPS}', '--config.train.monitor_every=20'),
  *('--config.evaluation.clusters=50', '--config.evaluation.runs=2'),
  "--config.evaluation.metrics=('prd', 'response')",
)
SHORT_FILES = ('--metrics=prd,response', '--clusters=50')
SERVER = 'timeout 30 {} || [ $? = 124 ]'  # a command that serves until it is stopped


def blocks(page: str) -> list[tuple[str, str, str]]:
  """(language, title, content) of the fenced blocks of bash and Python."""
  text = (ROOT / page).read_text('utf-8')
  found = (match.groups() for match in FENCE.finditer(text))
  return [
    (kind, info.strip(), content) for kind, info, content in found if kind in ('bash', 'python')
  ]


def script(page: str, wheel: pathlib.Path | None, quick: bool) -> str:
  """One shell script of a page; without a wheel nothing is installed."""
  lines = []
  for number, (kind, info, content) in enumerate(blocks(page)):
    if 'title="needs' in info:
      lines.append(f'echo {shlex.quote(f"== left out, {info}:")}')
      lines += [f'echo {shlex.quote(f"   {line}")}' for line in content.splitlines()]
    elif kind == 'python':
      lines += [f"cat > block_{number}.py << 'END'", content.rstrip(), 'END']
      lines += told(f'python block_{number}.py')
    else:
      for line in content.splitlines():
        lines += told(typed(line, wheel, quick))
  return '\n'.join(lines)


def told(line: str) -> list[str]:
  """A line of a script, with its echo and the time that it took."""
  if not line:
    return []
  # Not by `set -e`: of commands joined by && it minds the last alone.
  stopping = f'{{ {line}; }} || exit $?'
  return [f'echo {shlex.quote(f"== {line}")}; SECONDS=0', stopping, 'echo "   $SECONDS s"']


def typed(line: str, wheel: pathlib.Path | None, quick: bool) -> str:
  """What is typed for a line of a page."""
  parts = [part.strip() for part in line.split(' && ')]
  if wheel is None:
    parts = [p for p in parts if not re.match(r'(pip install|python -m venv|\. \.venv)', p)]
  else:
    parts = [re.sub(r"'\.\[(\w+)\]'", rf"'{wheel}[\1]'", part) for part in parts]
  parts = [SERVER.format(part) if part.startswith('tensorboard') else part for part in parts]
  return ' && '.join(shortened(part) if quick else part for part in parts)


def shortened(command: str) -> str:
  """The same command with a training of some steps, in the same workdir."""
  words = shlex.split(command)
  if words[:2] == ['calojax', 'evaluate'] and '--reference' in command:
    return shlex.join([*words, *SHORT_FILES])
  first = words[2] if words[:2] == ['calojax', 'train'] else ''
  if words[:3] == ['python', '-m', 'calojax.main'] and '--mode' not in command:
    first = command.partition('--config=')[2].split()[0]
  if not first:
    return command
  if '--steps=' in command:
    return re.sub(r'--steps=\d+', f'--steps={2 * STEPS}', command)
  words = [word for word in words if not word.startswith('--config.train.steps=')]
  usual = [] if '--config.' in command or '--workdir' in command else [f'--workdir=runs/{first}']
  warm = [] if '/' in first else [f'--config.warm_start.steps={STEPS // 2}']
  return shlex.join([*words, *SHORT, *warm, *usual])


def built(folder: str) -> pathlib.Path:
  """A wheel of this clone."""
  command = [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '-w', folder, str(ROOT)]
  subprocess.run(command, check=True)
  return next(pathlib.Path(folder).glob('calojax-*.whl'))


def run(page: str, wheel: pathlib.Path | None, quick: bool) -> float:
  """Seconds that a page takes; the first command that fails ends all, with its exit code."""
  start = time.monotonic()
  with tempfile.TemporaryDirectory() as folder:
    # Nothing of the clone is to be found; `python` is the one that runs this.
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    environment['PATH'] = f'{pathlib.Path(sys.executable).parent}{os.pathsep}{environment["PATH"]}'
    command = ['bash', '-c', script(page, wheel, quick)]
    code = subprocess.run(command, cwd=folder, env=environment).returncode
  if code:
    sys.exit(f'==== {page}: the last command above ended with exit code {code}')
  return time.monotonic() - start


def main() -> None:
  parser = argparse.ArgumentParser(description='Every command of README and Quickstart.')
  parser.add_argument('--quick', action='store_true', help='trainings of some steps')
  parser.add_argument('--here', action='store_true', help='in the environment of this Python')
  parser.add_argument('pages', nargs='*', default=PAGES, help='of these pages alone')
  given = parser.parse_args()
  with tempfile.TemporaryDirectory() as folder:
    wheel = None if given.here else built(folder)
    for page in given.pages:
      print(f'==== {page}', flush=True)
      print(f'==== {page}: {run(page, wheel, given.quick):.0f} s', flush=True)


if __name__ == '__main__':
  main()

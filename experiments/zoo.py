"""Puts a trained generator among those that come with the package (calojax/zoo): its ONNX file of
the oldest opset, description and card.

  PYTHONPATH=. python experiments/zoo.py lhcb_ecal --workdir=runs/cnn_aux

The generator is first judged on the workdir's held-out showers by everything there is, which goes
into the card. The other files of an export are left out, which keeps the package small.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from typing import Any

from calojax import inference, spectrum, zoo
from calojax.commands.evaluate import check, judge_run
from calojax.evaluation.named import METRICS
from calojax.export import folder
from calojax.files import folder_aside
from calojax.inference import runtimes
from calojax.training import workdir
from calojax.training.parts import load_parts
from calojax.training.trained import trained


def lighter(described: dict[str, Any]) -> dict[str, Any]:
  """The description with one model file, the one that onnxruntime reads.

  Raises:
    ValueError: there is no ONNX file.
  """
  kept = runtimes.chosen_file(described, 'onnxruntime')
  if kept is None:
    raise ValueError(f'no ONNX file: {described["onnx_missing"]}')
  return {**described, 'files': {kept: described['files'][kept]}}


def judge(source: str) -> None:
  """Judges a workdir's generator by every metric, the networks too."""
  config: Any = workdir.stored_config(source)
  with config.unlocked():
    config.evaluation.metrics = tuple(METRICS)
  parts = load_parts(config)
  check(config, parts)
  judge_run(config, parts, trained(source), source)


def put(source: str, name: str) -> None:
  """Exports the generator of the workdir `source` and puts it into the package under this name."""
  with tempfile.TemporaryDirectory() as aside:
    exported = os.path.join(aside, 'model')
    config = workdir.stored_config(source)
    described = lighter(folder.write(trained(source), config, exported, source))
    for file in set(os.listdir(exported)) - {*described['files'], spectrum.FILE}:
      os.remove(os.path.join(exported, file))
    folder.describe(exported, described)
    inference.load(exported)
    target = zoo.ROOT / name
    with folder_aside(target) as part:
      shutil.copytree(exported, part, dirs_exist_ok=True)
  print(f'{target}: {sum(path.stat().st_size for path in target.iterdir()) / 1e6:.2f} MB')


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('name', help='of the model in the package')
  parser.add_argument('--workdir', required=True)
  arguments = parser.parse_args()
  judge(arguments.workdir)
  put(arguments.workdir, arguments.name)


if __name__ == '__main__':
  main()

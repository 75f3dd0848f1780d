"""Wall time, CPU time and peak memory of an evaluation of two files, as a user runs it.

  PYTHONPATH=. python experiments/bench/evaluation.py --count=10000
  PYTHONPATH=. python experiments/bench/evaluation.py --detector=clic --count=20000

`--count` generated showers are compared with twice as many real ones, so that all of them count and
the ceiling has as many. Both are made of the embedded showers and their mirror images, with a noise
of 1 % on every cell where there are not enough of these: this measures the evaluation, not physics.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

from calojax import data
from calojax.data.symmetries import all_images
from calojax.showers import take

BLOCK = 2000


def write(path: pathlib.Path, detector: str, count: int, seed: int) -> None:
  """A file of so many showers."""
  source = data.load(detector)
  images = all_images(source.showers, source.geometry)
  rng = np.random.default_rng(seed)
  with data.Writer(
    path, source.geometry, {'made by': 'experiments/bench/evaluation.py', 'seed': seed}
  ) as file:
    for start in range(0, count, BLOCK):
      some = take(images, rng.integers(len(images.energies), size=min(BLOCK, count - start)))
      file.append(
        some._replace(
          energies=some.energies
          * rng.normal(1, 0.01, some.energies.shape).clip(0).astype(np.float32)
        )
      )


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--detector', default='lhcb_ecal', choices=list(data.DATASETS))
  parser.add_argument('--count', type=int, default=10_000)
  parser.add_argument('--classifier', action='store_true')
  arguments = parser.parse_args()
  with tempfile.TemporaryDirectory() as folder:
    real, fake = (pathlib.Path(folder) / name for name in ('real.h5', 'fake.h5'))
    write(real, arguments.detector, 2 * arguments.count, 0)
    write(fake, arguments.detector, arguments.count, 1)
    command = [
      sys.executable,
      '-m',
      'calojax.main',
      '--mode=evaluate',
      f'--reference={real}',
      f'--generated={fake}',
      f'--output={folder}/report',
      f'--classifier={arguments.classifier}',
    ]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    wall = time.perf_counter() - start
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  print(
    json.dumps(
      {
        'detector': arguments.detector,
        'count': arguments.count,
        'classifier': arguments.classifier,
        'cores': os.cpu_count(),
        'wall_s': round(wall, 1),
        'cpu_s': round(used.ru_utime + used.ru_stime, 1),
        'peak_GiB': round(used.ru_maxrss / 2**20, 2),
      }
    )
  )


if __name__ == '__main__':
  main()

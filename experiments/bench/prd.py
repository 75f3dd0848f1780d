"""Times the PRD score against a straightforward scikit-learn loop and compares the scores.

The loop is MiniBatchKMeans in double precision with ten starts, run after run, with all threads it
wants. Prints, for real against independent real showers and against a smeared copy of them, both
scores with the spread over the runs and the ratio of the times.

  python experiments/bench/prd.py --data=lhcb_ecal.h5 --count=10000
"""

from __future__ import annotations

import argparse
import time

import h5py
import numpy as np

from calojax.evaluation.metrics.prd import prd
from calojax.evaluation.metrics.prd_curve import auc, prd_from_histograms


def scikit_learn_loop(
  reference: np.ndarray, generated: np.ndarray, clusters: int, runs: int
) -> np.ndarray:
  """Area of every run, the way one writes it first."""
  from sklearn.cluster import MiniBatchKMeans

  union = np.concatenate([reference, generated]).astype(np.float64)
  areas = []
  for run in range(runs):
    # pyright guesses the type of n_init from its default, 'auto'.
    kmeans = MiniBatchKMeans(clusters, n_init=10, random_state=run)  # pyright: ignore[reportArgumentType]
    labels = kmeans.fit_predict(union)
    p, q = (np.bincount(part, minlength=clusters) for part in np.split(labels, [len(reference)]))
    areas.append(auc(*prd_from_histograms(p, q)))
  return np.array(areas)


def compare(
  name: str, reference: np.ndarray, generated: np.ndarray, args: argparse.Namespace
) -> None:
  """Prints one row: scores of both and the ratio of their times for `args.runs` runs."""
  fast, fast_times = timed(lambda: prd(reference, generated, args.clusters, args.runs))
  slow, slow_times = timed(
    lambda: scikit_learn_loop(reference, generated, args.clusters, args.loop_runs)
  )
  slow_times *= args.runs / args.loop_runs
  spread = slow.std(ddof=1) if len(slow) > 1 else float('nan')
  ratios = slow_times / fast_times
  scaled = '' if args.loop_runs == args.runs else f' (from {args.loop_runs} runs)'
  runs = fast.runs.std(ddof=1)
  print(
    f'{name}: fast {fast.value:.4f} (runs +- {runs:.4f}, error {fast.error:.4f}) '
    f'in {fast_times[0]:.1f} s, '
    f'loop {slow.mean():.4f} (runs +- {spread:.4f}) in {slow_times[0]:.1f} s{scaled}; '
    f'ratio {ratios[0]:.1f} in wall time, {ratios[1]:.1f} in CPU time',
    flush=True,
  )


def timed(function):
  """The function's value and `[2]` seconds it took: on the wall, and on the CPUs, which other work
  disturbs less.
  """
  start = np.array([time.perf_counter(), time.process_time()])
  value = function()
  return value, np.array([time.perf_counter(), time.process_time()]) - start


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--data', required=True, help='HDF5 file with EnergyDeposit (N, 30, 30)')
  parser.add_argument('--count', type=int, default=10_000, help='showers in each set')
  parser.add_argument('--clusters', type=int, default=400)
  parser.add_argument('--runs', type=int, default=10)
  parser.add_argument(
    '--loop-runs', type=int, help='runs of the loop, its time scaled up to --runs; all by default'
  )
  args = parser.parse_args()
  args.loop_runs = args.loop_runs or args.runs
  with h5py.File(args.data) as file:
    stored = file['EnergyDeposit']
    assert isinstance(stored, h5py.Dataset)
    showers = stored[: 2 * args.count].reshape(-1, 900)
  if len(showers) < 2 * args.count:
    raise SystemExit(f'{args.data}: {len(showers)} showers, expected {2 * args.count}')
  rng = np.random.default_rng(0)
  reference, independent = np.split(showers[rng.permutation(len(showers))], 2)
  smeared = independent * rng.normal(1.05, 0.3, independent.shape).clip(0).astype(np.float32)
  compare('independent', reference, independent, args)
  compare('smeared', reference, smeared, args)


if __name__ == '__main__':
  main()

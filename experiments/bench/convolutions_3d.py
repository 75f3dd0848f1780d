"""Every convolution of the 25x25x25 networks, and the whole Conv3D networks, against PyTorch,
forward and gradients, in one run.

The contenders take turns. A gradient is that by input and kernel (layers; backward pass alone) or
by the parameters (networks; forward and backward pass). Ratios under 1: calojax is faster. `--lax`
adds XLA's stock form, minutes on a CPU.

  python experiments/bench/convolutions_3d.py --threads 1 --output convolutions_3d.json
"""

from __future__ import annotations

import argparse
import json
import pathlib

import contest
import numpy as np


def same(*taps):
  return tuple(((k - 1) // 2, k // 2) for k in taps)


# name: input, taps, output channels, padding; spatial axes as in the networks (depth first in 3D)
PLAIN = {
  'conv3d G 1': ((8, 7, 7, 8), (8, 6, 6), 64, same(8, 6, 6)),
  'conv3d G 2': ((16, 14, 14, 64), (8, 6, 5), 6, ((0, 0), (2, 2), (2, 2))),
  'conv3d G 3': ((27, 26, 28, 6), (8, 3, 3), 6, ((3, 3), (1, 1), (0, 0))),
  'conv3d G 4': ((26, 26, 26, 6), (2, 2, 2), 1, ((0, 0),) * 3),
  'conv3d D 1': ((25, 25, 25, 1), (5, 5, 5), 32, same(5, 5, 5)),
  'conv3d D 2': ((25, 25, 25, 32), (5, 5, 5), 8, same(5, 5, 5)),
  'conv3d D 3': ((25, 25, 25, 8), (5, 5, 5), 8, same(5, 5, 5)),
  'conv3d D 4': ((25, 25, 25, 8), (5, 5, 5), 8, ((1, 1),) * 3),
  'conv2d G 2': ((15, 15, 64), (5, 5), 64, same(5, 5)),
  'conv2d G 3': ((30, 30, 64), (8, 8), 64, same(8, 8)),
  'conv2d G 4': ((30, 30, 64), (5, 5), 64, ((0, 0), (0, 0))),
  'conv2d G 5': ((26, 26, 64), (4, 4), 32, same(4, 4)),
  'conv2d G 6': ((26, 26, 32), (3, 3), 32, same(3, 3)),
  'conv2d G 7': ((26, 26, 32), (2, 2), 25, ((0, 0), (0, 0))),
  'conv2d G last': ((25, 25, 75), (3, 3), 25, same(3, 3)),
  'conv2d D 1': ((25, 25, 25), (8, 8), 64, same(8, 8)),
  'conv2d D 2': ((25, 25, 64), (6, 6), 32, ((0, 0), (0, 0))),
}
# name: input, taps, output channels, strides; padding SAME
TRANSPOSED = {
  'conv2d G 5x5 stride 3': ((5, 5, 32), (5, 5), 64, (3, 3)),
  'conv2d G 5x5 stride 2': ((15, 15, 64), (5, 5), 64, (2, 2)),
  '3D 4x4x4 stride 2': ((12, 12, 12, 32), (4, 4, 4), 16, (2, 2, 2)),
}


def jax_call(function, arrays, gradient: bool):
  """A call of `function(x, kernel)` or of both its gradients."""
  import jax

  operands = jax.device_put(arrays)
  if gradient:
    operands = (*operands, jax.numpy.ones(jax.eval_shape(function, *operands).shape))
  compiled = (
    jax.jit((lambda x, k, g: jax.vjp(function, x, k)[1](g)) if gradient else function)
    .lower(*operands)
    .compile()
  )
  return lambda: jax.block_until_ready(compiled(*operands))


def torch_call(function, arrays, gradient: bool):
  """The same in PyTorch; `function` takes tensors `[b, c, *space]` and `[co, ci, *taps]`."""
  import torch

  x, kernel = (torch.from_numpy(a) for a in arrays)
  if not gradient:
    return torch.no_grad()(lambda: function(x, kernel))
  y = function(x.requires_grad_(), kernel.requires_grad_())
  cotangent = torch.ones_like(y)
  return lambda: torch.autograd.grad(y, (x, kernel), cotangent, retain_graph=True)


def torch_convolution(taps, padding):
  """PyTorch's convolution with the paddings of ours, as an argument where they are even."""
  from torch.nn import functional

  convolve = getattr(functional, f'conv{len(taps)}d')
  if all(low == high for low, high in padding):
    return lambda x, kernel: convolve(x, kernel, padding=[low for low, _ in padding])
  flat = [n for pair in reversed(padding) for n in pair]
  return lambda x, kernel: convolve(functional.pad(x, flat), kernel)


def torch_transposed(taps, strides):
  """PyTorch's transposed convolution with an output of input times stride."""
  from torch.nn import functional

  convolve = getattr(functional, f'conv_transpose{len(taps)}d')
  total = [k - s for k, s in zip(taps, strides)]
  padding = [-(-t // 2) for t in total]
  return lambda x, k: convolve(
    x,
    k,
    stride=strides,
    padding=padding,
    output_padding=[2 * p - t for p, t in zip(padding, total)],
  )


def layer(name: str, batch: int, gradient: bool, forms: tuple[str, ...]):
  """Contenders for one layer."""
  from calojax.models import convolutions

  plain = name in PLAIN
  shape, taps, features, rest = (PLAIN if plain else TRANSPOSED)[name]
  ones = (1,) * len(taps)
  ours = {
    form: (lambda x, k, form=form: convolutions.conv(x, k, ones, rest, form))
    if plain
    else (lambda x, k, form=form: convolutions.conv_transpose(x, k, rest, 'SAME', form))
    for form in forms
  }
  rng = np.random.default_rng(0)
  x, kernel = (
    rng.standard_normal(s, np.float32) for s in ((batch, *shape), (*taps, shape[-1], features))
  )
  theirs = torch_convolution(taps, rest) if plain else torch_transposed(taps, rest)
  first, second = (-1, -2) if plain else (-2, -1)
  swapped = (
    np.ascontiguousarray(np.moveaxis(x, -1, 1)),
    np.ascontiguousarray(np.moveaxis(kernel, (first, second), (0, 1))),
  )
  return {form: jax_call(call, (x, kernel), gradient) for form, call in ours.items()} | {
    'PyTorch': torch_call(theirs, swapped, gradient)
  }


def network(player: str, batch: int, gradient: bool):
  """Contenders for a whole network in training mode: 'generator' or 'discriminator'."""
  import jax
  import pytorch_conv3d
  import torch

  from calojax.models import conv3d

  grids = ((25, 25),) * 25
  rng = np.random.default_rng(0)
  x = rng.standard_normal((batch, 200 if player == 'generator' else 15625), np.float32)
  ours = (
    conv3d.Generator(grids) if player == 'generator' else conv3d.Discriminator(grids, targets=1)
  )
  keys, one = (
    {'params': jax.random.key(0), 'dropout': jax.random.key(1)},
    np.ones((batch, 1), np.float32),
  )
  variables = jax.jit(ours.init, static_argnums=3)(keys, x, one, True)
  moments = {'batch_stats': variables['batch_stats']}

  def loss(params, x):
    y, _ = ours.apply(
      {'params': params, **moments}, x, one, True, rngs=keys, mutable=['batch_stats']
    )
    return sum(leaf.sum() for leaf in jax.tree.leaves(y))

  operands = jax.device_put((variables['params'], x))
  compiled = jax.jit(jax.grad(loss) if gradient else loss).lower(*operands).compile()
  theirs, given = getattr(pytorch_conv3d, player)(), torch.from_numpy(x)

  def pytorch():
    with torch.set_grad_enabled(gradient):
      y = theirs(given).sum()
    if gradient:
      torch.autograd.grad(y, list(theirs.parameters()))

  return {'fast': lambda: jax.block_until_ready(compiled(*operands)), 'PyTorch': pytorch}


def report(name: str, gradient: bool, times: dict[str, np.ndarray]) -> dict:
  """One row: milliseconds (best) of each contender and our ratio to PyTorch; printed as well."""
  row = {'name': name, 'gradient': gradient} | {
    form: round(1e3 * t.min(), 3) for form, t in times.items()
  }
  row['ratio'] = round(row['fast'] / row['PyTorch'], 3)
  print(
    f'{name:24} {"gradient" if gradient else "forward":9}'
    + ' '.join(f'{form} {row[form]:9.2f} ms ' for form in times)
    + f' fast / PyTorch {row["ratio"]:5.2f}',
    flush=True,
  )
  return row


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--threads', type=int, default=1)
  parser.add_argument('--batch', type=int, default=8)
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--lax', action='store_true')
  parser.add_argument('--only', default='', help='a part of the names to run')
  parser.add_argument('--output', type=pathlib.Path)
  arguments = parser.parse_args()
  contest.prepare(arguments.threads)
  rows = []
  for name in [*PLAIN, *TRANSPOSED, 'generator', 'discriminator']:
    for gradient in (False, True) if arguments.only in name else ():
      if name in ('generator', 'discriminator'):
        contenders = network(name, arguments.batch, gradient)
      else:
        contenders = layer(
          name, arguments.batch, gradient, ('fast', 'lax') if arguments.lax else ('fast',)
        )
      rows.append(report(name, gradient, contest.seconds(contenders, arguments.rounds, turn=0.1)))
  if arguments.output:
    what = {'threads': arguments.threads, 'batch': arguments.batch}
    arguments.output.write_text(
      json.dumps({**what, 'unit': 'ms a batch', 'layers': rows}, indent=2) + '\n'
    )


if __name__ == '__main__':
  main()

"""Each transposed and strided convolution of the CNN baseline, forward and gradients: `lax` against
`fast`.

python experiments/bench/convolutions.py --threads 1
"""

from __future__ import annotations

import argparse

import contest
import numpy as np

# name of the function, input, output channels, padding; all 3x3 with stride 2
LAYERS = [
  ('conv_transpose', (2, 2, 256), 128, 'SAME'),
  ('conv_transpose', (4, 4, 128), 64, 'SAME'),
  ('conv_transpose', (8, 8, 64), 32, 'SAME'),
  ('conv_transpose', (16, 16, 32), 1, 'SAME'),
  ('conv', (30, 30, 1), 32, 'SAME'),
  ('conv', (15, 15, 32), 64, 'VALID'),
  ('conv', (7, 7, 64), 128, 'VALID'),
  ('conv', (3, 3, 128), 256, 'VALID'),
]


def contender(function, arguments, padding: str, form: str, gradient: bool):
  """A call of one layer in one form: forward, or both gradients."""
  import jax

  forward = lambda x, kernel: function(x, kernel, (2, 2), padding, form)
  backward = lambda x, kernel, cotangent: jax.vjp(forward, x, kernel)[1](cotangent)
  arguments = jax.device_put(arguments)
  cotangent = jax.numpy.ones(jax.eval_shape(forward, *arguments).shape)
  operands = (*arguments, cotangent) if gradient else arguments
  compiled = jax.jit(backward if gradient else forward).lower(*operands).compile()
  return lambda: jax.block_until_ready(compiled(*operands))


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--threads', type=int, default=1)
  parser.add_argument('--batch', type=int, default=128)
  arguments = parser.parse_args()
  contest.prepare(arguments.threads)
  from calojax.models import convolutions

  rng = np.random.default_rng(0)
  for name, shape, features, padding in LAYERS:
    operands = [
      rng.standard_normal(s, np.float32)
      for s in ((arguments.batch, *shape), (3, 3, shape[-1], features))
    ]
    function = getattr(convolutions, name)
    for gradient in (False, True):
      forms = {
        form: contender(function, operands, padding, form, gradient) for form in ('lax', 'fast')
      }
      times = contest.seconds(forms, rounds=3, turn=0.1)
      lax, fast = (1e3 * times[form].min() for form in ('lax', 'fast'))
      title = f'{name} {shape} -> {features}' + (', gradient' if gradient else '')
      print(f'{title:48} lax {lax:7.2f} ms   fast {fast:7.2f} ms   {lax / fast:6.1f}x', flush=True)


if __name__ == '__main__':
  main()

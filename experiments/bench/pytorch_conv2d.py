"""The Conv2D GAN's networks in PyTorch, eager, for comparison: the layers of
`calojax.models.conv2d`.
"""

from __future__ import annotations

import torch
from torch import nn

SIDE = 25


def block(ci: int, co: int, taps: int, padding: str | int) -> list[nn.Module]:
  """A convolution without bias and its activation."""
  return [nn.Conv2d(ci, co, taps, padding=padding, bias=False), nn.LeakyReLU(0.3)]


def larger(ci: int, co: int, stride: int) -> nn.Module:
  """A transposed convolution to `stride` times as many cells along each axis."""
  total = 5 - stride
  return nn.ConvTranspose2d(ci, co, 5, stride, padding=-(-total // 2), output_padding=-total % 2)


class Branches(nn.Module):
  """Three branches of a cube `[b, n, n, n]`, each of which takes another axis as channels; their
  cubes turned back, side by side as channels.
  """

  def __init__(self, branch):
    super().__init__()
    self.branches = nn.ModuleList(branch() for _ in range(3))

  def forward(self, x: torch.Tensor) -> torch.Tensor:
    made = []
    for i, branch in enumerate(self.branches):
      axes = [1 + (axis + i) % 3 for axis in range(3)]
      back = [1 + (axis - i) % 3 for axis in range(3)]
      made.append(branch(x.permute(0, *axes)).permute(0, *back))
    return torch.cat(made, 1)


def up() -> nn.Module:
  """A generator's branch: 5x5x5 to 25x25x25."""
  norm = lambda width: [nn.BatchNorm2d(width)]
  return nn.Sequential(
    *block(5, 32, 5, 'same'),
    *norm(32),
    larger(32, 64, 3),
    *block(64, 64, 5, 'same'),
    *norm(64),
    larger(64, 64, 2),
    *block(64, 64, 8, 'same'),
    *norm(64),
    *block(64, 64, 5, 'valid'),
    *norm(64),
    *block(64, 32, 4, 'same'),
    *norm(32),
    *block(32, 32, 3, 'same'),
    *norm(32),
    *block(32, SIDE, 2, 'valid'),
    *norm(SIDE),
  )


def down() -> nn.Module:
  """A discriminator's branch: 25x25x25 to 9x9x9."""
  layers, ci = block(SIDE, 64, 8, 'same'), 64
  for co, taps in ((32, 6), (32, 5), (32, 4), (32, 3), (9, 3)):
    layers += [*block(ci, co, taps, 'valid'), nn.Dropout(0.2)]
    ci = co
  return nn.Sequential(*layers)


def generator() -> nn.Module:
  """Noise `[b, 200]` to showers `[b, 25, 25, 25]`."""
  return nn.Sequential(
    nn.Linear(200, 125),
    nn.Unflatten(1, (5, 5, 5)),
    Branches(up),
    nn.Conv2d(3 * SIDE, SIDE, 3, padding='same', bias=False),
    nn.ReLU(),
  )


def discriminator() -> nn.Module:
  """Showers `[b, 15625]` to score and energy `[b, 2]`, without batch norm, as in
  configs/published/conv2d.py.
  """
  return nn.Sequential(
    nn.Unflatten(1, (SIDE, SIDE, SIDE)),
    Branches(down),
    nn.Flatten(),
    nn.Linear(3 * 9**3, 10),
    nn.LeakyReLU(0.3),
    nn.Linear(10, 2),
  )

"""The Conv3D GAN's networks in PyTorch, eager, for comparison: the layers of
`calojax.models.conv3d`, depth first.
"""

from __future__ import annotations

from torch import nn


def convolution(ci: int, co: int, taps, pads, bias: bool = True) -> list[nn.Module]:
  """A convolution with a pad low and high for each axis; uneven pads need a layer of their own."""
  if all(low == high for low, high in pads):
    return [nn.Conv3d(ci, co, taps, padding=[low for low, _ in pads], bias=bias)]
  return [
    nn.ConstantPad3d([n for pair in reversed(pads) for n in pair], 0.0),
    nn.Conv3d(ci, co, taps, bias=bias),
  ]


def generator() -> nn.Module:
  """Noise `[b, 200]` to showers `[b, 1, 25, 25, 25]`: 872,808 parameters."""
  act = lambda: nn.LeakyReLU(0.3)
  return nn.Sequential(
    nn.Linear(200, 64 * 49),
    nn.Unflatten(1, (8, 8, 7, 7)),
    *convolution(8, 64, (8, 6, 6), ((3, 4), (2, 3), (2, 3))),
    act(),
    nn.BatchNorm3d(64),
    nn.Upsample(scale_factor=2),
    *convolution(64, 6, (8, 6, 5), ((0, 0), (2, 2), (2, 2))),
    act(),
    nn.BatchNorm3d(6),
    nn.Upsample(scale_factor=(3, 2, 2)),
    *convolution(6, 6, (8, 3, 3), ((3, 3), (1, 1), (0, 0))),
    act(),
    *convolution(6, 1, (2, 2, 2), ((0, 0),) * 3, bias=False),
    nn.ReLU(),
  )


def discriminator(batch_norm: bool = True) -> nn.Module:
  """Showers `[b, 15625]` to score and energy `[b, 2]`."""
  layers, ci = [nn.Unflatten(1, (1, 25, 25, 25))], 1
  for co, pad in ((32, 2), (8, 2), (8, 2), (8, 1)):
    layers += [
      nn.Conv3d(ci, co, 5, padding=pad),
      nn.LeakyReLU(0.3),
      *([nn.BatchNorm3d(co)] * (batch_norm and ci > 1)),
      nn.Dropout(0.2),
    ]
    ci = co
  return nn.Sequential(*layers, nn.AvgPool3d(2), nn.Flatten(), nn.Linear(8 * 11**3, 2))

"""The CNN baseline in PyTorch, eager, for comparison: layers, parameters, losses and optimiser of
`configs/cnn.py`.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Generator(nn.Module):
  """Noise `[b, 256]` and condition features `[b, 5]` to network-space showers `[b, 1, 30, 30]`:
  656,321 parameters.
  """

  def __init__(self):
    super().__init__()
    self.dense = nn.Linear(261, 1024)
    widths = (256, 128, 64, 32, 1)
    up = lambda ci, co: nn.ConvTranspose2d(ci, co, 3, 2, padding=1, output_padding=1)
    self.layers = nn.ModuleList(up(*pair) for pair in zip(widths, widths[1:]))
    self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:-1])

  def forward(self, z: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
    x = F.leaky_relu(self.dense(torch.cat([z, condition], 1)), 0.2).view(-1, 256, 2, 2)
    for layer, norm in zip(self.layers, self.norms):
      x = F.relu(norm(layer(x)))
    return F.relu(self.layers[-1](x))[:, :, :30, :30]


class Discriminator(nn.Module):
  """Showers in network space and condition features to scores `[b]`: 406,721 parameters."""

  def __init__(self):
    super().__init__()
    widths = (1, 32, 64, 128, 256)
    self.layers = nn.ModuleList(
      nn.Conv2d(ci, co, 3, 2, padding=int(ci == 1)) for ci, co in zip(widths, widths[1:])
    )
    self.dense = nn.ModuleList((nn.Linear(261, 64), nn.Linear(64, 32)))
    self.score = nn.Linear(32, 1)

  def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
    for layer in self.layers:
      x = F.leaky_relu(layer(x), 0.2)
    x = torch.cat([x.flatten(1), condition], 1)
    for layer in self.dense:
      x = F.leaky_relu(layer(x), 0.2)
    return self.score(x)[:, 0]


class Training:
  """Both networks, their optimisers and one full step: one D and one G step, hinge loss, no moving
  average.
  """

  def __init__(self, device: str = 'cpu', channels_last: bool = False):
    self.layout = torch.channels_last if channels_last else torch.contiguous_format
    self.generator, self.discriminator = (
      module.to(device, memory_format=self.layout) for module in (Generator(), Discriminator())
    )
    self.g_optimiser = torch.optim.Adam(self.generator.parameters(), 1e-4, (0.0, 0.999))
    self.d_optimiser = torch.optim.Adam(self.discriminator.parameters(), 4e-4, (0.0, 0.999))

  def step(self, real: torch.Tensor, condition: torch.Tensor) -> None:
    """One step on showers in network space `[b, 1, 30, 30]`; noise is drawn inside, as in
    training.
    """
    real = real.contiguous(memory_format=self.layout)
    with torch.no_grad():
      fake = self.generator(self._noise(condition), condition)
    on_real, on_fake = self.discriminator(real, condition), self.discriminator(fake, condition)
    loss = F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()
    self.d_optimiser.zero_grad()
    loss.backward()
    self.d_optimiser.step()
    self.discriminator.requires_grad_(False)
    loss = -self.discriminator(self.generator(self._noise(condition), condition), condition).mean()
    self.g_optimiser.zero_grad()
    loss.backward()
    self.g_optimiser.step()
    self.discriminator.requires_grad_(True)

  def _noise(self, condition: torch.Tensor) -> torch.Tensor:
    return torch.randn(len(condition), 256, device=condition.device)

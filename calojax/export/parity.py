"""Whether an exported generator makes the showers that the training code makes, from the same
noise.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from calojax.inference.sidecar import ranges_of
from calojax.showers import Condition, joined
from calojax.spectrum import draw

# Batch sizes that the draws are made in; for each of a kind JAX compiles a program.
PIECES = (1, 3, 249, 249, 249, 249)
COUNT = sum(PIECES)
TOLERANCES = {'stablehlo': 1e-6, 'onnx': 1e-5}
# Of the incident energy: the least that a deviation is measured in, for showers that left nothing.
DARK = 1e-6


class Draws(NamedTuple):
  """What showers are compared on: noise `[b, latent]` and particles `[b]`."""

  noise: np.ndarray
  conditions: Condition


def draws(spectrum: Condition, latent: int, seed: int = 0) -> Draws:
  """`COUNT` draws: first the corners of the spectrum's ranges, then particles of the spectrum."""
  corners = _corners(spectrum)
  drawn = draw(spectrum, COUNT - len(corners.energy), seed)
  conditions = Condition(*(field.astype(np.float32) for field in joined((corners, drawn))))
  noise = np.random.default_rng(seed).standard_normal((COUNT, latent), np.float32)
  return Draws(noise, conditions)


def _corners(spectrum: Condition) -> Condition:
  """The particles at all ends of the ranges of energy, position and slopes."""
  ends = itertools.product(*(sorted(set(ends)) for ends in ranges_of(*spectrum).values()))
  energy, x, y, dx, dy = np.array(list(ends)).T
  direction = np.stack([dx, dy, np.ones_like(dx)], axis=1)
  return Condition(
    energy, np.stack([x, y], axis=1), direction / np.linalg.norm(direction, axis=1, keepdims=True)
  )


def in_pieces(run: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
  """What a program gives for these arrays, called with several batch sizes: a shower must not
  depend on how many are made with it.
  """
  ends = np.cumsum([0, *PIECES])
  made = [run(*(array[a:b] for array in arrays)) for a, b in zip(ends, ends[1:])]
  return np.concatenate([np.asarray(energies) for energies in made])


def reference(generate: Callable[..., jax.Array], drawn: Draws) -> np.ndarray:
  """The showers of the training code.

  Raises:
    ValueError: one that is not finite.
  """
  energies = in_pieces(jax.jit(generate), drawn.noise, *drawn.conditions)
  bad = np.flatnonzero(~np.isfinite(energies).all(1))
  if len(bad):
    raise ValueError(
      f'the generator gives showers that are not finite, {len(bad)} of {len(energies)}, '
      f'the first for an energy of {drawn.conditions.energy[bad[0]]:g} MeV: expected finite '
      'energies in the range it was trained on'
    )
  return energies


def compare(
  expected: np.ndarray, found: np.ndarray, incident: np.ndarray, tolerance: float, name: str
) -> dict[str, Any]:
  """How far the exported showers are off: the largest deviation of a cell in units of the shower's
  largest cell, and of the energy.

  Args:
    expected: `[b, v]` of the training code, MeV.
    found: of the exported file.
    incident: `[b]`, MeV.
    tolerance: of both.
    name: of the file, for the error.

  Raises:
    ValueError: they are off by more than the tolerance.
  """
  if found.shape != expected.shape:
    raise ValueError(
      f'{name} is refused: showers of shape {found.shape}, expected {expected.shape}'
    )
  # So that the sums over up to 15,625 cells bring no rounding of their own into the comparison.
  expected, found = expected.astype(np.float64), found.astype(np.float64)
  least = DARK * incident
  cells = np.abs(found - expected).max(1) / np.maximum(expected.max(1), least)
  energy = np.abs(found.sum(1) - expected.sum(1)) / np.maximum(expected.sum(1), least)
  figures = {
    'draws': len(expected),
    'cells': float(cells.max()),
    'energy': float(energy.max()),
    'tolerance': tolerance,
    'bitwise': bool((found == expected).all()),
  }
  if not max(figures['cells'], figures['energy']) <= tolerance:  # NaN is refused too
    raise ValueError(
      f'{name} is refused: its showers are off by {figures["cells"]:.2g} of the largest cell '
      f'and {figures["energy"]:.2g} of the energy, expected at most {tolerance:g}'
    )
  return figures

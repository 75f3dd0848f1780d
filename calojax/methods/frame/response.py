"""What a calorimeter sees of a particle, as numbers with a density of their own: the visible energy
and how the layers share it.

A chain of one-dimensional conditional densities (a triangular map, Knothe and Rosenblatt): first
E_vis / E_p, then for each layer but the last the logit of its share of what is left behind the
layers before it. Each has a mean and a spread that are polynomials in ln E, the inclination and the
standardised numbers before it; the standardised number itself is a monotone function of a standard
normal one, the quantiles of the training showers in bins of energy. No training by descent: least
squares, some seconds.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from calojax.showers import Array
from calojax.units import GEV

BINS = 10  # of the energy, each with as many training showers
KNOTS = np.linspace(-3, 3, 41, dtype=np.float32)  # of the quantiles, in standard deviations
FARTHEST = 6.0  # standardised numbers are within
DARK = 1e-4  # of the visible energy: a layer with less shares as if it had that
FEW = 20  # showers a bin at least


class Response(NamedTuple):
  """The chain of n quantities for n layers, k polynomial terms.

  Attributes:
    low, high: `[2]`, the ranges of ln(E / 10 GeV) and of the squared inclination that the training
      showers have; beyond, the numbers are those of the nearest end.
    mean: `[n, k]`, coefficients.
    spread: `[n, k]`, coefficients of its logarithm.
    centres: `[BINS]`, mean ln(E / 10 GeV) of each bin.
    quantiles: `[n, BINS, KNOTS]` of the standardised numbers.
  """

  low: Array
  high: Array
  mean: Array
  spread: Array
  centres: Array
  quantiles: Array


def blank(layers: int) -> Response:
  """The response before it is known, for its shapes: standard normal numbers."""
  terms = 7 + 2 * (layers - 1)
  return Response(
    low=np.zeros(2, np.float32),
    high=np.ones(2, np.float32),
    mean=np.zeros((layers, terms), np.float32),
    spread=np.zeros((layers, terms), np.float32),
    centres=np.arange(BINS, dtype=np.float32),
    quantiles=np.tile(KNOTS, (layers, BINS, 1)),
  )


def quantities(visible: Float[Array, 'b l'], incident: Array) -> Float[Array, 'b l']:
  """The chain's numbers of the layers' visible energies in MeV: E_vis / E_p, then the logits."""
  total = visible.sum(1, keepdims=True)
  shares = visible / jnp.where(total > 0, total, 1) + DARK
  behind = jnp.cumsum(shares[:, ::-1], axis=1)[:, ::-1]
  logits = jnp.log(shares[:, :-1] / behind[:, 1:])
  return jnp.concatenate([total / incident[:, None], logits], axis=1)


def visible_energies(numbers: Float[Array, 'b l'], incident: Array) -> Float[Array, 'b l']:
  """The layers' visible energies in MeV: the inverse of `quantities`, apart from `DARK`."""
  rest, shares = jnp.ones_like(incident), []
  for i in range(1, numbers.shape[1]):
    shares.append(rest * jax.nn.sigmoid(numbers[:, i]))
    rest = rest - shares[-1]
  total = jnp.maximum(numbers[:, :1], 0) * incident[:, None]
  return total * jnp.stack([*shares, rest], axis=1)


def ranges(response: Response, energy: np.ndarray, slope: np.ndarray) -> Response:
  """The response with the ranges of these particles."""
  variables = np.asarray(_variables(energy, slope))
  return response._replace(low=variables.min(0), high=variables.max(0))


def fit(numbers: np.ndarray, energy: np.ndarray, slope: np.ndarray) -> Response:
  """The chain of these training showers.

  Args:
    numbers: `[b, l]` as `quantities` gives them.
    energy: `[b]` of the particles, MeV.
    slope: `[b, 2]`, dx/dz and dy/dz.
  """
  variables = np.asarray(_variables(energy, slope))
  # Fewer bins than BINS of a handful of showers; the last then stands for those missing.
  bins = max(1, min(BINS, len(energy) // FEW))
  parts = np.array_split(np.argsort(variables[:, 0], kind='stable'), bins)
  missing = (0, BINS - bins)
  centres = np.pad([variables[part, 0].mean() for part in parts], missing, mode='edge')
  response = ranges(blank(numbers.shape[1]), energy, slope)._replace(centres=centres)
  standard = np.zeros((energy.shape[0], 0), np.float32)
  for i in range(numbers.shape[1]):
    terms = np.asarray(_terms(response, energy, slope, standard), np.float64)
    used = slice(0, terms.shape[1])
    response.mean[i, used], response.spread[i, used] = _moments(terms, numbers[:, i])
    column = np.asarray(_standardised(response, i, terms, numbers[:, i]), np.float32)
    found = [np.quantile(column[part], ndtr(KNOTS)) for part in parts]
    response.quantiles[i] = np.pad(found, (missing, (0, 0)), mode='edge')
    standard = np.column_stack([standard, column])
  return Response(*(np.asarray(field, np.float32) for field in response))


def standardised(
  response: Response,
  numbers: Float[Array, 'b l'],
  energy: Array,
  slope: Float[Array, 'b 2'],
) -> Float[Array, 'b l']:
  """The numbers in units of their spread about their mean, each given those before it."""
  columns = jnp.zeros((energy.shape[0], 0))
  for i in range(numbers.shape[1]):
    terms = _terms(response, energy, slope, columns)
    column = _standardised(response, i, terms, numbers[:, i])
    columns = jnp.concatenate([columns, column[:, None]], axis=1)
  return columns


def drawn(
  response: Response,
  noise: Float[Array, 'b l'],
  energy: Array,
  slope: Float[Array, 'b 2'],
) -> tuple[Float[Array, 'b l'], Float[Array, 'b l']]:
  """The standardised numbers and the numbers themselves for standard normal noise."""
  near = _near(response, energy, slope)
  columns, numbers = jnp.zeros((energy.shape[0], 0)), []
  for i in range(noise.shape[1]):
    terms = _terms(response, energy, slope, columns)
    column = jnp.clip(_quantile(response.quantiles[i], noise[:, i], near), -FARTHEST, FARTHEST)
    mean, spread = _scale(response, i, terms)
    numbers.append(mean + column * spread)
    columns = jnp.concatenate([columns, column[:, None]], axis=1)
  return columns, jnp.stack(numbers, axis=1)


def _variables(energy: Array, slope: Array) -> Array:
  """ln(E / 10 GeV) and the squared inclination `[b, 2]`."""
  return jnp.stack([jnp.log(energy / (10 * GEV)), jnp.square(slope).sum(-1)], axis=1)


def _terms(response: Response, energy: Array, slope: Array, before: Array) -> Array:
  """The polynomial terms `[b, k]`; `before` are the standardised numbers earlier in the chain."""
  variables = jnp.clip(_variables(energy, slope), response.low, response.high)
  e, s = variables[:, 0], variables[:, 1]
  terms = jnp.stack([jnp.ones_like(e), e, e**2, e**3, s, s**2, s * e], axis=1)
  return jnp.concatenate([terms, before, jnp.square(before)], axis=1)


def _moments(terms: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Coefficients `[k]` of the mean and of the logarithm of the spread, by least squares.

  The mean is found again with the weights that the spread gives: at 1 GeV a shower fluctuates ten
  times as much as at 100 GeV.
  """
  weight = np.ones(len(terms))
  for _ in range(3):
    mean = np.linalg.lstsq(terms * weight[:, None], number * weight, rcond=1e-6)[0]
    distance = np.abs(number - terms @ mean)
    # 0.64: how far E[ln |n|] of a standard normal number lies below 0.
    logarithm = np.log(distance + 1e-3 * distance.mean() + 1e-9) + 0.64
    spread = np.linalg.lstsq(terms, logarithm, rcond=1e-6)[0]
    weight = np.exp(-terms @ spread)
    weight /= weight.mean()
  return mean, spread


def _scale(response: Response, i: int, terms: Array) -> tuple[Array, Array]:
  """Mean and spread `[b]` of quantity i."""
  used = terms.shape[1]
  exact = jax.lax.Precision.HIGHEST  # as an accelerator's rounding would be one of the energy
  mean = jnp.dot(terms, response.mean[i, :used], precision=exact)
  return mean, jnp.exp(jnp.dot(terms, response.spread[i, :used], precision=exact))


def _standardised(response: Response, i: int, terms: Array, number: Array) -> Array:
  mean, spread = _scale(response, i, terms)
  return jnp.clip((number - mean) / spread, -FARTHEST, FARTHEST)


def _near(response: Response, energy: Array, slope: Array) -> Float[Array, 'b bins']:
  """Weights of the two bins of energy between whose centres a particle lies; their sum is 1."""
  e = _variables(energy, slope)[:, :1]
  gaps = jnp.maximum(response.centres[1:] - response.centres[:-1], 1e-6)
  place = jnp.clip((e - response.centres[:-1]) / gaps, 0, 1).sum(1, keepdims=True)
  return jnp.maximum(1 - jnp.abs(place - jnp.arange(BINS)), 0)


def _quantile(quantiles: Float[Array, 'bins k'], noise: Array, near: Array) -> Array:
  """The standardised number `[b]` that has as much below it as the noise; beyond the knots it goes
  on as a normal one.
  """
  step = KNOTS[1] - KNOTS[0]
  ramps = jnp.clip((noise[:, None] - KNOTS[:-1]) / step, 0, 1)
  rises = (quantiles[:, 1:] - quantiles[:, :-1]).T
  inside = quantiles[:, 0] + jnp.dot(ramps, rises, precision=jax.lax.Precision.HIGHEST)
  beyond = jnp.maximum(noise - KNOTS[-1], 0) + jnp.minimum(noise - KNOTS[0], 0)
  return (near * inside).sum(1) + beyond

"""What the networks of a VAE-GAN descend: the bound of the warm start and the critic's opinion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.methods import losses, schedules
from calojax.methods.frame import spectra, standard
from calojax.methods.frame.standard import Frame, Standard
from calojax.methods.frame.summaries import summaries
from calojax.methods.regressor import Pretrained
from calojax.methods.schedules import Now
from calojax.methods.state import Network, Player, Variables
from calojax.methods.vae import divergence
from calojax.models.hurdle import Hurdle

FLOOR = 0.1  # added to the spread of a cell that the critic sees: most far cells are mostly dark


class VaeGan(NamedTuple):
  """What the training is made of.

  Attributes:
    decoder, encoder, critic: of `models.dense`.
    latent: number of latent variables.
    geometry: of the calorimeter.
    frame: of the training showers.
    shown: mean and spread of the summaries over the training showers, `[n]` each.
    schedule: rates and averages by step.
    gamma: weight of the penalties, gamma / 2 each.
    penalised: share of a batch that the penalties are computed of: their mean is the same.
    likelihood: weight of the warm start's bound in the adversarial phase.
    summaries: whether the critic is shown them.
    regression: weights of the errors of the critic's regressor of the summaries, on real and on
      generated showers; 0 for both: no regressor.
    pretrained: the parameter regressor that the generator answers to, or None.
  """

  decoder: Network
  encoder: Network
  critic: Network
  latent: int
  geometry: Geometry
  frame: Frame
  shown: dict[str, Array]
  schedule: schedules.Schedule
  gamma: float
  penalised: float
  likelihood: float
  summaries: bool
  regression: tuple[float, float]
  pretrained: Pretrained | None


class Descent(NamedTuple):
  """What a loss gives a step: gradients by network, the statistics that move with it (the decoder's
  of the bound, the critic's of the pairs), scalars to log.
  """

  gradients: dict[str, Any]
  stats: Variables
  metrics: dict[str, Array]


def _whitened(frame: Frame, x: Float[Array, 'b v']) -> Array:
  """Cells as the encoder and the critic see them."""
  return (x - frame.cells.mean) / (frame.cells.deviation + FLOOR)


def partner_step(d: Player, gradients: dict[str, Any], now: Now) -> Player:
  """Encoder and critic after a step of those that have gradients here."""
  params, moments = dict(d.params), dict(d.opt_state)
  for name, gradient in gradients.items():
    params[name], moments[name] = schedules.adam(
      params[name], moments[name], gradient, getattr(now, name), now.adam
    )
  return d._replace(params=params, opt_state=moments)


def bound_gradients(
  gan: VaeGan, frame: Frame, g: Player, d: Player, key: Array, real: Standard, weight: Array
) -> Descent:
  """Gradients of decoder and encoder of minus the evidence lower bound, over the cells that the
  calorimeter has, with that weight of the divergence.
  """
  noise = jax.random.normal(key, (len(real.x), gan.latent))

  def loss(decoder, encoder):
    """Minus the bound, with its two terms."""
    mean, log_variance = gan.encoder.apply(
      {'params': encoder}, _whitened(frame, real.x) * real.observed, real.told
    )
    z = mean + jnp.exp(log_variance / 2) * noise
    cells, stats = _decoded(gan, frame, decoder, g.stats, z, real)
    reconstruction = (cells.negative_log_likelihood(real.x) * real.observed).sum(-1).mean()
    kl = divergence(mean, log_variance).sum(-1).mean()
    return reconstruction + weight * kl, (reconstruction, kl, stats)

  (decoder, encoder), (reconstruction, kl, stats) = jax.grad(loss, argnums=(0, 1), has_aux=True)(
    g.params, d.params['encoder']
  )
  metrics = {'generator/reconstruction': reconstruction, 'generator/kl': kl}
  return Descent({'decoder': decoder, 'encoder': encoder}, stats, metrics)


def adversarial_gradients(
  gan: VaeGan,
  frame: Frame,
  g: Player,
  d: Player,
  key: Array,
  real: Standard,
  now: Now,
  answers: Callable[[Array], dict[str, Array]],
) -> Descent:
  """Gradients of the critic, and of the decoder against the critic that has made its step, on
  showers of the same particles; `answers` are the terms beside the critic's opinion.
  """
  d_key, g_key = jax.random.split(key)
  fake, _ = _generate(gan, frame, g.params, g.stats, d_key, real)
  critic, stats, metrics = _critic_gradient(gan, frame, d, real, fake)
  stepped = partner_step(d, {'critic': critic}, now).params['critic']

  def loss(params):
    """How much better than generated showers the critic likes real ones, and the other terms."""
    made, _ = _generate(gan, frame, params, g.stats, g_key, real)
    on_real, on_fake = (judged(gan, frame, stepped, stats, x, real)[0] for x in (real.x, made))
    pairs = jax.nn.softplus(on_real['score'] - on_fake['score']).mean()
    weights = {'adversarial': 1.0, **(gan.pretrained.weights if gan.pretrained else {})}
    return losses.total({'adversarial': pairs, **answers(made)}, weights)

  decoder, terms = jax.grad(loss, has_aux=True)(g.params)
  metrics |= {f'generator/{name}': value for name, value in terms.items()}
  # Near 0 for a generator that gives one shower whatever its noise: the losses do not tell.
  metrics['discriminator/diversity'] = fake.std(0).mean() / real.x.std(0).mean()
  return Descent({'decoder': decoder, 'critic': critic}, stats, metrics)


def _critic_gradient(
  gan: VaeGan, frame: Frame, d: Player, real: Standard, fake: Array
) -> tuple[Any, Variables, dict[str, Array]]:
  """The gradient of the critic's loss by its parameters, its new statistics, and the terms."""
  few = max(1, round(gan.penalised * len(real.x)))
  part = jax.tree.map(lambda leaf: leaf[:few], real)

  def loss(critic):
    """Of the pairs, with the penalties and the regressor's error."""
    on_real, stats = judged(gan, frame, critic, d.stats, real.x, real, train=True)
    on_fake, _ = judged(gan, frame, critic, d.stats, fake, real, train=True)
    gap = on_real['score'] - on_fake['score']
    adversarial, penalty, regression = jax.nn.softplus(-gap).mean(), jnp.zeros(()), jnp.zeros(())
    if gan.gamma > 0:
      score = lambda x: judged(gan, frame, critic, d.stats, x, part)[0]['score']
      penalty = sum(_squared_slope(score, frame, x[:few]).mean() for x in (real.x, fake))
    if any(gan.regression):
      read = ((on_real, real.x), (on_fake, fake))
      errors = [jnp.abs(on['targets'] - _shown(gan, d.stats, x, real)).mean() for on, x in read]
      regression = sum(weight * error for weight, error in zip(gan.regression, errors))
    value = adversarial + gan.gamma / 2 * penalty + regression
    return value, (
      stats,
      {
        'discriminator/adversarial': adversarial,
        'discriminator/gap': gap.mean(),
        'discriminator/penalty': penalty,
        'discriminator/regression': regression,
      },
    )

  gradient, (stats, told) = jax.grad(loss, has_aux=True)(d.params['critic'])
  return gradient, stats, told


def _generate(
  gan: VaeGan, frame: Frame, params: Any, stats: Variables, key: Array, real: Standard
) -> tuple[Array, Variables]:
  """Showers of the particles of real ones, in network space, as the calorimeter would show them,
  and the decoder's new statistics.
  """
  keys = jax.random.split(key, 3)
  z = jax.random.normal(keys[0], (len(real.x), gan.latent))
  amount, lit = (jax.random.normal(k, real.x.shape) for k in keys[1:])
  cells, new = _decoded(gan, frame, params, stats, z, real)
  return standard.normalised(cells.draw(amount, lit), frame, real.observed, gan.geometry), new


def _decoded(
  gan: VaeGan, frame: Frame, params: Any, stats: Variables, z: Array, real: Standard
) -> tuple[Hurdle, Variables]:
  """The cells of latent variables, and the decoder's new statistics."""
  own = {name: value for name, value in stats.items() if name != 'frame'}
  scales = spectra.scales(frame.cells, real.log_energy)
  cells, new = gan.decoder.apply(
    {'params': params, **own}, z, real.told, scales, True, mutable=list(own)
  )
  return cells, {**stats, **new}


def judged(
  gan: VaeGan,
  frame: Frame,
  critic: Any,
  stats: Variables,
  x: Array,
  real: Standard,
  train: bool = False,
) -> tuple[dict[str, Array], Variables]:
  """What the critic says of showers in network space, and its new statistics."""
  shown = _shown(gan, stats, x, real)[:, : None if gan.summaries else 0]
  own = {name: value for name, value in stats.items() if name != 'summaries'}
  heads, new = gan.critic.apply(
    {'params': critic, **own}, _whitened(frame, x), shown, real.told, train, mutable=list(own)
  )
  return heads, {**stats, **new}


def _shown(gan: VaeGan, stats: Variables, x: Array, real: Standard) -> Array:
  """The summaries of showers in network space, in units of their spread."""
  found = summaries(x, real, gan.geometry)
  return (found - stats['summaries']['mean']) / stats['summaries']['spread']


def _squared_slope(score: Callable[[Array], Array], frame: Frame, x: Array) -> Array:
  """Squared gradient of the score by the cells as the critic sees them, one a shower."""
  slope = jax.grad(lambda x: score(x).sum())(x)
  return jnp.square(slope * (frame.cells.deviation + FLOOR)).sum(-1)

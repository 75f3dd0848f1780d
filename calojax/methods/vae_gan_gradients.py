"""What the networks of a VAE-GAN descend: the bound of the warm start and the critic's opinion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.methods import schedules
from calojax.methods.frame import spectra, standard
from calojax.methods.frame.standard import Frame, Standard
from calojax.methods.frame.summaries import summaries
from calojax.methods.schedules import Now
from calojax.methods.state import Network, Player, Variables
from calojax.methods.vae import divergence

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


def warm_gradients(
  gan: VaeGan, frame: Frame, g: Player, d: Player, key: Array, real: Standard, weight: Array
) -> tuple[dict[str, Any], dict[str, Array]]:
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
    cells = gan.decoder.apply(
      {'params': decoder}, z, real.told, spectra.scales(frame.cells, real.log_energy)
    )
    reconstruction = (cells.negative_log_likelihood(real.x) * real.observed).sum(-1).mean()
    kl = divergence(mean, log_variance).sum(-1).mean()
    return reconstruction + weight * kl, (reconstruction, kl)

  (decoder, encoder), (reconstruction, kl) = jax.grad(loss, argnums=(0, 1), has_aux=True)(
    g.params, d.params['encoder']
  )
  critic = jax.tree.map(jnp.zeros_like, d.params['critic'])
  return {'decoder': decoder, 'encoder': encoder, 'critic': critic}, _metrics(
    reconstruction=reconstruction, kl=kl, norm=optax.tree.norm(decoder)
  )


def adversarial_gradients(
  gan: VaeGan, frame: Frame, g: Player, d: Player, key: Array, real: Standard, now: Now
) -> tuple[dict[str, Any], dict[str, Array]]:
  """Gradients of the critic, and of the decoder against the critic that has made its step, on
  showers of the same particles. With a weight of the likelihood the decoder follows the bound of
  the warm start too: a critic that is smooth enough to be stable lets single cells drift.
  """
  few = max(1, round(gan.penalised * len(real.x)))
  d_key, g_key, v_key = jax.random.split(key, 3)
  score = lambda critic, x, standard: _score(gan, frame, critic, d.stats, x, standard)
  fake = _generate(gan, frame, g.params, d_key, real)
  part = jax.tree.map(lambda leaf: leaf[:few], real)

  def d_loss(critic):
    gap = score(critic, real.x, real) - score(critic, fake, real)
    slopes = [_squared_slope(score, frame, critic, x[:few], part) for x in (real.x, fake)]
    adversarial, penalty = jax.nn.softplus(-gap).mean(), (slopes[0] + slopes[1]).mean()
    return adversarial + gan.gamma / 2 * penalty, (adversarial, gap.mean(), penalty)

  def g_loss(params, critic):
    made = _generate(gan, frame, params, g_key, real)
    gap = score(critic, real.x, real) - score(critic, made, real)
    return jax.nn.softplus(gap).mean()

  critic, (adversarial, gap, penalty) = jax.grad(d_loss, has_aux=True)(d.params['critic'])
  stepped = partner_step(d, {'critic': critic}, now).params['critic']
  value, decoder = jax.value_and_grad(g_loss)(g.params, stepped)
  encoder, anchor = jax.tree.map(jnp.zeros_like, d.params['encoder']), {}
  if gan.likelihood > 0:
    bound, anchor = warm_gradients(gan, frame, g, d, v_key, real, jnp.ones(()))
    decoder = jax.tree.map(lambda a, b: a + gan.likelihood * b, decoder, bound['decoder'])
    encoder = bound['encoder']
  return {'decoder': decoder, 'encoder': encoder, 'critic': critic}, _metrics(
    reconstruction=anchor.get('generator/reconstruction', jnp.zeros(())),
    kl=anchor.get('generator/kl', jnp.zeros(())),
    adversarial=value,
    norm=optax.tree.norm(decoder),
    critic=adversarial,
    gap=gap,
    penalty=penalty,
    diversity=fake.std(0).mean() / real.x.std(0).mean(),
  )


def _generate(gan: VaeGan, frame: Frame, params: Any, key: Array, real: Standard) -> Array:
  """Showers of the particles of real ones, in network space, as the calorimeter would show them."""
  keys = jax.random.split(key, 3)
  z = jax.random.normal(keys[0], (len(real.x), gan.latent))
  amount, lit = (jax.random.normal(k, real.x.shape) for k in keys[1:])
  cells = gan.decoder.apply(
    {'params': params}, z, real.told, spectra.scales(frame.cells, real.log_energy)
  )
  return standard.normalised(cells.draw(amount, lit), frame, real.observed, gan.geometry)


def _score(
  gan: VaeGan, frame: Frame, critic: Any, stats: Variables, x: Array, real: Standard
) -> Array:
  """The critic's opinion of showers in network space."""
  shown = summaries(x, real, gan.geometry)
  shown = (shown - stats['summaries']['mean']) / stats['summaries']['spread']
  seen = jnp.concatenate([_whitened(frame, x), shown], axis=1)
  return gan.critic.apply({'params': critic}, seen, real.told)


def _squared_slope(score: Callable, frame: Frame, critic: Any, x: Array, real: Standard) -> Array:
  """Squared gradient of the score by the cells as the critic sees them, one a shower."""
  slope = jax.grad(lambda x: score(critic, x, real).sum())(x)
  return jnp.square(slope * (frame.cells.deviation + FLOOR)).sum(-1)


def _metrics(**found: Array) -> dict[str, Array]:
  """The scalars of a step by the names that are logged; those of the other phase are 0."""
  nothing = jnp.zeros(())
  return {
    'generator/reconstruction': found.get('reconstruction', nothing),
    'generator/kl': found.get('kl', nothing),
    'generator/adversarial': found.get('adversarial', nothing),
    'generator/gradient_norm': found['norm'],
    'discriminator/adversarial': found.get('critic', nothing),
    'discriminator/gap': found.get('gap', nothing),
    'discriminator/penalty': found.get('penalty', nothing),
    'discriminator/diversity': found.get('diversity', jnp.ones(())),
  }

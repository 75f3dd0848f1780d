"""A generator that is first the decoder of a VAE and then the generator of a GAN (after Larsen et
al. 2016, who train both at once).

The warm start has no adversary, so it only gets better, and ends near the showers: no adversarial
training from scratch did with these networks. It is stopped by its number of steps, chosen at the
best bound of held-out showers. The adversarial phase then pairs real and generated showers of the
same particle (relativistic pairing, Jolicoeur-Martineau 2019) with zero-centred penalties on both
(R3GAN, Huang et al. 2024).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.methods import schedules, state
from calojax.methods.frame import spectra, standard
from calojax.methods.frame.standard import Frame, Standard
from calojax.methods.frame.summaries import summaries
from calojax.methods.schedules import Now
from calojax.methods.state import Method, Network, Player, Variables
from calojax.methods.vae import divergence
from calojax.models.dense import Critic, Decoder, Encoder
from calojax.models.hurdle import Hurdle
from calojax.showers import Condition, Shower

FLOOR = 0.1  # added to the spread of a cell that the critic sees: most far cells are mostly dark


class VaeGanState(NamedTuple):
  """The state of a training: `partner` holds the encoder of the warm start and the critic of the
  adversarial phase; `rng` is the root key and never changes.
  """

  step: Array
  rng: Array
  generator: Player
  partner: Player


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


def from_config(config: Any, geometry: Geometry, training: Shower | None) -> Method:
  """The method that a config describes; without training showers only to sample from a checkpoint.

  Raises:
    ValueError: a number out of its range, or training showers that are not finite or all dark.
  """
  c = config
  state.expect_one_batch(c.train.discriminator_steps)
  if c.warm_start.steps > c.train.steps:
    raise ValueError(
      f'warm_start.steps is {c.warm_start.steps}, expected at most train.steps, {c.train.steps}'
    )
  frame = standard.blank(geometry) if training is None else standard.fit(training, geometry)
  gan = VaeGan(
    decoder=Decoder(geometry.cells, **c.generator),
    encoder=Encoder(c.latent, c.generator.width),
    critic=Critic(**c.discriminator),
    latent=c.latent,
    geometry=geometry,
    frame=frame,
    shown={},
    schedule=schedules.Schedule(
      warm=c.warm_start.steps,
      steps=c.train.steps,
      warm_rate=c.warm_start.rate,
      generator_rate=c.adversarial.generator_rate,
      critic_rate=c.adversarial.discriminator_rate,
      anchored=c.adversarial.likelihood > 0,
    ),
    gamma=c.adversarial.gamma,
    penalised=c.adversarial.penalised,
    likelihood=c.adversarial.likelihood,
  )
  return method(gan._replace(shown=_shown(gan, training)))


def method(gan: VaeGan) -> Method:
  """The VAE-GAN as a method. Its noise is the latent variables, two numbers for each cell (how much
  it holds, whether it is lit) and one for each layer's energy.
  """
  latent, cells, layers = gan.latent, gan.geometry.cells, len(gan.geometry.layers)

  def init(key: Array, showers: Shower) -> VaeGanState:
    keys = jax.random.split(key, 4)
    told = jnp.zeros((len(showers.energies), len(gan.frame.mean)))
    x, z = jnp.zeros_like(showers.energies), jnp.zeros((len(told), latent))
    seen = jnp.zeros((len(told), cells + len(gan.shown['mean'])))
    decoder = gan.decoder.init(
      keys[0], z, told, spectra.scales(gan.frame.cells, jnp.zeros(len(told)))
    )['params']
    partner = {
      'encoder': gan.encoder.init(keys[1], x, told)['params'],
      'critic': gan.critic.init(keys[2], seen, told)['params'],
    }
    frame = standard.arrays(gan.frame)
    average = jax.tree.map(jnp.array, {'params': decoder, 'frame': frame})
    return VaeGanState(
      jnp.zeros((), jnp.int32),
      keys[3],
      Player(decoder, {'frame': frame}, schedules.moments(decoder), average),
      Player(
        partner,
        {'summaries': jax.tree.map(jnp.asarray, gan.shown)},
        {name: schedules.moments(params) for name, params in partner.items()},
        None,
      ),
    )

  def update(train: VaeGanState, showers: Shower) -> tuple[VaeGanState, dict[str, Array]]:
    batch = state.only_batch(showers)
    # A cell takes two numbers a draw: with the default generator they are a quarter of a step.
    bits = jax.random.bits(jax.random.fold_in(train.rng, train.step), (4,), 'uint32')
    key = jax.random.wrap_key_data(bits, impl='rbg')
    frame = standard.from_arrays(train.generator.stats['frame'])
    real = standard.enter(frame, batch, gan.geometry)
    now = gan.schedule.at(train.step)
    g, d = train.generator, train.partner
    # Of the phases only the gradients: what a branch returns is copied.
    gradients, metrics = jax.lax.cond(
      train.step < gan.schedule.warm,
      lambda: _warm_gradients(gan, frame, g, d, key, real, now.kl),
      lambda: _adversarial_gradients(gan, frame, g, d, key, real, now),
    )
    params, moments = schedules.adam(
      g.params, g.opt_state, gradients.pop('decoder'), now.generator, now.adam
    )
    g = g._replace(params=params, opt_state=moments)
    average = jax.tree.map(lambda old, new: old + now.average * (new - old), g.ema, g.variables)
    d = _partner_step(d, gradients, now)
    return VaeGanState(train.step + 1, train.rng, g._replace(ema=average), d), metrics

  def sample(
    variables: Variables, z: Float[Array, 'b z'], condition: Condition
  ) -> Float[Array, 'b v']:
    frame = standard.from_arrays(variables['frame'])
    parts = jnp.split(z, [latent, latent + cells, latent + 2 * cells], axis=1)
    told, visible, placement = standard.requested(frame, parts[3], condition, gan.geometry)
    scales = spectra.scales(frame.cells, standard.log_energy(frame, condition))
    drawn: Hurdle = gan.decoder.apply({'params': variables['params']}, parts[0], told, scales)
    return standard.leave(drawn.values(parts[1], parts[2]), visible, placement, gan.geometry)

  return Method(init, update, sample, latent + 2 * cells + layers)


def _whitened(frame: Frame, x: Float[Array, 'b v']) -> Array:
  """Cells as the encoder and the critic see them."""
  return (x - frame.cells.mean) / (frame.cells.deviation + FLOOR)


def _partner_step(d: Player, gradients: dict[str, Any], now: Now) -> Player:
  """Encoder and critic after a step of those that have gradients here."""
  params, moments = dict(d.params), dict(d.opt_state)
  for name, gradient in gradients.items():
    params[name], moments[name] = schedules.adam(
      params[name], moments[name], gradient, getattr(now, name), now.adam
    )
  return d._replace(params=params, opt_state=moments)


def _warm_gradients(
  gan: VaeGan, frame: Frame, g: Player, d: Player, key: Array, real: Standard, weight: Array
) -> tuple[dict[str, Any], dict[str, Array]]:
  """Gradients of decoder and encoder of minus the evidence lower bound, over the cells that the
  calorimeter has, with that weight of the divergence.
  """
  noise = jax.random.normal(key, (len(real.x), gan.latent))

  def loss(decoder, encoder):
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


def _adversarial_gradients(
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
  stepped = _partner_step(d, {'critic': critic}, now).params['critic']
  value, decoder = jax.value_and_grad(g_loss)(g.params, stepped)
  encoder, anchor = jax.tree.map(jnp.zeros_like, d.params['encoder']), {}
  if gan.likelihood > 0:
    bound, anchor = _warm_gradients(gan, frame, g, d, v_key, real, jnp.ones(()))
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


def _shown(gan: VaeGan, training: Shower | None) -> dict[str, Array]:
  """Mean and spread of the summaries over the training showers; without any, for their shapes."""

  def columns(showers: Shower) -> Array:
    real = standard.enter(gan.frame, showers, gan.geometry)
    return summaries(real.x, real, gan.geometry)

  if training is None:
    one = Shower(jnp.zeros((1, gan.geometry.cells)), Condition.of(1.0))
    width = jax.eval_shape(columns, one).shape[1]
    return {'mean': jnp.zeros(width), 'spread': jnp.ones(width)}
  found = standard.in_pieces(jax.jit(columns), training)
  return {'mean': jnp.asarray(found.mean(0)), 'spread': jnp.asarray(found.std(0) + 0.01)}


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

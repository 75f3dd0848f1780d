"""A generator that is first the decoder of a VAE and then the generator of a GAN (after Larsen et
al. 2016, who train both at once).

The warm start has no adversary, so it only gets better, and ends near the showers: no adversarial
training from scratch did with these networks. It is stopped by its number of steps, chosen at the
best bound of held-out showers. The adversarial phase then pairs real and generated showers of the
same particle (relativistic pairing, Jolicoeur-Martineau 2019) with zero-centred penalties on both
(R3GAN, Huang et al. 2024), and goes on with the bound at a small weight: a critic that is smooth
enough to be stable lets single cells drift (see docs/pages/fidelity.md).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.methods import regressor, schedules, state
from calojax.methods.frame import spectra, standard
from calojax.methods.frame.standard import Standard
from calojax.methods.frame.summaries import summaries
from calojax.methods.state import Method, Player, Variables
from calojax.methods.vae_gan_gradients import (
  Descent,
  VaeGan,
  adversarial_gradients,
  bound_gradients,
  judged,
  partner_step,
)
from calojax.models import framed
from calojax.models.dense import Encoder
from calojax.models.hurdle import Hurdle
from calojax.showers import Condition, Shower


class VaeGanState(NamedTuple):
  """The state of a training: `partner` holds the encoder of the warm start and the critic of the
  adversarial phase; `rng`, the root key, never changes, nor do the variables of the regressor
  trained beforehand, if there is one.
  """

  step: Array
  rng: Array
  generator: Player
  partner: Player
  frozen: Variables | None


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
  blank = VaeGan(
    decoder=framed.decoder(c.generator, geometry, c.dtype),
    encoder=Encoder(c.latent, **c.encoder),
    critic=framed.critic(c.discriminator, geometry, c.dtype),
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
    summaries=c.summaries,
    regression=(c.weights.regression, c.weights.regression_fake),
    pretrained=regressor.pretrained(c, geometry, training),
  )
  gan = blank._replace(shown=_shown(blank, training))
  if any(gan.regression):  # of all summaries, whose number is known now
    targets = len(gan.shown['mean'])
    gan = gan._replace(critic=framed.critic(c.discriminator, geometry, c.dtype, targets))
  return method(gan)


def method(gan: VaeGan) -> Method:
  """The VAE-GAN as a method. Its noise is the latent variables, two numbers for each cell (how much
  it holds, whether it is lit) and one for each layer's energy.
  """
  noise = gan.latent + 2 * gan.geometry.cells + len(gan.geometry.layers)
  of = lambda function, **fixed: functools.partial(function, gan, **fixed)
  first = gan.schedule.warm
  stages = ((0, of(_update, phase=True)),) if first else ()
  stages += ((first, of(_update, phase=False)),)
  return Method(of(_init), of(_update), of(_sample), noise, stages=stages, score=of(_score))


def _init(gan: VaeGan, key: Array, showers: Shower) -> VaeGanState:
  """The state at step 0; of the showers only the number matters."""
  keys = jax.random.split(key, 4)
  told = jnp.zeros((len(showers.energies), len(gan.frame.mean)))
  x, z = jnp.zeros_like(showers.energies), jnp.zeros((len(told), gan.latent))
  shown = jnp.zeros((len(told), len(gan.shown['mean']) if gan.summaries else 0))
  scales = spectra.scales(gan.frame.cells, jnp.zeros(len(told)))
  own = dict(gan.decoder.init(keys[0], z, told, scales, True))
  decoder = own.pop('params')
  critic = dict(gan.critic.init(keys[2], x, shown, told, True))
  partner = {
    'encoder': gan.encoder.init(keys[1], x, told)['params'],
    'critic': critic.pop('params'),
  }
  frame = standard.arrays(gan.frame)
  # A copy: an average that shares its buffers with the parameters cannot be donated with them.
  average = jax.tree.map(jnp.array, {'params': decoder, 'frame': frame, **own})
  stats = {'summaries': jax.tree.map(jnp.asarray, gan.shown), **critic}
  moments = {name: schedules.moments(params) for name, params in partner.items()}
  return VaeGanState(
    jnp.zeros((), jnp.int32),
    keys[3],
    Player(decoder, {'frame': frame, **own}, schedules.moments(decoder), average),
    Player(partner, stats, moments, None),
    regressor.start(gan.pretrained, jax.random.fold_in(key, 1), x),
  )


def _update(
  gan: VaeGan, train: VaeGanState, showers: Shower, phase: bool | None = None
) -> tuple[VaeGanState, dict[str, Array]]:
  """The state after a step on showers `[1, b]`, and its scalars. `phase` is whether the step is one
  of the warm start, or None where that is for the step to say: XLA compiles what stands behind such
  a question badly on a CPU, an adversarial update of Conv3D takes four times as long
  (experiments/results/stages.json).
  """
  batch = state.only_batch(showers)
  # A cell takes two numbers a draw: with the default generator they are a quarter of a step.
  bits = jax.random.bits(jax.random.fold_in(train.rng, train.step), (4,), 'uint32')
  keys = jax.random.split(jax.random.wrap_key_data(bits, impl='rbg'))
  frame = standard.from_arrays(train.generator.stats['frame'])
  real = standard.enter(frame, batch, gan.geometry)
  now = gan.schedule.at(train.step)
  g, d = train.generator, train.partner
  warm = train.step < gan.schedule.warm if phase is None else np.bool_(phase)
  anchored = gan.likelihood > 0
  # Of the losses only the gradients: what a branch returns is copied.
  bound = _if(
    warm | anchored, lambda: bound_gradients(gan, frame, g, d, keys[0], real, now.kl), g.stats
  )
  answers = lambda made: _answers(gan, train.frozen, made, real, batch)
  adversarial = lambda: adversarial_gradients(gan, frame, g, d, keys[1], real, now, answers)
  pairs = _if(~warm, adversarial, d.stats)
  share = jnp.where(warm, 1.0, gan.likelihood)
  gradient = jax.tree.map(
    lambda a, b: share * a + b, bound.gradients['decoder'], pairs.gradients['decoder']
  )
  params, moments = schedules.adam(g.params, g.opt_state, gradient, now.generator, now.adam)
  g = g._replace(params=params, stats=bound.stats, opt_state=moments)
  average = jax.tree.map(lambda old, new: old + now.average * (new - old), g.ema, g.variables)
  others = {'encoder': bound.gradients['encoder'], 'critic': pairs.gradients['critic']}
  d = partner_step(d, others, now)._replace(stats=pairs.stats)
  metrics = {**bound.metrics, **pairs.metrics, 'generator/gradient_norm': optax.tree.norm(gradient)}
  # 0 is a generator that gives one shower: before the first pairs there is none to tell of.
  metrics['discriminator/diversity'] += warm
  g = g._replace(ema=average)
  return train._replace(step=train.step + 1, generator=g, partner=d), metrics


def _if(wanted: Array | np.bool_, loss: Callable[[], Descent], still: Variables) -> Descent:
  """What a loss gives where it is wanted; else gradients and scalars of 0, and these statistics."""
  shape = jax.eval_shape(loss)
  nothing = lambda tree: jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), tree)
  idle = lambda: Descent(nothing(shape.gradients), still, nothing(shape.metrics))
  if isinstance(wanted, np.bool_):
    return loss() if wanted else idle()
  return jax.lax.cond(wanted, loss, idle)


def _answers(
  gan: VaeGan, frozen: Variables | None, made: Array, real: Standard, showers: Shower
) -> dict[str, Array]:
  """The terms of the regressor trained beforehand, on showers in network space that are generated
  for real ones' particles and visible energies.
  """
  visible = standard.layers(showers.energies, gan.geometry)
  energies = standard.leave(made, visible, real.placement, gan.geometry)
  return regressor.terms(gan.pretrained, frozen, Shower(energies, showers.condition), showers)


def _score(gan: VaeGan, train: VaeGanState, showers: Shower) -> Float[Array, ' b']:
  """What the critic says of real showers; in the warm start nothing of worth."""
  frame = standard.from_arrays(train.generator.stats['frame'])
  real = standard.enter(frame, showers, gan.geometry)
  d = train.partner
  return judged(gan, frame, d.params['critic'], d.stats, real.x, real)[0]['score']


def _sample(
  gan: VaeGan, variables: Variables, z: Float[Array, 'b z'], condition: Condition
) -> Float[Array, 'b v']:
  """Showers in MeV of these particles."""
  latent, cells = gan.latent, gan.geometry.cells
  frame = standard.from_arrays(variables['frame'])
  parts = jnp.split(z, [latent, latent + cells, latent + 2 * cells], axis=1)
  told, visible, placement = standard.requested(frame, parts[3], condition, gan.geometry)
  scales = spectra.scales(frame.cells, standard.log_energy(frame, condition))
  own = {name: value for name, value in variables.items() if name != 'frame'}
  drawn: Hurdle = gan.decoder.apply(own, parts[0], told, scales, False)
  return standard.leave(drawn.values(parts[1], parts[2]), visible, placement, gan.geometry)


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

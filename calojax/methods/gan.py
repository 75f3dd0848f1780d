"""Generative adversarial training of a conditional generator, with an Auxiliary Regressor where one is asked for."""

from __future__ import annotations

import functools
from typing import Any, Callable, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from calojax import losses, models, state
from calojax.geometry import Geometry
from calojax.registry import find
from calojax.showers import Condition, Shower
from calojax.state import Method, Player, TrainState
from calojax.transforms import CONDITIONS, TRANSFORMS, Transform

STATS = ['batch_stats', 'spectral']
DTYPES = ('float32', 'bfloat16')


class Gan(NamedTuple):
  """What a GAN is made of.

  Attributes:
    generator, discriminator: modules; called as (z or x, condition features, train).
    transform: between MeV and network space.
    features: `Condition[b] -> [b, m]`.
    target: `Shower[b] -> [b, t]`, the scaled observables that the Auxiliary Regressor learns; None for no regressor.
    adversarial: the pair of losses.
    weights: of the loss terms `adversarial`, `regression` (the regressor on real showers), `regression_fake` (on generated ones: the
      paper does not say whether it learns on them; an observable is defined on any shower, so both can be asked for) and
      `gradient_penalty` (zero-centred, on real showers).
    generator_optimiser, discriminator_optimiser: optax transformations.
    ema_decay: of the generator's moving average.
    latent: number of noise variables.
  """

  generator: nn.Module
  discriminator: nn.Module
  transform: Transform
  features: Callable[[Condition], Array]
  target: Callable[[Shower], Array] | None
  adversarial: losses.Adversarial
  weights: dict[str, float]
  generator_optimiser: optax.GradientTransformation
  discriminator_optimiser: optax.GradientTransformation
  ema_decay: float
  latent: int


def from_config(config: Any, geometry: Geometry, target: Callable[[Shower], Array] | None, targets: int) -> Method:
  """The GAN that a config describes; `target` gives the `targets` quantities of the Auxiliary Regressor."""
  if config.dtype not in DTYPES:
    raise ValueError(f'dtype is {config.dtype!r}, expected one of {", ".join(DTYPES)}')
  if config.latent < 1 or not 0 <= config.optimiser.cooldown <= 1:
    raise ValueError(f'latent is {config.latent} and optimiser.cooldown {config.optimiser.cooldown}, expected >= 1 and from 0 to 1')
  dtype = jnp.dtype(config.dtype)
  steps, k = config.train.steps, config.train.discriminator_steps
  generator, discriminator = dict(config.generator), dict(config.discriminator)
  return method(Gan(
      find(models.GENERATORS, generator.pop('name'), 'generator')(geometry.grid, dtype=dtype, **generator),
      find(models.DISCRIMINATORS, discriminator.pop('name'), 'discriminator')(geometry.grid, targets=targets, dtype=dtype, **discriminator),
      find(TRANSFORMS, config.transform.name, 'transform')(config.transform.parameter),
      functools.partial(find(CONDITIONS, config.condition, 'condition'), geometry=geometry),
      target, find(losses.ADVERSARIAL, config.adversarial, 'adversarial loss'), dict(config.weights),
      adam(config.optimiser, config.optimiser.generator, steps), adam(config.optimiser, config.optimiser.discriminator, steps * k),
      config.ema_decay, config.latent))


def adam(settings: Any, rate: float, steps: int) -> optax.GradientTransformation:
  """Adam at a rate that stays, and over the last `settings.cooldown` of all `steps` falls to zero: what is left of the players' dance at
  the end is what the generator's energies are off by."""
  cooldown = int(settings.cooldown * steps)
  schedule = optax.linear_schedule(rate, 0.0, cooldown, steps - cooldown) if cooldown else rate
  return optax.adam(schedule, settings.beta1, settings.beta2)


def method(gan: Gan) -> Method:
  """The GAN as a method: k discriminator steps, one on each micro-batch, then one generator step an update."""

  def init(key: Array, showers: Shower) -> TrainState:
    g_key, d_key, root = jax.random.split(key, 3)
    features = gan.features(showers.condition)
    g = gan.generator.init(g_key, jnp.zeros((len(features), gan.latent)), features, True)
    d = gan.discriminator.init(d_key, jnp.zeros_like(showers.energies), features, True)
    return TrainState(jnp.zeros((), jnp.int32), root, state.player(g, gan.generator_optimiser, averaged=True),
                      state.player(d, gan.discriminator_optimiser))

  def update(train: TrainState, showers: Shower) -> tuple[TrainState, dict[str, Array]]:
    *keys, g_key = jax.random.split(jax.random.fold_in(train.rng, train.step), len(showers.energies) + 1)
    d = train.discriminator
    for i, key in enumerate(keys):  # a loop: scanned convolution gradients are slow on a CPU
      micro = jax.tree.map(lambda leaf: leaf[i], showers)
      d, d_metrics = _discriminator_step(gan, d, train.generator, key, micro)
    g, g_metrics = _generator_step(gan, train.generator, d, g_key, micro)
    g = state.average(g, train.step, gan.ema_decay)
    metrics = {f'discriminator/{k}': v for k, v in d_metrics.items()} | {f'generator/{k}': v for k, v in g_metrics.items()}
    return TrainState(train.step + 1, train.rng, g, d), metrics

  def sample(variables: Any, z: Array, condition: Condition) -> Float[Array, 'b v']:
    x = gan.generator.apply(variables, z, gan.features(condition), False)
    return gan.transform.inverse(x, condition.energy)

  return Method(init, update, sample, gan.latent)


def _generate(gan: Gan, variables: Any, key: Array, features: Array) -> tuple[Array, Any]:
  """Fresh showers in network space `[b, v]` and the generator's new statistics."""
  z = jax.random.normal(key, (len(features), gan.latent))
  return gan.generator.apply(variables, z, features, True, mutable=STATS)


def _discriminator_step(gan: Gan, d: Player, g: Player, key: Array, real: Shower) -> tuple[Player, dict[str, Array]]:
  """One step of the discriminator on one micro-batch."""
  features = gan.features(real.condition)
  real_x = gan.transform.forward(real.energies, real.condition.energy)
  fake_x, _ = _generate(gan, g.variables, key, features)
  fake = Shower(gan.transform.inverse(fake_x, real.condition.energy), real.condition)

  def loss(params):
    # Both calls start from the same statistics, so they use the same spectral norms; those of the real call are kept.
    judge = lambda x: gan.discriminator.apply({'params': params, **d.stats}, x, features, True, mutable=STATS)
    (on_real, stats), (on_fake, _) = judge(real_x), judge(fake_x)
    terms = {'adversarial': gan.adversarial.discriminator(on_real['score'], on_fake['score'])}
    if gan.target and gan.weights['regression']:
      terms['regression'] = losses.absolute_error(on_real['targets'], gan.target(real))
    if gan.target and gan.weights['regression_fake']:
      terms['regression_fake'] = losses.absolute_error(on_fake['targets'], gan.target(fake))
    if gan.weights['gradient_penalty']:
      terms['gradient_penalty'] = losses.zero_centred_penalty(lambda x: judge(x)[0]['score'], real_x)
    value, means = losses.total(terms, gan.weights)
    return value, (stats, means | {'score_real': on_real['score'].mean(), 'score_fake': on_fake['score'].mean()})

  gradients, (stats, metrics) = jax.grad(loss, has_aux=True)(d.params)
  metrics['gradient_norm'] = optax.tree.norm(gradients)
  metrics['diversity'] = fake_x.std(0).mean() / real_x.std(0).mean()
  return state.descend(d, gradients, gan.discriminator_optimiser)._replace(stats=stats), metrics


def _generator_step(gan: Gan, g: Player, d: Player, key: Array, real: Shower) -> tuple[Player, dict[str, Array]]:
  """One step of the generator, asked for the real showers' conditions."""
  features = gan.features(real.condition)

  def loss(params):
    x, stats = _generate(gan, {'params': params, **g.stats}, key, features)
    judged, _ = gan.discriminator.apply(d.variables, x, features, True, mutable=STATS)
    value, means = losses.total({'adversarial': gan.adversarial.generator(judged['score'])}, gan.weights)
    return value, (stats, means)

  gradients, (stats, metrics) = jax.grad(loss, has_aux=True)(g.params)
  metrics['gradient_norm'] = optax.tree.norm(gradients)
  return state.descend(g, gradients, gan.generator_optimiser)._replace(stats=stats), metrics

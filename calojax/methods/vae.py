"""Variational auto-encoding of showers: an encoder that only training needs, and a decoder that is
the generator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.methods import conditions, losses, state
from calojax.methods.optimisers import optimiser
from calojax.methods.state import Method, Network, Player, SinglePlayer, Variables
from calojax.methods.transforms import TRANSFORMS, Transform
from calojax.models.vae import VAE
from calojax.registry import find
from calojax.showers import Condition, Shower

STATS = ['batch_stats']
FREE = 0.1  # nats of a latent variable's divergence that cost nothing


class Autoencoder(NamedTuple):
  """What a VAE's training is made of.

  Attributes:
    network: encoder and decoder, a `models.vae.VAE`.
    latent: number of its latent variables.
    cells: of a shower.
    transform: between MeV and network space.
    features: `Condition[b] -> [b, m]`.
    weights: of the loss terms `reconstruction` (minus the log likelihood of a shower's cells) and
      `kl` (Kullback-Leibler divergence of its latent variables from the normal distribution that
      they are drawn from); with both at 1 the loss bounds -ln p(shower) from above. The first
      `FREE` nats of each latent variable's mean divergence cost nothing (Kingma et al. 2016, eq.
      17): otherwise the latent variables are given up before the decoder has learnt to use them,
      and the cells of a shower would fluctuate independently. `kl` is reported whole.
    optimiser: an optax transformation.
    ema_decay: of the moving average.
  """

  network: Network
  latent: int
  cells: int
  transform: Transform
  features: Callable[[Condition], Array]
  weights: dict[str, float]
  optimiser: optax.GradientTransformation
  ema_decay: float


def from_config(config: Any, geometry: Geometry, training: Shower | None) -> Method:
  """The VAE that a config describes, its network's fields in `config.generator`; it needs nothing
  of the training showers.

  Raises:
    ValueError: a name that no registry knows, or several batches an update.
  """
  del training
  c = config
  state.expect_one_batch(c.train.discriminator_steps)
  fields = {name: value for name, value in c.generator.items() if name != 'name'}
  return method(
    Autoencoder(
      network=VAE(geometry.grids, c.latent, dtype=jnp.dtype(c.dtype), **fields),
      latent=c.latent,
      cells=geometry.cells,
      transform=find(TRANSFORMS, c.transform.name, 'transform')(c.transform.parameter),
      features=conditions.features(c.condition, geometry),
      weights=dict(c.weights),
      optimiser=optimiser(c.optimiser, c.optimiser.generator, c.train.steps),
      ema_decay=c.ema_decay,
    )
  )


def method(vae: Autoencoder) -> Method:
  """The VAE as a method, with one step an update. Its noise is the latent variables, then one
  variable for each cell.
  """
  latent = vae.latent

  def init(key: Array, showers: Shower) -> SinglePlayer:
    v_key, root = jax.random.split(key)
    noise = jnp.zeros((len(showers.energies), latent))
    variables = vae.network.init(
      v_key, jnp.zeros_like(showers.energies), vae.features(showers.condition), noise, True
    )
    player = state.player(variables, vae.optimiser, averaged=True)
    return SinglePlayer(jnp.zeros((), jnp.int32), root, player)

  def update(train: SinglePlayer, showers: Shower) -> tuple[SinglePlayer, dict[str, Array]]:
    batch = state.only_batch(showers)
    player, metrics = _step(vae, train.generator, jax.random.fold_in(train.rng, train.step), batch)
    player = state.average(player, train.step, vae.ema_decay)
    return train._replace(step=train.step + 1, generator=player), {
      f'generator/{name}': value for name, value in metrics.items()
    }

  def sample(
    variables: Variables, z: Float[Array, 'b z'], condition: Condition
  ) -> Float[Array, 'b v']:
    cells = vae.network.apply(
      variables, z[:, :latent], vae.features(condition), False, method='decode'
    )
    return vae.transform.inverse(cells.draw(z[:, latent:]), condition.energy)

  return Method(init, update, sample, latent + vae.cells)


def divergence(mean: Float[Array, 'b z'], log_variance: Float[Array, 'b z']) -> Float[Array, 'b z']:
  """KL(N(mean, variance) || N(0, 1)) of every latent variable (Kingma and Welling 2014, appendix
  B).
  """
  return 0.5 * (jnp.square(mean) + jnp.exp(log_variance) - 1 - log_variance)


def _step(
  vae: Autoencoder, player: Player, key: Array, real: Shower
) -> tuple[Player, dict[str, Array]]:
  """One step of the optimiser on one batch."""
  x, features = (
    vae.transform.forward(real.energies, real.condition.energy),
    vae.features(real.condition),
  )
  z_key, cell_key = jax.random.split(key)
  noise = jax.random.normal(z_key, (len(x), vae.latent))

  def loss(params):
    """Minus the bound, with its terms."""
    outputs, stats = vae.network.apply(
      {'params': params, **player.stats}, x, features, noise, True, mutable=STATS
    )
    mean, log_variance, cells = outputs
    kl = divergence(mean, log_variance)
    terms = {
      'reconstruction': cells.negative_log_likelihood(x),
      # The mean over the batch first: a latent variable is free as such, not for single showers.
      'kl': jnp.maximum(kl.mean(0), FREE).sum(),
    }
    value, means = losses.total(terms, vae.weights)
    return value, (stats, cells, means | {'kl': kl.sum(-1).mean()})

  gradients, (stats, cells, metrics) = jax.grad(loss, has_aux=True)(player.params)
  metrics['gradient_norm'] = optax.tree.norm(gradients)
  metrics['diversity'] = (
    cells.draw(jax.random.normal(cell_key, x.shape)).std(0).mean() / x.std(0).mean()
  )
  return state.descend(player, gradients, vae.optimiser)._replace(stats=stats), metrics

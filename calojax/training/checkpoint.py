"""Checkpoints of the training state: with the batches and keys that are functions of the step, they
make a resumed run the same run.
"""

from __future__ import annotations

import os
from typing import Any

import jax
import orbax.checkpoint as ocp

from calojax.methods.state import TrainState


class Checkpoints:
  """The checkpoints of one workdir, written in the background, the last two kept.

  A checkpoint appears under its final name only when it is whole, so a process killed while saving
  leaves the one before.
  """

  def __init__(self, workdir: str, create: bool = True):
    directory = os.path.join(os.path.abspath(workdir), 'checkpoints')
    if not create and not os.path.isdir(directory):
      raise ValueError(f'no checkpoint in {workdir}: there is no {directory}')
    options = ocp.CheckpointManagerOptions(max_to_keep=2, create=create)
    self._manager = ocp.CheckpointManager(
      directory, item_handlers=ocp.StandardCheckpointHandler(), options=options
    )

  def latest(self) -> int | None:
    """The step of the newest whole checkpoint, or None."""
    return self._manager.latest_step()

  def save(self, state: TrainState) -> None:
    """Writes the state in the background; a step that is there already is left."""
    step = int(state.step)
    if step != self.latest():
      self._manager.save(step, args=ocp.args.StandardSave(state))

  def restore(self, like: TrainState) -> TrainState:
    """The newest state, laid out on devices as `like` (arrays or shapes with shardings).

    Raises:
      ValueError: its arrays differ in shape or name from `like`; the first difference is named.
    """
    step = self.latest()
    if step is None:
      raise ValueError(f'no checkpoint in {self._manager.directory}, expected at least one')
    stored: Any = self._manager.item_metadata(step)
    _same_shapes(stored, like, f'{self._manager.directory}/{step}')
    wanted: Any = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
    # Version 0.1.0 had one state for all methods: what one does not use is there and holds nothing.
    unused = {name: None for name in stored if name not in wanted._fields}
    tree = {**wanted._asdict(), **unused}
    found: Any = self._manager.restore(step, args=ocp.args.StandardRestore(tree))
    return wanted._replace(**{name: found[name] for name in wanted._fields})

  def wait(self) -> None:
    """Returns once everything saved is on disk."""
    self._manager.wait_until_finished()

  def close(self) -> None:
    """Waits for what is being written and ends the background thread."""
    self._manager.close()


def _same_shapes(stored: Any, like: TrainState, source: str) -> None:
  """Raises ValueError at the first array whose name or shape differs (Orbax's own message buries
  it).
  """
  stored, expected = _shapes(stored), _shapes(like)
  for name in sorted(set(stored) | set(expected)):
    if stored.get(name) != expected.get(name):
      raise ValueError(
        f'{source}: {name} has shape {stored.get(name)}, expected {expected.get(name)}'
      )


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
  """The shape of every array by its path; of a random key that of its data, as it is stored."""

  def shape(leaf: Any) -> tuple[int, ...]:
    typed = isinstance(leaf, jax.ShapeDtypeStruct)
    is_key = typed and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return tuple((jax.eval_shape(jax.random.key_data, leaf) if is_key else leaf).shape)

  leaves = jax.tree_util.tree_leaves_with_path(tree)
  return {
    jax.tree_util.keystr(path, simple=True, separator='/'): shape(leaf) for path, leaf in leaves
  }

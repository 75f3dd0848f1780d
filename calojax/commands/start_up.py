"""What a command that runs JAX sets before its first computation."""

from __future__ import annotations

import logging
import os


def start_up() -> None:
  """Keeps freed memory, and compiled programs on disk (in JAX_COMPILATION_CACHE_DIR, if set), so
  that a second run starts at once.

  Raises:
    ValueError: JAX has not the kind of device that is asked for.
  """
  import jax

  from calojax import provenance
  from calojax.training import allocation

  allocation.keep_freed_memory()
  # Orbax tells of damaged files there too, beside the one line that calojax says.
  logging.getLogger('absl').setLevel(logging.CRITICAL)
  provenance.origin()  # now, while the code on disk is the code that runs
  # jax.config gets its attributes at run time, and `read` refuses this one.
  if not jax.config.jax_compilation_cache_dir:  # pyright: ignore[reportAttributeAccessIssue]
    jax.config.update('jax_compilation_cache_dir', os.path.expanduser('~/.cache/calojax'))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.2)
  try:
    jax.devices()
  except Exception as error:  # a RuntimeError; without its plug-in for CUDA, an assertion of JAX
    asked = os.environ.get('JAX_PLATFORMS')
    raise ValueError(
      f'JAX_PLATFORMS is {asked!r}, expected devices that this machine has, as cpu: '
      f'{str(error) or type(error).__name__}'
    ) from None

"""The k-d tree against SciPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calojax.methods import kdtree


def random(n: int, d: int, seed: int = 0) -> np.ndarray:
  return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def clustered(n: int, d: int) -> np.ndarray:
  """Points in ten tight clusters far from each other."""
  return 10 * random(10, d)[np.arange(n) % 10] + 1e-3 * random(n, d, 1)


def duplicated(n: int, d: int) -> np.ndarray:
  """Five places only."""
  return random(5, d)[np.arange(n) % 5]


def compare(points: np.ndarray, queries: np.ndarray) -> kdtree.Found:
  """What the tree finds, found to be as near as what SciPy finds (which of several equally near
  ones is free).
  """
  from scipy.spatial import KDTree

  found = jax.jit(kdtree.search)(jax.jit(kdtree.build)(points), queries)
  expected, _ = KDTree(points).query(queries)
  np.testing.assert_allclose(found.distances, expected, atol=1e-5)
  np.testing.assert_allclose(
    np.linalg.norm(points[np.asarray(found.rows)] - queries, axis=-1), expected, atol=1e-5
  )
  return found


@pytest.mark.parametrize('count', (1, 2, 3, 1000))
@pytest.mark.parametrize('make', (random, clustered, duplicated))
def test_finds_what_scipy_finds(make, count):
  points = make(count, 3)
  queries = np.concatenate([random(50, 3, 2), points[:50], 100 * random(5, 3, 3)])
  compare(points, queries)


def test_finds_every_point_itself():
  points = random(777, 5)
  found = jax.jit(kdtree.search)(jax.jit(kdtree.build)(points), points)
  np.testing.assert_array_equal(found.rows, np.arange(777))
  np.testing.assert_array_equal(found.distances, 0)


def test_looks_at_few_points():
  found = compare(random(20_000, 5), random(100, 5, 1))
  assert float(found.points.mean()) < 400, 'of 20,000'
  assert int(found.points.min()) >= 1


@pytest.mark.parametrize('kept', (1, 3, 40))
def test_empty_slots_are_never_found(kept):
  points = np.full((200, 2), np.inf, np.float32)
  rows = np.random.default_rng(0).permutation(200)[:kept]
  points[rows] = random(kept, 2)
  tree = jax.jit(kdtree.build)(points)
  assert all(np.isfinite(leaf).all() for leaf in tree), (
    'a state that holds a tree is checked for finiteness'
  )
  found = jax.jit(kdtree.search)(tree, np.concatenate([1e6 * random(20, 2, 1), points[rows]]))
  assert set(np.asarray(found.rows)) <= set(rows)
  np.testing.assert_array_equal(found.rows[20:], rows)


def test_an_empty_tree_finds_nothing():
  found = jax.jit(kdtree.search)(
    jax.jit(kdtree.build)(jnp.full((20, 2), jnp.inf)), jnp.zeros((3, 2))
  )
  assert (found.rows == -1).all() and np.isinf(found.distances).all()


def test_exports():
  tree = jax.jit(kdtree.build)(random(100, 3))
  exported = jax.export.export(jax.jit(lambda queries: kdtree.nearest(tree, queries)))(
    jax.ShapeDtypeStruct((jax.export.symbolic_shape('b')[0], 3), jnp.float32)
  )
  for count in (1, 7):
    queries = jnp.asarray(random(count, 3, 1))
    np.testing.assert_array_equal(exported.call(queries), kdtree.nearest(tree, queries))


def test_bad_input_is_refused():
  with pytest.raises(ValueError, match=r'\(0, 2\)'):
    kdtree.build(jnp.zeros((0, 2)))
  with pytest.raises(ValueError, match=r'\(4, 3\), expected \[b, 2\]'):
    kdtree.nearest(kdtree.build(jnp.zeros((5, 2))), jnp.zeros((4, 3)))

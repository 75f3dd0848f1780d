"""Model files for other programs: their inputs and outputs element by element, what they refuse,
what is said about them.
"""

import json
import math
import shutil
import statistics

import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax.detectors import (
  CALOCHALLENGE_2,
  CALOCHALLENGE_PHOTONS,
  CALOCHALLENGE_PIONS,
  CALOGAN,
  CLIC,
  LHCB_ECAL,
)
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.methods.state import Method
from calojax.showers import Condition, at
from calojax.training.trained import Generator

for needed in ('onnx', 'onnxruntime', 'flatbuffers'):
  pytest.importorskip(needed)

import onnxruntime

from calojax import export, inference
from calojax.export import adapters, parity, program
from calojax.export.adapters import ddml, par04, rings
from calojax.inference import runtimes, sidecar

LATENT = 8
RINGS = Geometry(
  'calochallenge_photons_like',
  (PolarLayer((0.0, 1.0, 3.0), 3, 0.0), PolarLayer((0.0, 5.0, 7.0, 20.0), 1, 1.0)),
)
MESH = Geometry('mesh', tuple(PolarLayer((0.0, 2.5, 5.0), 3, float(i)) for i in range(4)))
GRID = Geometry('grid', tuple(Layer((4, 3), (2.0, 5.0), 1.0 + 2 * i) for i in range(2)))


def planted(geometry, cells, slopes=0.0, latent=LATENT):
  """A generator whose showers are `cells(noise, condition)`, trained on particles of 1 to 100 GeV
  at the centre or of these slopes.
  """
  sign = np.array([-1.0, 1, 0, 0, 0])
  direction = np.stack([slopes * sign, slopes * np.roll(sign, 2), np.ones(5)], 1)
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  spectrum = Condition(
    np.geomspace(1e3, 1e5, 5), 300 * slopes * np.stack([sign, np.roll(sign, 2)], 1), direction
  )
  method = Method(
    init=never,
    update=never,
    sample=lambda variables, noise, condition: cells(noise, condition),
    latent=latent,
  )
  described = {'fingerprint': '0123456789abcdef', 'provenance': {}}
  return Generator.of(method, {}, geometry, spectrum, step=8, description=described)


def never(*arguments):
  """What must not be called."""
  raise AssertionError(arguments)


def numbered(geometry, **kwargs):
  """Cell i of every shower has i MeV a GeV of the particle's."""
  return planted(
    geometry, lambda noise, c: jnp.arange(geometry.cells) * c.energy[:, None] / 1000, **kwargs
  )


def told(geometry, **kwargs):
  """The first cells hold what the generator was given: noise, energy, position, direction."""

  def cells(noise, c):
    given = jnp.concatenate([noise, c.energy[:, None], c.position, c.direction], 1)
    return jnp.concatenate([given, jnp.zeros((noise.shape[0], geometry.cells - LATENT - 6))], 1)

  return planted(geometry, cells, **kwargs)


def runner(tmp_path, framework, generator, file=None):
  """The session of a framework's file and its adapter."""
  adapter = next(a for a in adapters.chosen([framework], generator) if file in (None, a.file))
  (tmp_path / adapter.file).write_bytes(adapters.model_file(adapter, program.function(generator)))
  return onnxruntime.InferenceSession(str(tmp_path / adapter.file)), adapter


def run(session, *arrays):
  """The output for inputs in the order of the file, as the frameworks give them."""
  inputs = zip(session.get_inputs(), arrays)
  return np.asarray(
    session.run(None, {given.name: np.asarray(array, np.float32) for given, array in inputs})[0]
  )


def par04_vector(noise, energy, degrees):
  """What Par04InferenceSetup::GetEnergies fills."""
  count = len(noise)
  return np.column_stack(
    [
      noise,
      energy / 1_024_000 * np.ones(count),
      degrees / 90 * np.ones(count),
      np.zeros(count),
      np.ones(count),
    ]
  )


@pytest.mark.parametrize('count', [1, 3])
def test_par04_has_the_cells_in_its_order_as_fractions(tmp_path, count):
  session, _ = runner(tmp_path, 'par04', numbered(MESH))
  assert [(i.name, i.shape) for i in session.get_inputs()] == [('input', ['batch', LATENT + 4])]
  found = run(
    session, par04_vector(np.zeros((count, LATENT)), np.array([2e3, 3e3, 5e4])[:count], 90.0)
  )
  assert found.shape == (count, 2 * 3 * 4)
  expected = []
  for r in range(2):
    for phi in range(3):
      for z in range(4):
        expected.append((z * 6 + phi * 2 + r) / 1000)  # a layer has 3 angles of 2 rings
  np.testing.assert_allclose(found, np.tile(expected, (count, 1)), rtol=1e-6)


def test_par04_has_its_cells_where_ours_are():
  mesh = par04._mesh(MESH)
  radius, angle = (
    (np.arange(mesh['rho']) + 0.5) * mesh['rho_mm'],
    (np.arange(mesh['phi']) + 0.5) * 2 * np.pi / mesh['phi'] - np.pi,
  )
  x, y = (
    np.outer(radius, np.cos(angle)),
    np.outer(radius, np.sin(angle)),
  )  # Par04InferenceSetup::GetPositions
  ours = par04._to_mesh(MESH)(jnp.asarray(MESH.positions[:, :2].T)).reshape(2, 2, 3, 4)
  np.testing.assert_allclose(ours, np.stack([x, y])[..., None] * np.ones(4), atol=1e-5)


def test_par04_gives_noise_energy_and_a_trajectory_through_the_middle_of_the_cells(tmp_path):
  noise = np.random.default_rng(0).standard_normal((3, LATENT))
  energy, degrees = np.array([2e3, 3e3, 5e4]), np.array([90.0, 75.0, 100.0])
  geometry = Geometry('one', (PolarLayer((0.0, *range(5, 105, 5)), 1, 150.0),))
  session, _ = runner(tmp_path, 'par04', told(geometry, slopes=0.3))
  given = run(session, par04_vector(noise, energy, degrees)) * energy[:, None]
  np.testing.assert_allclose(given[:, :LATENT], noise, rtol=1e-4, atol=1e-4)
  np.testing.assert_allclose(given[:, LATENT], energy, rtol=1e-6)
  # x of Par04's mesh points to growing polar angles: a particle of a smaller one goes against it
  position, direction = given[:, LATENT + 1 : LATENT + 3], given[:, LATENT + 3 : LATENT + 6]
  np.testing.assert_allclose(
    np.degrees(np.arctan2(direction[:, 0], direction[:, 2])), [0, -15, 10], atol=1e-3
  )
  np.testing.assert_allclose(position + 150 * direction[:, :2] / direction[:, 2:], 0, atol=2e-2)
  session, adapter = runner(
    tmp_path, 'par04', told(geometry)
  )  # a training with perpendicular particles
  given = run(session, par04_vector(noise, energy, degrees)) * energy[:, None]
  np.testing.assert_allclose(
    given[:, LATENT + 1 : LATENT + 6], np.tile([0, 0, 0, 0, 1], (3, 1)), atol=1e-6
  )
  assert 'no influence' in adapter.described['notes'][1]


def test_squares_on_rings_keep_the_energy_and_a_uniform_image():
  layer = LHCB_ECAL.layers[0]
  assert isinstance(layer, Layer)
  sectors, (count, width) = rings.overlap(layer), rings.rings(layer)
  np.testing.assert_allclose(sectors.sum(1), 1, atol=1e-6)
  area = np.repeat(
    np.diff((np.arange(count + 1) * width) ** 2) * np.pi / rings.ANGLES, rings.ANGLES
  )
  density = sectors.sum(0) * math.prod(layer.pitch) / area
  inside = np.repeat(np.arange(1, count + 1) * width < 15 * 20.2, rings.ANGLES)
  np.testing.assert_allclose(density[inside], 1, atol=0.01)
  assert (
    density.max() < 1.01 and density[-rings.ANGLES :].min() < 0.1
  )  # beyond the square there is nothing
  mesh = np.indices((count, rings.ANGLES)).reshape(2, -1) + 0.5
  radius, angle = mesh[0] * width, mesh[1] * 2 * np.pi / rings.ANGLES - np.pi
  moved = (
    sectors @ np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    - layer.positions()[:, :2]
  )
  near = np.hypot(*layer.positions()[:, :2].T) < 5 * 20.2
  assert (
    np.abs(moved[near]).max() < 10.1
  )  # no cell goes anywhere else: by less than half of its side
  assert (
    np.abs(moved.reshape(30, 30, 2)[:15] + moved.reshape(30, 30, 2)[::-1, ::-1][:15]).max() < 1e-3
  )


@pytest.mark.parametrize('geometry, shape', [(LHCB_ECAL, (22, 32, 1)), (GRID, (5, 32, 2))])
def test_par04_of_square_cells(tmp_path, geometry, shape):
  session, adapter = runner(tmp_path, 'par04', numbered(geometry, slopes=0.3))
  mesh = adapter.described['mesh']
  assert (mesh['rho'], mesh['phi'], mesh['z']) == shape
  found = run(
    session, par04_vector(np.zeros((3, LATENT)), np.array([2e3, 3e3, 5e4]), 80.0)
  ).reshape(3, *shape)
  layers = np.arange(geometry.cells).reshape(shape[2], -1) / 1000
  np.testing.assert_allclose(found.sum((1, 2)), np.tile(layers.sum(1), (3, 1)), rtol=1e-4)
  expected = np.stack(
    [cells @ rings.overlap(geometry.layers[0]).astype(float) for cells in layers], 1
  ).reshape(shape)
  np.testing.assert_allclose(found[2], expected, rtol=1e-4, atol=1e-6)


def test_par04_tells_the_mesh_for_its_macro():
  settings = {
    name: '\n'.join(adapters.chosen(['par04'], numbered(geometry))[0].described['settings'])
    for name, geometry in (
      ('lhcb', LHCB_ECAL),
      ('clic', CLIC),
      ('two', CALOCHALLENGE_2),
      ('mesh', MESH),
    )
  }
  for name, lines in (
    (
      'lhcb',
      (
        'setNbOfZCells 1\n',
        'setSizeOfZCells 300 mm',
        'setSizeOfRhoCells 20.2 mm',
        'setSizeLatentVector 8\n',
      ),
    ),
    (
      'clic',
      (
        'setNbOfZCells 25',
        'setSizeOfZCells 4 mm',
        'setSizeOfRhoCells 5.1 mm',
        'setNbOfRhoCells 18',
      ),
    ),
    (
      'two',
      (
        'setNbOfRhoCells 9',
        'setNbOfPhiCells 16',
        'setNbOfZCells 45',
        'setSizeOfRhoCells 4.65 mm',
        'setSizeOfZCells 3.4 mm',
      ),
    ),
    ('mesh', ('# /Par04/inference/setSizeOfZCells: thickness', 'setSizeConditionVector 4')),
  ):
    assert all(line in settings[name] for line in lines), settings[name]


@pytest.mark.parametrize('count', [1, 3])
def test_fastcalosim_has_the_voxels_in_its_order(tmp_path, count):
  session, adapter = runner(tmp_path, 'fastcalosim', numbered(RINGS), 'fastcalosim.High12.onnx')
  assert [(i.name, i.shape) for i in session.get_inputs()] == [
    ('Noise', ['batch', LATENT]),
    ('mycond', ['batch', 1]),
  ]
  found = run(session, np.zeros((count, LATENT)), np.full((count, 1), 0.3))
  expected = []
  for first, radii, alphas in ((0, 2, 3), (6, 3, 1)):
    for ix in range(radii):  # the loops of TFCSEnergyAndHitGANV2::fillEnergy
      for iy in range(alphas):
        expected.append((first + iy * radii + ix) / 1000)
  np.testing.assert_allclose(found, np.tile(expected, (count, 1)), rtol=1e-6)


@pytest.mark.parametrize(
  'name, mass, network, momenta',
  [
    ('photons', 0.0, 'UltraLow12', (64, 4096)),
    ('photons', 0.0, 'High12', (4096, 4194304)),
    ('pions', 139.57039, 'All', (256, 4194304)),
    ('2', 0.51099895, 'High12', (4096, 4194304)),
  ],
)
def test_fastcalosim_scales_noise_and_energy_as_tfcsganetaslice(
  tmp_path, name, mass, network, momenta
):
  geometry = Geometry(f'calochallenge_{name}', (PolarLayer(tuple(range(21)), 2, 0.0),))
  session, adapter = runner(tmp_path, 'fastcalosim', told(geometry), f'fastcalosim.{network}.onnx')
  noise, energy = np.random.default_rng(0).standard_normal((3, LATENT)), np.array([1.3e3, 3e4, 5e4])
  low, high = (math.sqrt(p**2 + mass**2) - mass for p in momenta)
  found = (
    run(session, 0.5 + 0.5 * noise, np.log(energy / low)[:, None] / math.log(high / low))
    * energy[:, None]
  )
  alpha_slower = found.reshape(3, 20, 2).transpose(0, 2, 1).reshape(3, 40)
  np.testing.assert_allclose(alpha_slower[:, :LATENT], noise, atol=1e-5)
  np.testing.assert_allclose(alpha_slower[:, LATENT], energy, rtol=1e-5)
  np.testing.assert_allclose(
    alpha_slower[:, LATENT + 1 : LATENT + 6], np.tile([0, 0, 0, 0, 1], (3, 1)), atol=1e-6
  )
  assert adapter.described['energy_max_mev'] == pytest.approx(high, rel=1e-12)


def test_fastcalosim_gives_every_network_that_the_class_loads():
  files = {
    geometry.name: [a.file for a in adapters.chosen(['fastcalosim'], numbered(geometry))]
    for geometry in (CALOCHALLENGE_PHOTONS, CALOCHALLENGE_PIONS, CALOCHALLENGE_2)
  }
  two = ['fastcalosim.UltraLow12.onnx', 'fastcalosim.High12.onnx']
  assert files == {
    'calochallenge_photons': two,
    'calochallenge_pions': ['fastcalosim.All.onnx'],
    'calochallenge_2': two,
  }


@pytest.mark.parametrize('count', [1, 3])
@pytest.mark.parametrize('latent, width', [(LATENT, 100), (120, 120)])
def test_ddml_has_layer_x_y_in_mev(tmp_path, count, latent, width):
  session, adapter = runner(tmp_path, 'ddml', numbered(GRID, latent=latent))
  assert [(i.name, i.shape) for i in session.get_inputs()] == [
    ('z', ['batch', width, 1, 1, 1]),
    ('E', ['batch', 1, 1, 1, 1]),
  ]
  found = run(
    session,
    np.zeros((count, width, 1, 1, 1)),
    np.array([2.0, 3, 50])[:count].reshape(-1, 1, 1, 1, 1),
  )
  assert found.shape == (count, 2, 4, 3)
  for layer, x, y in np.ndindex(2, 4, 3):
    np.testing.assert_allclose(
      found[:, layer, x, y], (layer * 12 + x * 3 + y) * np.array([2.0, 3, 50])[:count], rtol=1e-6
    )
  assert any('m_tensDims' in note for note in adapter.described['notes']) == (width > 100)
  assert any('half a cell (2.5 mm) too far along y' in note for note in adapter.described['notes'])


def test_ddml_makes_normal_noise_of_uniform(tmp_path):
  geometry = Geometry('one', (Layer((6, 6), (1.0, 1.0), 5.0, (0.0, 0.0)),))
  session, _ = runner(tmp_path, 'ddml', told(geometry))
  uniform = np.array([-1, -1 + 2**-23, -0.999, -0.5, -1e-6, 0.3, 0.99999, 1], np.float32)
  given = run(
    session,
    np.concatenate([uniform, np.full(92, 0.77)]).reshape(1, 100, 1, 1, 1),
    np.full((1, 1, 1, 1, 1), 20.0),
  ).ravel()
  expected = [statistics.NormalDist().inv_cdf((float(u) + 1) / 2) for u in uniform[1:-1]]
  np.testing.assert_allclose(given[1 : LATENT - 1], expected, rtol=2e-5)
  assert (
    given[0] == -given[LATENT - 1] and 5 < given[LATENT - 1] < 6
  )  # the ends, which rounding reaches, are finite
  np.testing.assert_allclose(given[LATENT : LATENT + 6], [2e4, 0, 0, 0, 0, 1], rtol=1e-6)
  dense = np.linspace(-0.9999, 0.9999, 1000, dtype=np.float32)
  expected = [statistics.NormalDist().inv_cdf((float(u) + 1) / 2) for u in dense]
  np.testing.assert_allclose(ddml.normal(dense), expected, rtol=2e-6)


UNEVEN = Geometry(
  'uneven',
  (Layer((4, 4), (1.0, 1.0), 1.0), Layer((4, 4), (1.0, 1.0), 2.0), Layer((4, 4), (1.0, 1.0), 4.0)),
)
PITCHES = Geometry('pitches', (Layer((4, 4), (1.0, 1.0), 1.0), Layer((4, 4), (2.0, 2.0), 2.0)))


@pytest.mark.parametrize(
  'framework, geometry, message',
  [
    (
      'par04',
      CALOGAN,
      'layers that are all alike; those of calogan differ: grids 12x12, 6x12, 96x3',
    ),
    ('par04', CALOCHALLENGE_PHOTONS, 'layers that are all alike'),
    ('par04', PITCHES, 'differ: grids 4x4 of other cell sizes'),
    (
      'par04',
      Geometry('r', (PolarLayer((0.0, 1.0, 3.0), 4, 0.0),)),
      r'rings of equal width .* edges \(0.0, 1.0, 3.0\)',
    ),
    ('par04', UNEVEN, 'layers at equal distances; those of uneven'),
    ('fastcalosim', CLIC, 'layers of rings and angles; those of clic have cells in x and y'),
    (
      'fastcalosim',
      Geometry('r', (PolarLayer((0.0, 1.0), 4, 0.0),)),
      'layer 0 of r has a single ring',
    ),
    (
      'fastcalosim',
      Geometry('r', (PolarLayer((0.0, 1.0, 2.0), 32, 0.0),)),
      'layer 0 of r has 32 angles',
    ),
    (
      'ddml',
      CALOCHALLENGE_2,
      'layers of cells in x and y; those of calochallenge_2 have rings and angles',
    ),
    ('ddml', CALOGAN, 'layers that are all alike'),
    (
      'par05',
      CLIC,
      "no adapter 'par05'; did you mean 'par04'[?] known: par04, fastcalosim, ddml",
    ),
  ],
)
def test_unfit_generators_are_refused_before_anything_is_written(
  tmp_path, framework, geometry, message
):
  generator = planted(geometry, never)
  with pytest.raises(ValueError, match=message):
    export.write(generator, None, tmp_path / 'model', frameworks=[framework])
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
  'framework, geometry', [('par04', MESH), ('fastcalosim', MESH), ('ddml', CLIC)]
)
def test_trainings_on_other_particles_are_refused(framework, geometry):
  generator = numbered(geometry)
  generator.spectrum.position[:, 1] += 7
  with pytest.raises(
    ValueError, match=rf'{framework} .* y = 0; this generator was trained on y from 7 to 7'
  ):
    adapters.chosen([framework], generator)


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
  """The folder of a generator that depends on all of its inputs, with two adapters."""

  def cells(noise, c):
    level = jnp.tanh(noise.mean(1, keepdims=True) + c.position[:, :1] / 10 + c.direction[:, :1]) + 2
    return level * c.energy[:, None] / 100 * (1 + jnp.arange(GRID.cells))

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(parity, 'PIECES', (1, 39))
    patch.setattr(parity, 'COUNT', 40)
    folder = tmp_path_factory.mktemp('export') / 'model'
    lines = []
    export.write(
      planted(GRID, cells, slopes=0.3),
      tiny.config('voxel'),
      folder,
      told=lines.append,
      frameworks=['ddml', 'par04'],
    )
  return folder, lines


def test_the_folder_describes_its_adapters(exported):
  folder, lines = exported
  card, text = sidecar.read(str(folder)), (folder / 'README.md').read_text()
  for name, framework in (('par04.onnx', 'par04'), ('ddml.onnx', 'ddml')):
    file = card['files'][name]
    assert (
      file['format'] == framework
      and file['opset'] == 17
      and file['bytes'] == (folder / name).stat().st_size
    )
    assert (
      file['parity']['draws'] == 40
      and file['parity']['cells'] <= 1e-5 == file['parity']['tolerance']
    )
    assert (
      set(card['adapters'][name]) >= {'class', 'inputs', 'output', 'settings', 'notes'}
      and f'## {name}' in text
    )
    assert any(line.startswith(f'{name}: ') for line in lines)
  assert card['adapters']['par04.onnx']['max_energy_mev'] == 1_024_000
  for piece in (
    '/Par04/inference/setNbOfRhoCells 5',
    'model.CellSizeY = 5.0',
    'uniform from -1 to 1',
    'energy / 1.024e+06 MeV',
    '| ddml.onnx |',
    'from 1000 to 100000 MeV: outside of them nothing is clipped',
  ):
    assert piece in text


def test_a_model_is_never_loaded_from_an_adapter(exported):
  folder, _ = exported
  model = inference.load(folder, 'onnxruntime', threads=1)
  assert runtimes.chosen_file(model.card, 'onnxruntime') == 'generator.opset17.onnx'
  noise = np.random.default_rng(0).standard_normal((3, LATENT))
  shower = model.generate(
    np.full(3, 5e4), np.zeros((3, 2)), np.tile([0.0, 0, 1], (3, 1)), noise=noise
  )
  session = onnxruntime.InferenceSession(str(folder / 'ddml.onnx'))
  cdf = np.vectorize(statistics.NormalDist().cdf)
  z = np.zeros((3, 100, 1, 1, 1))
  z[:, :LATENT, 0, 0, 0] = 2 * cdf(noise) - 1
  np.testing.assert_allclose(
    run(session, z, np.full((3, 1, 1, 1, 1), 50.0)).reshape(3, -1), shower, rtol=1e-5
  )


def test_an_altered_adapter_is_detected(exported, tmp_path):
  shutil.copytree(exported[0], tmp_path / 'model')
  path = tmp_path / 'model' / 'ddml.onnx'
  path.write_bytes(path.read_bytes()[:-1])
  with pytest.raises(ValueError, match='ddml.onnx is truncated or altered'):
    inference.load(tmp_path / 'model')


def test_an_adapter_that_misses_is_refused(tmp_path, monkeypatch):
  generator = numbered(GRID)
  session, adapter = runner(tmp_path, 'ddml', generator)
  wrong = adapter._replace(encode=lambda energies, energy: adapter.encode(1.001 * energies, energy))
  noise, conditions = parity.draws(generator.spectrum, LATENT)
  monkeypatch.setattr(parity, 'PIECES', (3, 37))
  few = parity.Draws(noise[:40], at(conditions, slice(40)))
  generate = program.function(generator)
  assert adapters.compare(adapter, generate, str(tmp_path / 'ddml.onnx'), few, 0)['cells'] < 1e-6
  with pytest.raises(ValueError, match='ddml.onnx is refused: its showers are off by 0.001'):
    adapters.compare(wrong, generate, str(tmp_path / 'ddml.onnx'), few, 0)


@pytest.mark.parametrize(
  'framework, geometry', [('par04', MESH), ('par04', GRID), ('fastcalosim', RINGS), ('ddml', GRID)]
)
def test_draws_for_the_comparison_are_those_of_the_particles(framework, geometry):
  generator = planted(geometry, never, slopes=0.3)
  noise, conditions = parity.draws(generator.spectrum, LATENT)
  for adapter in adapters.chosen([framework], generator):
    found = adapter.decode(
      *map(jnp.asarray, adapter.draw(noise, conditions, np.random.default_rng(0)))
    )
    np.testing.assert_allclose(found[1], conditions.energy, rtol=1e-5)
    if framework == 'ddml':
      assert abs(float(found[0].mean())) < 0.05 and abs(float(found[0].std()) - 1) < 0.05
    else:
      np.testing.assert_allclose(found[0], noise, atol=1e-6)
    if framework == 'par04':
      flat = conditions.direction[:, 1] == 0
      np.testing.assert_allclose(np.asarray(found[3])[flat], conditions.direction[flat], atol=1e-6)


def test_without_adapters_nothing_is_said(exported, tmp_path, monkeypatch):
  monkeypatch.setattr(parity, 'PIECES', (1, 39))
  monkeypatch.setattr(parity, 'COUNT', 40)
  card = export.write(
    numbered(GRID), tiny.config('voxel'), tmp_path / 'model', told=lambda line: None
  )
  assert 'adapters' not in card and {file['format'] for file in card['files'].values()} == {
    'stablehlo',
    'onnx',
  }
  assert 'par04' not in (tmp_path / 'model' / 'README.md').read_text()
  assert 'adapters' not in json.loads((tmp_path / 'model' / 'model.json').read_text())

"""Configs: what each file holds and says of itself, which values do, what older versions wrote."""

import importlib
import json
import math
import pathlib

import ml_collections
import pytest

import tiny
from calojax import config
from calojax.config import of_workdir, rules, shipped
from conftest import ROOT

CONFIGS = ROOT / 'configs'
STORED = pathlib.Path(__file__).parent / 'data' / 'written_by_0.1.0'
RESULTS = {
  entry['config']: entry
  for entry in json.loads((ROOT / 'experiments' / 'results' / 'results.json').read_text())
}


def flat(found) -> dict:
  """A config as JSON holds it, by flat key."""
  return config.flatten(json.loads(found.to_json()))


@pytest.mark.parametrize('name', tiny.SYSTEMS)
def test_every_config_is_locked_and_its_values_do(name):
  found = tiny.full_config(name)
  assert found.is_locked and config.check(found) is found
  assert config.check(tiny.config(name)).format == config.FORMAT
  with pytest.raises(AttributeError, match='seed'):
    found.sead = 1


def test_a_method_has_its_own_room_and_no_other():
  keys = {name: set(flat(room())) for name, room in rules.ROOMS.items()}
  assert set(flat(config.base('gan'))) == keys['library'] < keys['vae']
  assert keys['vae'] - keys['gan'] == {
    'generator.encoder',
    'generator.decoder',
    'weights.reconstruction',
    'weights.kl',
  }
  assert not {key for key in keys['vae'] if key.startswith(('discriminator', 'pretraining'))}


@pytest.mark.parametrize('name', tiny.SYSTEMS)
def test_every_value_of_every_config_has_a_rule(name):
  """Strings too: a value without a rule is a value that nobody judges."""
  ruleless = [key for key in flat(tiny.full_config(name)) if rules.rule_of(key) is None]
  assert not ruleless


NONSENSE = [
  *[('train.steps', value) for value in (0, -1, 2.5, True, '8', 10**12)],
  *[('train.batch', value) for value in (0, -64, 64.0, 10**9)],
  *[('train.discriminator_steps', value) for value in (0, -1, 10**6)],
  *[('train.generator_steps', value) for value in (0, 10**6)],
  *[('train.best_by', value) for value in ('prd', None, 1)],
  *[('train.patience', value) for value in (-1, 0.5)],
  *[(f'train.{period}_every', 0) for period in ('log', 'checkpoint', 'monitor')],
  ('train.steps_per_dispatch', -1),
  *[('latent', value) for value in (0, -3, 10**9, 8.5)],
  *[('optimiser.generator', value) for value in (-1e-4, 0.0, math.inf, math.nan, '1e-4')],
  *[('optimiser.discriminator', value) for value in (-1e-4, math.nan)],
  *[('optimiser.beta1', value) for value in (-0.1, 1.0, math.nan)],
  *[('optimiser.beta2', value) for value in (1.0, 2.0)],
  *[('optimiser.clip', value) for value in (-1.0, math.nan, math.inf)],
  *[('optimiser.cooldown', value) for value in (-0.1, 1.5, math.nan)],
  *[('ema_decay', value) for value in (-0.5, 1.0, 1.5, math.nan)],
  *[('flips', value) for value in (-0.1, 0.5, math.nan)],
  *[('penalised', value) for value in (0.0, 1.5, math.nan)],
  *[('weights.adversarial', value) for value in (-1.0, math.inf, math.nan)],
  *[('pretraining.rate', value) for value in (-1.0, math.nan)],
  ('pretraining.batch', 0),
  ('pretraining.steps', -1),
  *[('transform.parameter', value) for value in (0.0, -1.0, math.nan)],
  *[('data.memory_gib', value) for value in (-1.0, math.nan, math.inf)],
  *[('data.split', value) for value in ((0.5, 0.5), (0.9, 0.9, 0.9), (1.0, 0.0, 0.0), 0.7)],
  ('data.split', (math.nan, 0.5, 0.5)),
  ('data.source', ''),
  ('data.symmetries', 1),
  *[('evaluation.clusters', value) for value in (0, -1, 20.0)],
  *[('evaluation.runs', value) for value in (0, 10**9)],
  ('evaluation.metrics', 'prd'),
  ('evaluation.statistics', 'lhcb'),
  *[('dtype', value) for value in ('float16', 'int8', None, ['float32'])],
  ('seed', -1),
  ('seed', 0.5),
  ('format', 1),
  ('generator.channels', (256, 0, 64, 32)),
  ('generator.channels', (256, 2.5)),
  ('discriminator.attention', 'yes'),
  ('shown', 'response'),
  ('method', ''),
]


@pytest.mark.parametrize('key, value', NONSENSE, ids=lambda part: repr(part))
def test_nonsense_is_refused_in_one_line_that_names_it(key, value):
  found = tiny.full_config('published/cnn')
  with found.unlocked(), found.ignore_type():
    *rooms, last = key.split('.')
    room = found
    for name in rooms:
      room = room[name]
    room[last] = value
  with pytest.raises(ValueError) as refused:
    config.check(found)
  message = str(refused.value)
  assert message.startswith(f'{key} is {value!r}, expected ') and '\n' not in message


def test_every_fault_is_named_at_once():
  found = tiny.config('published/cnn', latent=0, train__batch=-1)
  with pytest.raises(ValueError, match='latent is 0, expected a whole number.*; train.batch is -1'):
    config.check(found)


def test_a_key_that_is_missing_is_named():
  found = tiny.full_config('published/vae')
  with found.unlocked():
    del found.weights['kl'], found.data['split']
  with pytest.raises(ValueError, match='^data.split is missing; weights.kl is missing$'):
    config.check(found)


def test_a_method_of_another_package_keeps_its_keys():
  found = config.base('theirs')
  with found.unlocked():
    found.temperature = -1.0
  assert config.check(found).temperature == -1.0
  found.train.batch = 0
  with pytest.raises(ValueError, match='train.batch is 0'):
    config.check(found)


@pytest.mark.parametrize(
  'path, name',
  [
    (STORED / 'cnn_aux' / 'config.json', 'published/cnn_aux'),
    (STORED / 'vae' / 'config.json', 'published/vae'),
    (STORED / 'shower_library' / 'config.json', 'shower_library'),
    (STORED / 'wgan_regressor.config.json', 'published/wgan_regressor'),
  ],
  ids=lambda part: part if isinstance(part, str) else '',
)
def test_a_config_that_an_older_version_kept_has_the_keys_of_todays(path, name):
  stored = ml_collections.ConfigDict(json.loads(path.read_text()))
  before = stored.to_json()
  migrated = config.check(config.migrated(stored))
  assert set(flat(migrated)) == set(flat(tiny.full_config(name)))
  assert stored.to_json() == before and migrated.is_locked
  written = config.flatten(json.loads(path.read_text()))
  kept = flat(migrated)
  dropped = {key for key in written if kept.get(key, written[key]) != written[key]}
  dropped |= set(written) - set(kept)
  gan = stored.method == 'gan'
  assert dropped <= (set() if gan else {'train.generator_steps', 'optimiser.discriminator'})


def test_a_config_of_today_is_not_migrated():
  found = tiny.config('wgan_regressor')
  assert flat(config.migrated(found)) == flat(found)


@pytest.mark.parametrize('number', [config.FORMAT + 1, 0, 'two', 1.5])
def test_a_format_of_the_future_is_refused_in_one_line(number):
  found = tiny.full_config('published/cnn')
  with found.unlocked(), found.ignore_type():
    found.format = number
  with pytest.raises(ValueError, match=f'has format {number!r}, expected .* to {config.FORMAT}'):
    config.migrated(found)


@pytest.mark.parametrize(
  'text, message',
  [
    ('null', "holds 'null', expected a JSON object"),
    ('[1]', r"holds '\[1\]', expected a JSON object"),
    ('{}', 'data.*is missing|method is missing'),
    ('{"seed"', 'is not JSON'),
    ('', 'is not JSON'),
    ('[' * 100_000, 'is not JSON'),
    ('{"data": 5}', 'is not a config'),
    ('{"optimiser": [], "data": {}}', 'is not a config|missing'),
    ('{"method": ["gan"]}', 'method is '),
    ('{"format": 1e99}', 'has format 1e'),
  ],
)
def test_a_damaged_config_is_refused_in_one_line(text, message):
  with pytest.raises(ValueError, match=message) as refused:
    config.check(config.from_json(text))
  assert '\n' not in str(refused.value)


NEW = [
  *[('data.units', value) for value in ('MeV', 'ParticleMomentum', 'a:MEV', 3, 'a:MeV;b:mm')],
  *[('data.axes', value) for value in ('zx', 'xx', 3, None)],
  *[('data.negative', value) for value in ('', 'abs', 0)],
]


@pytest.mark.parametrize('key, value', NEW, ids=lambda part: repr(part))
def test_words_about_a_file_are_judged_when_they_are_read(key, value):
  test_nonsense_is_refused_in_one_line_that_names_it(key, value)


@pytest.mark.parametrize(
  'key, value',
  [
    ('data.units', 'ParticleMomentum:MeV,ParticlePoint:mm'),
    ('data.units', 'as_written'),
    ('data.axes', '-yx'),
    ('data.negative', 'zero'),
  ],
)
def test_words_about_a_file_that_do(key, value):
  found = tiny.full_config('published/cnn')
  found.data[key.removeprefix('data.')] = value
  assert config.check(found) is found


def measured(entry: dict) -> str:
  """What a config's docstring says of the run that was measured."""
  # A library stores showers: those recorded were asked for the reference's own particles.
  room = 'prd_auc' if 'prd_auc/raw' in entry['figures'] else 'prd_auc_paired'
  score = lambda kind: '{value:.3f} +- {error:.3f}'.format(**entry['figures'][f'{room}/{kind}'])
  spread = entry['figures']['observables/response/std']
  return (
    f'Measured: PRD-AUC{"" if room == "prd_auc" else ", paired,"} raw {score("raw")}, '
    f'physics {score("physics")}, '
    f'spread of the response {spread["value"]:.4f} +- {spread["error"]:.4f} (Geant4 '
    f'{spread["reference"]:.4f}); training {entry["minutes"]:.1f} min ({entry["meta"]["machine"]})'
  )


def as_tuple(value):
  return tuple(map(as_tuple, value)) if isinstance(value, list) else value


@pytest.mark.parametrize('name', tiny.SYSTEMS)
def test_a_docstring_has_the_paper_the_command_and_the_figures_that_were_measured(name):
  text = ' '.join((importlib.import_module(name.replace('/', '.')).__doc__ or '').split())
  assert f'calojax train {name}' in text
  entry, found = RESULTS[name], tiny.full_config(name)
  assert measured(entry) in text
  if name != 'voxel':
    assert any(f' {year}' in text for year in range(2014, 2023)), 'the paper has a year'
  # A run that differed from the config of today says so.
  networks = {
    player: {key: as_tuple(v) for key, v in fields.items()}
    for player, fields in entry['networks'].items()
  }
  differs = {
    f'{key} {entry[key]}' for key in ('steps', 'batch') if entry[key] != found.train[key]
  } | {
    f'width {fields["width"]}'
    for player, fields in networks.items()
    if 'width' in fields and not fields.items() <= found[player].to_dict().items()
  }
  assert all(difference in text for difference in differs), differs
  assert bool(differs) == ('as it was then' in text)
  for player, fields in networks.items():
    same = {key: value for key, value in fields.items() if key != 'width'}
    assert same.items() <= found[player].to_dict().items()


def test_a_config_is_found_by_its_name_and_a_wrong_name_gets_the_near_one(tmp_path, monkeypatch):
  assert pathlib.Path(shipped.path('cnn_aux')).read_text() == (CONFIGS / 'cnn_aux.py').read_text()
  assert shipped.path('configs/cnn.py') == 'configs/cnn.py'
  line = ['main', '--config=vae', '--workdir=x', '--config.latent=3']
  assert shipped.path('published/cnn').endswith('configs/published/cnn.py')
  assert shipped.resolved(line) == ['main', f'--config={shipped.path("vae")}', *line[2:]]
  assert shipped.resolved(['main', '--config', 'vae'])[2] == shipped.path('vae')
  with pytest.raises(ValueError, match="no config 'cnn_axu'; did you mean 'cnn_aux'"):
    shipped.path('cnn_axu')
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'vae').mkdir()
  assert pathlib.Path(shipped.path('vae')).name == 'vae.py', 'a folder does not hide it'


def test_a_workdir_is_a_config_too(tmp_path, monkeypatch):
  kept = tiny.config('published/cnn_aux')
  (tmp_path / 'run').mkdir()
  (tmp_path / 'run' / 'config.json').write_text(kept.to_json())
  monkeypatch.chdir(tmp_path)
  for name in ('run', './run', str(tmp_path / 'run')):
    path = shipped.path(name)
    assert shipped.workdir_of(path) == name and path.endswith(f'of_workdir.py:{name}')
    assert flat(of_workdir.get_config(name)) == flat(kept)
  (tmp_path / 'run').rename('cnn')  # a folder does not hide a config of the package
  assert shipped.path('cnn').endswith('configs/cnn.py')
  assert shipped.workdir_of(shipped.path('cnn')) is None


def test_what_may_change_on_the_way():
  found = config.changes(
    tiny.config('published/cnn'),
    tiny.config('published/cnn', latent=9, train__log_every=4, evaluation__runs=3),
  )
  assert [(str(change), change.free) for change in found] == [
    ('evaluation.runs was 2, now 3', True),
    ('latent was 8, now 9', False),
    ('train.log_every was 2, now 4', True),
  ]

"""The command `calojax`: commands and flags, help, completion, and what the two doors share."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import calojax
from calojax import data, main, spectrum
from calojax.commands import arguments, door, options, usage
from calojax.commands.completion import script
from calojax.showers import Condition, pieces
from conftest import ROOT

pytest.importorskip('onnxruntime')
# By ml_collections, as it reads a config.
LOADED = pytest.mark.filterwarnings('ignore:the load_module:DeprecationWarning')


def run(capsys, *words, code=0):
  """What a command prints, on standard output or, where it is refused, on standard error."""
  assert door.console([str(word) for word in words]) == code
  streams = capsys.readouterr()
  return streams.err if code else streams.out


def refused(capsys, *words) -> str:
  """The one line of a command that is refused."""
  text = run(capsys, *words, code=2)
  assert text.count('\n') == 1 and text.startswith('calojax: '), text
  return text


@pytest.mark.parametrize(
  'words, expected',
  [
    ([], ['no command', 'train']),
    (['smaple'], ["'smaple'", "did you mean 'sample'"]),
    (['train'], ['calojax train needs --config']),
    (['train', 'cnn_axu'], ["'cnn_axu'", "did you mean 'cnn_aux'"]),
    (['train', 'cnn', 'stray'], ["'stray'"]),
    (['train', 'cnn', '--wrokdir=x'], ['--wrokdir', 'did you mean --workdir?']),
    (['train', 'cnn', '--workdir'], ['--workdir has no value']),
    (['train', 'cnn', '--undefok=foo', '--foo=1'], ['--undefok']),
    (['train', 'cnn', '--count=3'], ['--count=3', 'expected calojax sample']),
    (['train', 'cnn', '--config.evaluation.cluster=3'], ['did you mean evaluation.clusters?']),
    (['train', 'published/cnn', '--config.optimser.generator=1'], ['mean optimiser.generator?']),
    (['train', 'cnn', '--config.train.steps=many'], ['many', 'train.steps']),
    (['evaluate'], ['calojax evaluate needs --workdir']),
    (['sample', '--count=3', '--output=o.h5'], ['--model', '--workdir']),
    (['sample', 'lhcb_ecal', '--count=3'], ['needs --output']),
    (['sample', 'lhcb_ecal', '--output=o.h5'], ['--conditions', '--count']),
    (['sample', 'lhcb_ecal', '--count=3', '--output=o.csv'], ['o.csv', '.h5, .hdf5, .npz']),
    (['sample', 'lhcb_ecla', '--count=3', '--output=o.h5'], ['lhcb_ecla']),
    (['sample', 'lhcb_ecal', '--workdir=x', '--count=3', '--output=o.h5'], ['--workdir']),
    (['sample', 'lhcb_ecal', '--output=o.h5', '--count=3', '--energy=a:b'], ["'a:b'", 'GeV']),
    (['sample', 'lhcb_ecal', '--output=o.h5', '--count=3', '--energy=9:5'], ['lowest first']),
    (['sample', 'lhcb_ecal', '--output=o.h5', '--count=3', '--theta=95'], ['95', 'below 90']),
    (
      ['sample', 'lhcb_ecal', '--output=o.h5', '--conditions=p.csv', '--energy=5'],
      ['--energy=5 beside --conditions'],
    ),
    (['simulate', '--events=0', '--output=o.h5'], ['--events is 0']),
    (['simulate', '--events=3', '--output=o.txt'], ['o.txt', '.npz']),
    (['list', 'model'], ["did you mean 'models'"]),
    (['--completion=csh'], ["no shell 'csh'"]),
  ],
  ids=' '.join,
)
@LOADED
def test_bad_words_are_refused_in_one_line(capsys, tmp_path, monkeypatch, words, expected):
  monkeypatch.chdir(tmp_path)
  line = refused(capsys, *words)
  assert all(word in line for word in expected), line
  assert not list(tmp_path.iterdir())


def test_every_command_has_help_with_an_example_and_all_its_flags(capsys):
  text = run(capsys, '--help')
  assert all(f'  {name}' in text for name in options.COMMANDS)
  for name, command in options.COMMANDS.items():
    text = run(capsys, name, '--help')
    assert f'\n  calojax {name} ' in text or f'\n  calojax {name}\n' in text
    assert all(f'  --{option.name}' in text for option in command.options)
  assert run(capsys, '--version') == 'calojax 0.1.0\n'


def test_examples_of_the_help_are_understood(monkeypatch):
  monkeypatch.chdir(ROOT)
  for name, command in options.COMMANDS.items():
    for example in command.examples:
      first, second, *words = example.split()
      assert (first, second) == ('calojax', name)
      if not any('my_' in word for word in words) and name != 'train':
        arguments.parsed(name, words)
    assert all(option.help.endswith('.') for option in command.options)


@LOADED
def test_both_doors_read_the_same(monkeypatch):
  words = ['--workdir', 'runs/x', '--config.train.steps=7', '--nodebug', '--config=cnn']
  new = arguments.parsed('train', ['cnn', *words[:-1]])
  mode, rest = main.divided(['--mode', 'train', *words])
  old = arguments.parsed(mode, rest, '--mode=')
  for asked in (new, old):
    assert asked.values.config.train.steps == 7 and asked.values.workdir == 'runs/x'
    assert not asked.values.debug
  assert (str(new), str(old)) == ('calojax train', '--mode=train')
  assert arguments.parsed('sample', ['m', '--x', '-3.5']).values.x == '-3.5'


@LOADED
def test_names_in_a_config_are_a_list_with_commas():
  words = ['cnn', '--config.evaluation.metrics=prd, response', '--config.data.units=E:GeV,p:MeV']
  config = arguments.parsed('train', words).values.config
  assert config.evaluation.metrics == ('prd', 'response') and config.data.units == 'E:GeV,p:MeV'


def test_help_of_the_old_door_names_all_flags(capsys):
  assert main.command_line(['calojax.main', '--help']) == 0
  text = capsys.readouterr().out
  assert all(usage.of_command(name) in text for name in options.COMMANDS)


@pytest.mark.parametrize('shell', ['bash', 'zsh', 'fish'])
def test_completion_names_commands_and_flags(shell):
  text = script(shell)
  assert all(re.search(rf'\b{name}\b', text) for name in options.COMMANDS)
  assert 'overwrite' in text and 'lhcb_ecal' in text and 'cnn_aux' in text
  if shutil.which(shell):
    subprocess.run(
      [shell, '-n' if shell != 'fish' else '--no-execute'], input=text, text=True, check=True
    )


@pytest.mark.skipif(not shutil.which('bash'), reason='needs bash')
@pytest.mark.parametrize(
  'words, expected',
  [
    ('tr', 'train'),
    ('sample --ene', '--energy='),
    ('export --over', ''),
    ('train autor', 'autoregressive'),
    ('sample lh', 'lhcb_ecal'),
  ],
)
def test_bash_completes(words, expected):
  given = ['calojax', *words.split()]
  lines = [
    script('bash'),
    f'COMP_WORDS=({" ".join(given)}); COMP_CWORD={len(given) - 1}',
    '_calojax 2> /dev/null; echo ${COMPREPLY[@]}',
  ]
  done = subprocess.run(['bash'], input='\n'.join(lines), capture_output=True, text=True)
  assert done.stdout.split() == expected.split()


def test_the_console_is_light_and_ends_with_its_code():
  code = (
    'import sys; from calojax import console; sys.argv = ["calojax", *sys.argv[1:]]; console.main()'
  )
  command = [sys.executable, '-X', 'importtime', '-c', code]
  done = subprocess.run([*command, 'sample', '--help'], cwd=ROOT, capture_output=True, text=True)
  loaded = {line.rsplit('|', 1)[-1].strip() for line in done.stderr.splitlines()}
  assert done.returncode == 0 and '--energy=E|LOW:HIGH' in done.stdout
  assert not loaded & {'jax', 'flax', 'matplotlib', 'h5py', 'numpy', 'sklearn'}
  done = subprocess.run(
    [*command[:1], *command[3:], 'smaple'], cwd=ROOT, capture_output=True, text=True
  )
  assert done.returncode == 2 and "did you mean 'sample'" in done.stderr


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='needs /dev/full')
def test_nobody_who_reads_is_no_error_and_a_full_disk_is():
  command = f'{sys.executable} -m calojax.console list'
  lines = f'{command} | true; echo ${{PIPESTATUS[0]}}\n{command} > /dev/full; echo $?'
  done = subprocess.run(['bash', '-c', lines], cwd=ROOT, capture_output=True, text=True)
  assert done.stdout.split() == ['141', '2']
  assert done.stderr.count('\n') == 1 and 'No space left on device' in done.stderr


# Particles that are asked for.


def sampled(capsys, path, *words):
  """What `calojax sample` has written."""
  assert '40 showers' in run(
    capsys, 'sample', 'lhcb_ecal', '--count=40', f'--output={path}', *words
  )
  return data.load(path)


def angles(condition):
  """The angles theta and phi, degrees."""
  x, y, z = condition.direction.T.astype(float)
  return np.degrees(np.arctan2(np.hypot(x, y), z)), np.degrees(np.arctan2(y, x))


def test_one_energy_and_angle(capsys, tmp_path):
  fixed = ('--energy=20', '--theta=10', '--phi=45', '--x=0', '--y=3')
  found = sampled(capsys, tmp_path / 'a.h5', *fixed)
  energy, position, _ = found.showers.condition
  theta, phi = angles(found.showers.condition)
  assert (energy == 20_000).all() and (position == [0, 3]).all()
  np.testing.assert_allclose(theta, 10, atol=1e-4)
  np.testing.assert_allclose(phi, 45, atol=1e-3)
  assert found.provenance['particles']['energy [MeV]'] == 20_000
  showers = calojax.load('lhcb_ecal').sample(40, energy=20e3, theta=10.0, phi=45.0, x=0.0, y=3.0)
  np.testing.assert_allclose(showers.energies, found.showers.energies, rtol=1e-4, atol=1e-2)


def test_a_range_is_drawn_and_the_rest_stays_the_training_spectrum(capsys, tmp_path):
  usual = sampled(capsys, tmp_path / 'a.h5').showers.condition
  ranged = sampled(capsys, tmp_path / 'b.h5', '--energy=5:50').showers.condition
  assert 5e3 <= ranged.energy.min() < ranged.energy.max() <= 50e3
  np.testing.assert_array_equal(usual.position, ranged.position)
  np.testing.assert_array_equal(usual.direction, ranged.direction)


def test_laws_of_the_ranges():
  one = Condition.of(1e3)
  ranges = {'energy': spectrum.Range(1e3, 1e5), 'theta': spectrum.Range(0, 20)}
  found = spectrum.asked(one, ranges, 20_000, 3)
  # Log-uniform: as many in each decade; uniform: mean and half of the width.
  assert np.mean(found.energy < 1e4) == pytest.approx(0.5, abs=0.015)
  theta, phi = angles(found)
  assert theta.mean() == pytest.approx(10, abs=0.2) and theta.max() <= 20.001
  # The azimuth of a particle along z is uniform.
  assert phi.min() < -179 and phi.max() > 179 and np.abs(np.cos(np.radians(phi)).mean()) < 0.03
  again = spectrum.asked(one, {**ranges, 'x': 3.0}, 20_000, 3)
  np.testing.assert_array_equal(again.energy, found.energy)
  np.testing.assert_array_equal(again.direction, found.direction)
  assert (again.position == [3, 0]).all()


def test_values_broadcast():
  one = Condition.of(1e3)
  found = spectrum.asked(one, {'energy': [1e3, 2e3, 3e3], 'y': 4.0})
  assert found.energy.tolist() == [1e3, 2e3, 3e3] and (found.position == [0, 4]).all()
  assert len(spectrum.asked(one, {'energy': 2e3}).energy) == 1
  for wanted, message in (
    ({'energy': [1e3, 2e3], 'x': [1.0, 2.0, 3.0]}, '2 values of energy for 3'),
    ({'energy': -1.0}, 'energy is -1.0 MeV'),
    ({'enrgy': 1.0}, "did you mean 'energy'"),
    ({'phi': float('nan')}, 'phi is nan'),
  ):
    with pytest.raises(ValueError, match=message):
      spectrum.asked(one, wanted)


def test_particles_drawn_from_a_file(capsys, tmp_path):
  (tmp_path / 'beam.csv').write_text('energy[GeV],x,y\n10,1,2\n30,3,4\n')
  found = sampled(capsys, tmp_path / 'a.h5', f'--spectrum={tmp_path}/beam.csv', '--y=5')
  assert set(found.showers.condition.energy.tolist()) == {10e3, 30e3}
  assert set(found.showers.condition.position[:, 0].tolist()) == {1, 3}
  assert set(found.showers.condition.position[:, 1].tolist()) == {5}
  assert found.provenance['spectrum'] == 'beam.csv'


# Files by their endings.


def test_an_output_is_not_overwritten_unasked(capsys, tmp_path):
  path = tmp_path / 'a.h5'
  words = ('sample', 'lhcb_ecal', '--count=3', f'--output={path}')
  run(capsys, *words)
  before = path.read_bytes()
  assert 'a.h5 is there' in refused(capsys, *words, '--seed=2') and path.read_bytes() == before
  run(capsys, *words, '--seed=2', '--overwrite')
  assert path.read_bytes() != before


@pytest.mark.parametrize('layout', ['calojax', 'lhcb'])
@pytest.mark.parametrize(
  'ending, library', [('npz', 'numpy'), ('parquet', 'pyarrow'), ('root', 'uproot')]
)
def test_showers_come_back_from_every_kind_of_file(
  tmp_path, few, embedded, ending, library, layout
):
  pytest.importorskip(library)
  path = tmp_path / f'a.{ending}'
  with data.writer(path, embedded.geometry, {'seed': 3}, layout) as writer:
    for part in pieces(few, 100):
      writer.append(part)
  found = data.load(path)
  assert found.geometry == embedded.geometry and found.provenance == {'seed': 3}
  np.testing.assert_array_equal(found.showers.energies, few.energies)
  for mine, theirs in zip(found.showers.condition, few.condition):
    np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-5)
  np.testing.assert_array_equal(data.read(path, 5, 9).showers.energies, few.energies[5:9])
  assert len(data.conditions(path).energy) == len(few.energies)
  assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize('ending, extra', [('parquet', 'parquet'), ('root', 'uproot')])
def test_a_library_that_is_missing_is_named_by_its_extra(tmp_path, monkeypatch, ending, extra):
  monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
  with pytest.raises(ValueError, match=rf'pip install "calojax\[{extra}\]"'):
    data.check_output(tmp_path / f'a.{ending}')


def test_a_broken_write_leaves_nothing(tmp_path, few, embedded):
  with (
    pytest.raises(KeyboardInterrupt),
    data.writer(tmp_path / 'a.npz', embedded.geometry, {}) as w,
  ):
    w.append(few)
    raise KeyboardInterrupt
  assert not list(tmp_path.iterdir())

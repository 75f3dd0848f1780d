"""Geant4's data sets: found, asked for in one line, or downloaded, before the binding can ask on
standard input.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import subprocess
import sys

EXTRA = 'geant4-pybind is not installed, expected the extra geant4: pip install "calojax[geant4]"'
# Environment variable and folder (a version follows) of the sets that electromagnetic physics asks
# for. The last two only have to be there.
NEEDED = {
  'G4LEDATA': 'G4EMLOW',
  'G4ENSDFSTATEDATA': 'G4ENSDFSTATE',
  'G4LEVELGAMMADATA': 'PhotonEvaporation',
  'G4PARTICLEXSDATA': 'G4PARTICLEXS',
}
UNUSED = (
  'G4NEUTRONHPDATA',
  'G4RADIOACTIVEDATA',
  'G4PIIDATA',
  'G4REALSURFACEDATA',
  'G4SAIDXSDATA',
  'G4ABLADATA',
  'G4INCLDATA',
  'G4CHANNELINGDATA',
)
ROOT = 'GEANT4_DATA_DIR'  # where it is set, the binding leaves the search to Geant4, asks nothing


def installed() -> None:
  """Raises ValueError unless the binding is installed; does not import it."""
  if importlib.util.find_spec('geant4_pybind') is None:
    raise ValueError(EXTRA)


def environment() -> dict[str, str]:
  """The variables that Geant4 and its binding need, each naming a folder that exists.

  A set is looked for in its own variable, then in the folder GEANT4_DATA_DIR, then where the
  binding downloads to.

  Raises:
    ValueError: a set is missing; the message says how to get it.
  """
  found = {variable: _folder(variable, name) for variable, name in NEEDED.items()}
  missing = [variable for variable, folder in found.items() if folder is None]
  if missing:
    raise ValueError(
      f'Geant4 data sets are missing ({", ".join(missing)}): run '
      f'"python -m calojax.simulate --download" to put them into {_downloads()}, or set {ROOT} '
      f'to the folder that holds {", ".join(NEEDED[v] for v in missing)} (from https://geant4.web.cern.ch/download)'
    )
  folders = {variable: str(folder) for variable, folder in found.items()}
  root = os.environ.get(ROOT, '')
  return {**folders, ROOT: root if os.path.isdir(root) else os.path.dirname(folders['G4LEDATA'])}


def download() -> str:
  """Has the binding download the sets that are needed, about 1 GB; returns their folder.

  Raises:
    ValueError: the binding is not installed, or a set is still missing afterwards.
  """
  installed()
  blank = {key: value for key, value in os.environ.items() if key not in (ROOT, *NEEDED)}
  process = subprocess.run(
    [sys.executable, '-c', 'import geant4_pybind'],
    input='y\n',
    text=True,
    stdout=sys.stderr,
    stderr=subprocess.PIPE,
    env={**blank, **dict.fromkeys(UNUSED, 'not needed')},
  )
  missing = [name for name in NEEDED.values() if not _versions(_downloads(), name)]
  if process.returncode or missing:
    reason = process.stderr.strip().splitlines()[-1:] or [f'{", ".join(missing)} did not arrive']
    raise ValueError(f'download failed: {reason[0]}')
  return str(_downloads())


def _downloads() -> pathlib.Path:
  return pathlib.Path.home() / '.geant4_pybind'


def _folder(variable: str, name: str) -> pathlib.Path | None:
  """Where a set lies, or None."""
  if variable in os.environ:
    folder = pathlib.Path(os.environ[variable])
    return folder if folder.is_dir() else None
  roots = [pathlib.Path(os.environ[ROOT])] if os.environ.get(ROOT) else []
  places = [
    place for root in (*roots, _downloads()) for place in (root / variable, *_versions(root, name))
  ]
  return next((place for place in places if place.is_dir()), None)


def _versions(root: pathlib.Path, name: str) -> list[pathlib.Path]:
  """Folders of a set, the newest first."""
  return sorted(root.glob(f'{name}[0-9]*'), reverse=True) if root.is_dir() else []

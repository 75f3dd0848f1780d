"""Files and folders that are there whole or not at all, that are what was written, and that one
process at a time works in.
"""

from calojax.files.aside import folder_aside, named, write_text, written_aside
from calojax.files.digest import check_digests, damage, write_digests
from calojax.files.disk import Steadfast, check_room
from calojax.files.lease import Lease

__all__ = [
  'Lease',
  'Steadfast',
  'check_digests',
  'check_room',
  'damage',
  'folder_aside',
  'named',
  'write_digests',
  'write_text',
  'written_aside',
]

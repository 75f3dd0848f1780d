"""Links of notebooks to pages, which lead to files for whoever reads them elsewhere."""

import re
from typing import Any


def on_page_content(html: str, page: Any, **_: Any) -> str:
  """The page's HTML; a notebook's links to `NAME.md` lead to `NAME.html`."""
  if not page.file.src_path.endswith('.ipynb'):
    return html
  return re.sub(r'href="(\w+)\.md([#"])', r'href="\1.html\2', html)

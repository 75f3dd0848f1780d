"""An evaluation to read: `verdict` the table, `html` the page, `latex`, `folder` all of them."""

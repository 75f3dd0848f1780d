"""The presentation of an evaluation: table, page, LaTeX."""

"""From a trained generator to a folder that other programs run: StableHLO and ONNX, checked, with a
description.

The way of a generator through the files: `program` makes it one function of arrays and StableHLO of
that; `flatten` writes the function down as a list of primitives, `primitives` says which rule makes
nodes of each (`elementwise`, `arrays`, `products` with `phases`), `graph` holds the nodes and
`onnx_file` makes a file of them. `parity` compares every file with the training code, `description`
says what is known of it for programs and `card` for people, `folder` does it all in order;
`adapters` holds the conventions of other programs.
"""

from calojax.export import adapters
from calojax.export.folder import check, write

__all__ = ['adapters', 'check', 'write']

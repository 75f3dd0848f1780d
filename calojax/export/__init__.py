"""From a trained generator to a folder that other programs run: StableHLO and ONNX, checked, with a
description.
"""

from calojax.export import adapters
from calojax.export.folder import check, write

__all__ = ['adapters', 'check', 'write']

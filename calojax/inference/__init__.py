"""Showers from a trained generator, with nothing of its training."""

from calojax.inference.model import Exported, Model, load

__all__ = ['Exported', 'Model', 'load']

"""Showers from a trained generator, with nothing of its training."""

from calojax.inference.model import Model, load

__all__ = ['Model', 'load']

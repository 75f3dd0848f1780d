"""Generative fast simulation of electromagnetic calorimeters: train, judge, ship."""

__version__ = '0.1.0'

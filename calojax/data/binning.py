"""Geometries from and to the `binning.xml` of CaloChallenge."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree

import numpy as np

from calojax.files import named, write_text
from calojax.geometry import Geometry, PolarLayer
from calojax.registry import find

LARGEST = 2**20  # bytes; the published ones have some 20 kB
PDG = {'photon': 22, 'electron': 11, 'pion': 211}


def geometry_from_xml(path: str | os.PathLike, particle: str) -> Geometry:
  """The layers with cells of one particle, called by its name or PDG code; a layer's depth is its
  number.

  Raises:
    ValueError: a file that is missing or no such XML, a particle that is not in it, or bins that
      are none.
  """
  bins = {}
  for element in _root(path):
    bins |= {element.get(key): element for key in ('pid', 'name') if element.get(key)}
  with named(path):
    found = find(bins, particle, 'particle')
  for element in found:  # a misspelt one would be a layer less, and other voxels
    if element.tag != 'Layer':
      raise ValueError(f'{path}: element {element.tag!r} of particle {particle!r}, expected Layer')
  layers = [_layer(element, path) for element in found]
  numbers = [layer.depth for layer in layers]
  if numbers != sorted(set(numbers)):
    raise ValueError(
      f"{path}: layers' id {numbers} of particle {particle!r}, expected increasing numbers"
    )
  layers = tuple(layer for layer in layers if layer.cells)
  if not layers:
    raise ValueError(
      f'{path}: particle {particle!r} has no layer with cells, expected at least one'
    )
  return Geometry(f'calochallenge_{particle}', layers)


def write_xml(path: str | os.PathLike, geometry: Geometry, particle: str) -> None:
  """Writes the inverse of `geometry_from_xml`; numbers without a layer become layers without cells,
  as published.

  Raises:
    ValueError: layers that are not polar, or whose depths are not increasing whole numbers.
  """
  polar = geometry.polar_layers()
  layers = {layer.depth: layer for layer in polar}
  if (
    list(layers) != sorted(layers)
    or len(layers) < len(polar)
    or any(d < 0 or d % 1 for d in layers)
  ):
    raise ValueError(
      f'depths {[layer.depth for layer in polar]}, expected increasing whole numbers: the layers'
    )
  root = ElementTree.Element('Bins')
  attributes = {'pid': str(PDG[particle])} if particle in PDG else {}
  element = ElementTree.SubElement(root, 'Bin', attributes | {'name': particle})
  for number in range(int(max(layers)) + 1):
    layer = layers.get(number, PolarLayer((0.0,), 1, number))
    edges = ','.join(repr(float(edge)).removesuffix('.0') for edge in layer.edges)
    ElementTree.SubElement(
      element, 'Layer', {'id': str(number), 'r_edges': edges, 'n_bin_alpha': str(layer.angles)}
    )
  ElementTree.indent(root)
  write_text(path, ElementTree.tostring(root, encoding='unicode') + '\n')


def _root(path: str | os.PathLike) -> ElementTree.Element:
  """The element `Bins`. A document type is refused: entities could expand without end."""
  try:
    with open(path, encoding='utf-8') as file:
      text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
      raise ValueError(f'it has more than {LARGEST >> 20} MiB')
    if '<!DOCTYPE' in text:
      raise ValueError('it has a document type')
    root = ElementTree.fromstring(text)
  except (OSError, ValueError, ElementTree.ParseError) as error:
    raise ValueError(
      f'{path}: cannot be read, expected an XML file without document type: {error}'
    ) from None
  if root.tag != 'Bins':
    raise ValueError(f'{path}: element {root.tag!r}, expected Bins')
  return root


def _layer(element: ElementTree.Element, path: str | os.PathLike) -> PolarLayer:
  """The layer of an element `Layer`; one edge alone means a layer without cells."""
  values = {key: element.get(key, '') for key in ('id', 'r_edges', 'n_bin_alpha')}
  try:
    number, angles = int(values['id']), int(values['n_bin_alpha'])
    edges = np.array(values['r_edges'].split(','), float)
  except ValueError:
    raise ValueError(
      f'{path}: layer {values}, expected a number id, radii r_edges and a number n_bin_alpha'
    ) from None
  if (
    number < 0
    or angles < 1
    or edges[0] < 0
    or not np.all(np.isfinite(edges))
    or np.any(np.diff(edges) <= 0)
  ):
    raise ValueError(
      f'{path}: layer {values}, expected id >= 0, n_bin_alpha >= 1 and increasing radii '
      'r_edges >= 0'
    )
  return PolarLayer(tuple(edges.tolist()), angles, float(number))

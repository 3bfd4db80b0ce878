"""Pictures that read the same for a neuron and for a unit of a network."""

from homologue.plot._barcode import barcode
from homologue.plot._cloud import cloud
from homologue.plot._coordinate import coordinate
from homologue.plot._dose_response import dose_response
from homologue.plot._unit import unit

__all__ = ["barcode", "cloud", "coordinate", "dose_response", "unit"]

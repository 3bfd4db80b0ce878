"""Pictures that read the same for a neuron and for a unit of a network."""

from homologue.plot._dose_response import dose_response
from homologue.plot._unit import unit

__all__ = ["dose_response", "unit"]

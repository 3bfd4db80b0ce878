"""Pictures that read the same for a neuron and for a unit of a network."""

__all__: list[str] = []

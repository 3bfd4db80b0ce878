"""Pictures: photographs in crops and patches, gratings, noise, handwritten digits."""

from homologue.stimuli.images._digits import digits
from homologue.stimuli.images._drawn import gratings, white_noise
from homologue.stimuli.images._photographs import (
    PHOTOGRAPHS,
    natural_patches,
    photograph,
    photographs,
)
from homologue.stimuli.images._pixels import luminance, resize

__all__ = [
    "PHOTOGRAPHS",
    "digits",
    "gratings",
    "luminance",
    "natural_patches",
    "photograph",
    "photographs",
    "resize",
    "white_noise",
]

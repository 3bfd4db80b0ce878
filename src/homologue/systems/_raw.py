"""The raw stimulus as a system: what the characters or the pixels already hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError
from homologue.stimuli import Stimuli
from homologue.systems._inputs import characters, pixels


@dataclass(frozen=True)
class Raw:
    """A system that passes its stimuli on; of kind ``input``, shown and never voting.

    Attributes
    ----------
    name : str
        ``"characters"`` or ``"pixels"``.
    modality : str
        What it takes: ``"text"`` or ``"image"``.
    features : callable
        Stimulus items to a recording of kind ``input``.
    """

    name: str
    modality: str
    features: Callable[..., xr.DataArray]
    kind: str = "input"
    licence: str = "that of the stimuli"
    citation: str = ""
    source: str = "the stimuli themselves"

    @property
    def family(self) -> str:
        """What counts once: the name."""
        return self.name

    def record(self, stimuli: Stimuli, **options: Any) -> xr.DataArray:
        """Return the stimuli as rows of features, with their labels and groups.

        Parameters
        ----------
        stimuli : Stimuli
        **options
            Those of :func:`homologue.systems.inputs.pixels` or ``characters``.

        Raises
        ------
        HomologueError
            Stimuli of another kind.
        """
        if stimuli.modality != self.modality:
            raise HomologueError(
                f"{self.name} takes {self.modality} stimuli; {stimuli.name!r} holds "
                f"{stimuli.modality}"
            )
        labels: dict[str, Any] = {
            "variables": dict(stimuli.variables),
            "group": stimuli.group,
            "stimulus": xr.Variable(("sample",), np.arange(len(stimuli))),
        }
        if stimuli.block is not None:
            labels["block"] = stimuli.block
        return recording.validate(self.features(stimuli.items, **labels, **options))


def text() -> Raw:
    """Return the system ``characters``: counts of the characters of a text."""
    return Raw("characters", "text", characters)


def image() -> Raw:
    """Return the system ``pixels``: a picture averaged down to 16 × 16."""
    return Raw("pixels", "image", pixels)

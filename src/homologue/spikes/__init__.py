"""Spike times as NWB stores them, and the two ways from them to a recording.

:class:`Spikes` holds one flat array of times for all units, the position where each unit ends,
and when each unit was observed. ``spikes.bin(width)`` makes a recording of the whole session;
``spikes.align(events, window=(before, after))`` cuts it around events and gives an
:class:`Aligned`, whose ``bin`` and ``count`` make recordings of trials.

Everything runs over the flat array at once: no Python loop over units, events or spikes.
"""

from homologue.spikes._align import Aligned
from homologue.spikes._spikes import Spikes

__all__ = ["Aligned", "Spikes"]

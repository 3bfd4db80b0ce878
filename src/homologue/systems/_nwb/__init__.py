"""NWB files in bulk: read with h5py, by path, URL or DANDI id; written with pynwb."""

from homologue.systems._nwb._session import NWB, nwb
from homologue.systems._nwb._write import to_nwb

__all__ = ["NWB", "nwb", "to_nwb"]

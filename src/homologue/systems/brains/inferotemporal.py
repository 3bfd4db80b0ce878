"""Macaque inferotemporal cortex: 132 neurons, 7 objects at 3 positions (Zhang 2011).

The neurons were recorded in 21 sessions, with the same 21 stimuli about 20 times each, in an
order of its own in each session. The k-th presentation of a stimulus in one session is joined
with the k-th in the others: a pseudo-population, ``simultaneous=False``.
"""

from __future__ import annotations

import numpy as np
import scipy.io
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError, UnknownName, nearest
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, packaged


def read(window: tuple[float, float] = (0.1, 0.3), sample: str = "trial") -> xr.DataArray:
    """Return firing rates to each object, by pseudo-trial.

    Parameters
    ----------
    window : tuple of float
        From and to, s after stimulus onset; the mean over the file's bins (150 ms wide, every
        50 ms) that lie in it.
    sample : {"trial", "lag"}
        One sample a pseudo-trial (mean over the window), or one a pseudo-trial and bin, all 18
        bins, with ``trial`` and ``lag``.

    Returns
    -------
    xarray.DataArray
        Samples × 132 neurons, spikes/s. On ``sample``: ``object`` (7), ``position`` (3),
        ``stimulus`` (their combination), group = pseudo-trial.

    Raises
    ------
    HomologueError
        No bin lies in the window.

    Notes
    -----
    Pseudo-trials carry no trial-to-trial correlation between sessions: covariance claims do
    not apply. Neurons of one session do share trials.
    """
    if sample not in ("trial", "lag"):
        raise UnknownName(f"sample {sample!r} is not known" + nearest(sample, ("trial", "lag")))
    file = scipy.io.loadmat(_assets.fetch("inferotemporal"))
    info = file["binned_site_info"][0, 0]
    begin, width = _bins(info)
    inside = (begin >= window[0] - 1e-9) & (begin + width <= window[1] + 1e-9)
    if sample == "trial" and not inside.any():
        raise HomologueError(
            f"no bin lies in {window} s after onset; bins are {width} s wide and begin at "
            f"{begin[0]:.2f} … {begin[-1]:.2f} s"
        )
    labels = file["binned_labels"][0, 0]["combined_ID_position"].ravel()
    stimuli = sorted({str(label[0]) for label in labels[0].ravel()})
    per_unit = [
        _by_stimulus(binned, np.array([str(x[0]) for x in label.ravel()]), stimuli)
        for binned, label in zip(file["binned_data"].ravel(), labels, strict=True)
    ]
    repeats = min(len(part) for unit in per_unit for part in unit)
    # (stimulus, repeat, bin, unit), spikes/s: the file holds spikes per ms.
    rates = 1000 * np.stack([np.stack([p[:repeats] for p in unit]) for unit in per_unit], axis=-1)
    code = np.repeat(np.arange(len(stimuli)), repeats)
    if sample == "trial":
        activity = rates[:, :, inside].mean(axis=2).reshape(code.size, -1)
        clock: dict[str, xr.Variable] = {}
        trial = np.arange(code.size)
    else:
        bins = begin.size
        activity = rates.reshape(code.size * bins, -1)
        trial = np.repeat(np.arange(code.size), bins)
        code = np.repeat(code, bins)
        lag = np.tile(begin + width / 2, trial[-1] + 1)
        clock = {"trial": recording.variable(trial), "lag": recording.variable(lag, units="s")}
    objects = sorted({name.split("_")[0] for name in stimuli})
    positions = ["upper", "middle", "lower"]
    which = np.array([objects.index(name.split("_")[0]) for name in stimuli])
    where = np.array([positions.index(name.split("_")[1]) for name in stimuli])
    sessions = info["session_ID"].ravel().astype(int)
    channels = info["recording_channel"].ravel().astype(int)
    letters = [str(letter[0]) for letter in info["unit"].ravel()]
    return recording.make(
        activity,
        unit=[f"{s}-{c}{x}" for s, c, x in zip(sessions, channels, letters, strict=True)],
        site="inferotemporal cortex",
        stimulus=np.array(stimuli)[code],
        group=trial,
        variables={
            "object": recording.variable(which[code], categories=objects),
            "position": recording.variable(where[code], categories=positions),
            **clock,
        },
        unit_variables={"session": sessions},
        activity_units="spikes/s",
        simultaneous=False,
        sampling_interval=float(begin[1] - begin[0]),
        species="Macaca mulatta",
    )


def _bins(info: np.ndarray) -> tuple[np.ndarray, float]:
    """Return when each bin begins (s from stimulus onset) and their width."""
    parameters = info["binning_parameters"][0, 0]
    onset = int(parameters["alignment_event_time"].item())
    begin = (parameters["the_bin_start_times"].ravel().astype(float) - onset) / 1000
    return begin, float(parameters["bin_width"].item()) / 1000


def _by_stimulus(binned: np.ndarray, label: np.ndarray, stimuli: list[str]) -> list[np.ndarray]:
    """Return one neuron's trials × bins for each stimulus, in order of presentation."""
    return [binned[label == stimulus] for stimulus in stimuli]


def system() -> Packaged:
    """Return the system ``inferotemporal``."""
    return packaged(
        "inferotemporal",
        "inferotemporal",
        read,
        variable="object",
        variables=("object", "position"),
    )

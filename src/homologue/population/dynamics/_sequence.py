"""Do units fire in a sequence: the direction of lagged co-activity, against shifted units."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import p_value, result
from homologue.population.dynamics._series import series
from homologue.recording import validate

_SHORTEST = 8
_TOGETHER = 2**18
"""Values of the draws that are worked on together."""


def sequence_asymmetry(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    lags: int = 10,
    permutations: int = 199,
) -> xr.Dataset:
    """Measure how far units follow each other in one order, against units shifted in time.

    With C(l) the sum over time of one unit's activity times another's l samples later, the
    effect is Σ‖C − Cᵀ‖² / (Σ‖C − Cᵀ‖² + Σ‖C + Cᵀ‖²) over lags. Under the null each unit is
    rolled on its own within each contiguous series, the shift test of sequence extraction [1]_.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, of units recorded together, with ``time`` or ``trial`` and
        ``lag``.
    rng : numpy Generator or int
    lags : int
        Lags 1 … ``lags``, in samples.
    permutations : int

    Returns
    -------
    xarray.Dataset
        ``effect`` (0 … 1; for activity of zero or more at most 1/2: every pair in one order
        only), ``low``/``high`` (95 %, jackknife over groups, or over ten pieces of one series),
        ``null_mean``, ``null_std``, ``null_max``, ``p``, ``q`` (one test), ``n`` (pieces).
        ``asymmetry`` on ``lag`` (s or samples); ``null`` on ``draw``.

    Raises
    ------
    InvalidDesign
        No time, units never recorded together, fewer than two units that vary, series shorter
        than twice the lags.
    InvalidRecording
        NaN.

    Notes
    -----
    Activity enters as it is (spikes and rates of zero or more); where it has negative values
    units are centred within each series first. Fails where all units repeat with one period,
    which a roll preserves, and where a few units carry most of the activity.

    References
    ----------
    .. [1] Mackevicius et al. 2019, eLife 8:e38471, doi:10.7554/eLife.38471

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> source = np.random.default_rng(0)
    >>> beat = (source.random(600) < 0.02).astype(float)
    >>> chain = np.stack([np.roll(beat, shift) for shift in range(8)], axis=1)
    >>> rec = make(chain + (source.random((600, 8)) < 0.02),
    ...            variables={"time": np.arange(600.0)})
    >>> float(sequence_asymmetry(rec, rng=0, permutations=99).p)
    0.01
    """
    validate(rec)
    if not rec.attrs.get("simultaneous", 1):
        raise InvalidDesign(
            "the units were not recorded simultaneously, so that their order in time was never "
            "seen; analyse one session"
        )
    parts = [part for part in series(rec) if part.size >= max(2 * lags, _SHORTEST)]
    if not parts or lags < 1:
        raise InvalidDesign(
            f"no contiguous series holds {max(2 * lags, _SHORTEST)} samples; lags={lags} needs "
            "twice as many: give fewer lags or longer series"
        )
    values = rec.values.astype(np.float64)
    spread = np.concatenate([values[part] for part in parts])
    varies = np.ptp(spread, axis=0) > 0
    if varies.sum() < 2:
        raise InvalidDesign(f"{int(varies.sum())} units vary; an order takes at least two")
    values = values[:, varies]
    signed = bool((values < 0).any())
    pieces = [values[part] - signed * values[part].mean(axis=0) for part in parts]
    observed = _energies(pieces, lags)
    generator = np.random.default_rng(rng)
    some = max(1, _TOGETHER // sum(piece.size for piece in pieces))
    null = np.concatenate(
        [
            _share(_energies(_rolled(pieces, min(some, permutations - k), generator), lags))
            for k in range(0, permutations, some)
        ]
    )
    effect = float(_share(observed))
    error, count = _jackknife(rec, parts, pieces, lags)
    p = float(p_value(effect, null))
    step = float(rec.attrs.get("sampling_interval", 1.0))
    data = result(
        effect=effect,
        low=max(effect - 1.96 * error, 0.0),
        high=min(effect + 1.96 * error, 1.0),
        null=null,
        p=p,
        q=p,
        n=count,
        attrs={
            "analysis": "population.sequence_asymmetry",
            "method": "asymmetric share of lagged co-activity, without the diagonal",
            "null": "units rolled within each series, each on its own",
            "family": "one test",
            "interval": "95 %, jackknife over contiguous pieces",
            "permutations": permutations,
            "lags": lags,
            "centred": int(signed),
            "n_units": int(varies.sum()),
            "n_constant": int((~varies).sum()),
        },
    )
    by_lag = observed[:, 0] / np.maximum(observed.sum(axis=1), 1e-300)
    return data.assign(null_max=null.max(), asymmetry=("lag", by_lag)).assign_coords(
        lag=("lag", np.arange(1, lags + 1) * step)
    )


def _energies(pieces: list[Float[Array, "... sample unit"]], lags: int) -> np.ndarray:
    """Return ‖C − Cᵀ‖² and ‖C + Cᵀ‖² of different units, shape (..., lag, 2)."""
    found = np.zeros((*pieces[0].shape[:-2], lags, 2))
    for place, lag in enumerate(range(1, lags + 1)):
        product = sum(piece[..., :-lag, :].mT @ piece[..., lag:, :] for piece in pieces)
        same = 4 * (np.diagonal(product, axis1=-2, axis2=-1) ** 2).sum(axis=-1)
        found[..., place, 0] = ((product - product.mT) ** 2).sum(axis=(-2, -1))
        found[..., place, 1] = ((product + product.mT) ** 2).sum(axis=(-2, -1)) - same
    return found


def _share(energies: Float[Array, "... lag 2"]) -> Float[Array, "..."]:
    energy = energies.sum(axis=-2)
    total = energy.sum(axis=-1)
    return np.where(total > 0, energy[..., 0] / np.where(total > 0, total, 1.0), np.nan)


def _rolled(pieces: list[np.ndarray], draws: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return each piece with its units rolled, so many times, shape (draw, sample, unit)."""
    rolled = []
    for piece in pieces:
        length, units = piece.shape
        shift = rng.integers(length, size=(draws, 1, units))
        rows = (np.arange(length)[:, None] + shift) % length
        rolled.append(piece[rows, np.arange(units)])
    return rolled


def _jackknife(
    rec: xr.DataArray, parts: list[np.ndarray], pieces: list[np.ndarray], lags: int
) -> tuple[float, int]:
    """Return the standard error of the share, leaving out a group or a tenth of one series."""
    group = rec["group"].values
    cut: dict[int, list[np.ndarray]] = {}
    single = np.unique(group).size < 5
    for part, piece in zip(parts, pieces, strict=True):
        label = np.arange(part.size) * 10 // part.size if single else group[part]
        border = np.flatnonzero(np.diff(label)) + 1
        for rows in np.split(np.arange(part.size), border):
            if rows.size > lags:
                cut.setdefault(int(label[rows[0]]), []).append(piece[rows])
    everything = [run for runs in cut.values() for run in runs]
    if len(cut) < 2 or not everything:
        return np.nan, len(cut)
    left = np.array(
        [
            _share(
                _energies([run for key, runs in cut.items() if key != out for run in runs], lags)
            )
            for out in cut
        ]
    )
    count = left.size
    return float(np.sqrt((count - 1) / count * ((left - left.mean()) ** 2).sum())), count

"""Do condition means lie on a circle in the declared order: Fourier shares against other orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.inference import cluster_bootstrap, max_t, p_value, result
from homologue.inference._bootstrap import FEWEST_GROUPS
from homologue.population.guided._conditions import Conditions, class_means, conditions
from homologue.population.guided._orders import (
    neighbours,
    null_orders,
    products,
    shares,
)
from homologue.population.guided._resampled import resampled_shares

_RESAMPLES = 999


def circular_order(
    rec: xr.DataArray,
    variable: str,
    *,
    rng: np.random.Generator | int,
    permutations: int = 999,
    scaling: str = "standardised",
    minimum_lag: float | None = None,
) -> xr.Dataset:
    """Test whether condition means lie on a circle in the order of a periodic variable.

    For few conditions (7 weekdays, 12 months, 8 directions), where topology has no power.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN. Each ``site`` (layer, area) is tested on its own.
    variable : str
        Has a ``period`` and takes few values, evenly spaced around it.
    rng : numpy Generator or int
        Draws orders and bootstrap samples.
    permutations : int
        Orders drawn where there are more than 2 520; fewer are all taken (7 conditions have 360)
        and p is exact.
    scaling : {"standardised", "residual", "none"}
        Divide each unit by its standard deviation over samples, or within conditions, so that
        the few outlier dimensions of a language model do not decide alone.
    minimum_lag : float, optional
        Smallest circular shift, s, for recordings with ``time``.

    Returns
    -------
    xarray.Dataset
        On ``site``: ``effect``, the share of the variance of condition means in the plane of
        the first Fourier components (2/(n − 1) for n conditions in any direction alike, 1 for a
        circle), ``low``/``high`` (95 %, BCa over groups; NaN where a condition was seen in fewer
        than 5), ``null_mean``, ``null_std``, ``p`` (upper tail), ``q`` (maximum over sites
        with the same orders), ``n`` (conditions); ``neighbours``: the share of neighbours by
        angle in the first two components that are neighbours in the declared order, with
        ``p_neighbours``. ``smallest`` q in ``attrs["smallest_q"]``.

    Raises
    ------
    InvalidDesign
        No period, values that are not spaced evenly around it, fewer than 6 conditions.
    InvalidRecording, HomologueError
        NaN, no unit that varies, or no such scaling.

    Notes
    -----
    What is exchanged are whole conditions: their means stay, the order changes; conditions seen
    in different blocks do not change places, and offsets of blocks that hold the same conditions
    are taken away first (and held as they are in the bootstrap). Where the label varies along
    ``time`` within groups, neighbours in the order may be neighbours in time, and labels shift
    against the activity instead. Where conditions are seen unequally often their means are
    unequally noisy, and the test is approximate.

    Fails to tell a circle from an arc or a horseshoe: a line's share is .66 for 7 conditions
    and above its null. A gap between the first and last condition, seen in ``neighbours`` below
    1, is the sign. The share also falls when the conditions differ in ways that have nothing to
    do with the order, so shares compare only between recordings with equally many conditions.

    References
    ----------
    .. [1] Engels et al. 2024, arXiv:2405.14860.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make, variable
    >>> day = np.tile(np.arange(7), 5)
    >>> angle = 2 * np.pi * day / 7
    >>> noise = np.random.default_rng(0).standard_normal((35, 4))
    >>> rec = make(
    ...     np.stack([np.cos(angle), np.sin(angle), 0 * angle, 0 * angle], 1) + 0.1 * noise,
    ...     variables={"day": variable(day, period=7)}, group=np.repeat(np.arange(5), 7),
    ... )
    >>> found = circular_order(rec, "day", rng=0, scaling="none")
    >>> float(found.effect[0].round(2)), float(found.p[0].round(4))
    (1.0, 0.0028)
    """
    data = conditions(rec, variable, scaling=scaling, minimum_lag=minimum_lag)
    steps = _steps(rec, variable, data.values)
    test = _Test(data, steps, np.array([1]), rng, permutations)
    observed, null = test.observed[0], test.null[:, 0]
    low, high = test.interval()
    q = max_t(observed, null)
    found = result(
        effect=observed, null_mean=null.mean(axis=0), null_std=null.std(axis=0, ddof=1),
        low=low[0], high=high[0], p=p_value(observed, null), q=q, n=data.values.size,
        dims=("site",), coords={"site": data.sites},
        attrs={
            "analysis": "population.circular_order",
            "method": "share of condition-mean variance at the first Fourier frequency",
            "variable": variable, "smallest_q": float(np.fmin.reduce(q)),
            **test.attrs(scaling),
        },
    )  # fmt: skip
    agreement, null_agreement = test.neighbours()
    return found.assign(
        neighbours=("site", agreement), p_neighbours=("site", p_value(agreement, null_agreement))
    )


def frequency_scan(
    rec: xr.DataArray,
    variable: str,
    *,
    rng: np.random.Generator | int,
    permutations: int = 999,
    scaling: str = "none",
    minimum_lag: float | None = None,
) -> xr.Dataset:
    """Search the orders that step through a cyclic variable for circles, none told beforehand.

    With n conditions the frequency k visits them in steps of its inverse: a network that adds
    modulo a prime may hold its numbers on circles 0, 4, 8 … without anyone knowing which.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN; ``site`` as for :func:`circular_order`.
    variable : str
        Has a ``period``, and values evenly spaced around it.
    rng, permutations, scaling, minimum_lag
        As for :func:`circular_order`.

    Returns
    -------
    xarray.Dataset
        On (``site``, ``frequency``), frequencies 1 … n // 2: ``effect``, the share of the
        variance of condition means in the frequency's plane (all shares of a site sum to 1),
        ``low``/``high``, ``null_mean``, ``null_std``, ``p``, ``q`` (maximum over all
        frequencies and sites with the same orders), ``n`` (conditions);
        ``share_of_total``: of all variance, that within conditions included.

    Raises
    ------
    InvalidDesign, InvalidRecording, HomologueError
        As :func:`circular_order`.

    Notes
    -----
    Shares compete: where one frequency holds most of the variance, a weaker one has little left
    and may not reach significance though it is there.

    References
    ----------
    .. [1] Nanda et al. 2023, arXiv:2301.05217.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make, variable
    >>> number = np.arange(11)
    >>> angle = 2 * np.pi * 3 * number / 11
    >>> rec = make(
    ...     np.stack([np.cos(angle), np.sin(angle)], 1),
    ...     variables={"number": variable(number, period=11)},
    ... )
    >>> found = frequency_scan(rec, "number", rng=0)
    >>> int(found.effect[0].idxmax())
    3
    """
    data = conditions(rec, variable, scaling=scaling, minimum_lag=minimum_lag)
    steps = _steps(rec, variable, data.values)
    frequencies = np.arange(1, data.values.size // 2 + 1)
    test = _Test(data, steps, frequencies, rng, permutations)
    low, high = test.interval()
    # The family is every frequency of every site: the maximum is taken over both at once.
    observed, null = test.observed.T, test.null.transpose(0, 2, 1)
    found = result(
        effect=observed, null_mean=null.mean(axis=0), null_std=null.std(axis=0, ddof=1),
        low=low.T, high=high.T, p=p_value(observed, null), q=max_t(observed, null),
        n=data.values.size, dims=("site", "frequency"),
        coords={"site": data.sites, "frequency": frequencies},
        attrs={
            "analysis": "population.frequency_scan",
            "method": "share of condition-mean variance at each Fourier frequency",
            "variable": variable, **test.attrs(scaling),
        },
    )  # fmt: skip
    found.attrs["family"] = "maximum over frequencies and sites"
    return found.assign(share_of_total=(("site", "frequency"), observed * _between(data)[:, None]))


class _Test:
    """Shares under the declared order, under the null, and resampled over groups."""

    def __init__(
        self,
        data: Conditions,
        steps: int,
        frequencies: Int[Array, "frequency"],
        rng: np.random.Generator | int,
        draws: int,
    ) -> None:
        drawing, self._resampling = np.random.default_rng(rng).spawn(2)
        self.data, self._frequencies = data, frequencies
        self._place = np.arange(steps)[None]
        self._tables = products(data.means(), data.site)
        self.observed = shares(self._tables, self._place, frequencies)[0]
        self._shifted: list[np.ndarray] = []
        if data.design is None:
            self._orders, self.exact = null_orders(steps, draws, block=data.block, rng=drawing)
            self.null = shares(self._tables, self._orders, frequencies)
        else:
            self.exact = False
            index = data.design.draw(draws, drawing)
            ones = np.ones(data.code.size)
            self._shifted = [
                products(class_means(data.cells, data.code[row], ones, steps), data.site)
                for row in index
            ]
            self.null = np.stack([self._shares(tables) for tables in self._shifted])

    def _shares(self, tables: np.ndarray) -> np.ndarray:
        return np.asarray(shares(tables, self._place, self._frequencies)[0])

    def neighbours(self) -> tuple[Float[Array, "site"], Float[Array, "draw site"]]:
        observed = neighbours(self._tables, self._place)[0]
        if self._shifted:
            null = np.stack([neighbours(tables, self._place)[0] for tables in self._shifted])
        else:
            null = neighbours(self._tables, self._orders)
        return observed, null

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Return ends of the interval over groups, each of shape (frequency, site)."""
        data = self.data
        seen = np.bincount(data.code, minlength=data.values.size)
        groups = int(data.group.max()) + 1
        shape = self.observed.shape
        if data.design is not None or min(seen.min(), groups) < FEWEST_GROUPS:
            return np.full(shape, np.nan), np.full(shape, np.nan)

        def statistic(weights: Float[Array, "draw group"]) -> np.ndarray:
            return resampled_shares(data, weights, self._frequencies).reshape(len(weights), -1)

        found = cluster_bootstrap(statistic, groups, rng=self._resampling, draws=_RESAMPLES)
        return found.low.reshape(shape), found.high.reshape(shape)

    def attrs(self, scaling: str) -> dict[str, Any]:
        data = self.data
        if data.design is not None:
            null = f"labels shifted against the activity, {data.design.scheme}"
        elif self.exact:
            null = "orders of the conditions, all distinct ones"
        else:
            null = "orders of the conditions, drawn"
        return {
            "null": null,
            "permutations": len(self.null),
            "exact": int(self.exact),
            "family": "maximum over sites",
            "scaling": scaling,
            "conditions": ", ".join(data.names),
            "n_groups": int(data.group.max()) + 1,
            "n_units": data.site.size,
            "n_silent": data.n_silent,
        }


def _steps(rec: xr.DataArray, variable: str, values: np.ndarray) -> int:
    """Return the number of conditions, which go evenly once around."""
    period = rec[variable].attrs.get("period")
    if period is None:
        raise InvalidDesign(
            f"{variable!r} declares no period, so it has no first Fourier component; make it with "
            "homologue.recording.variable(values, period=…), or ask a question of a scale"
        )
    step = period / values.size
    if np.abs(np.diff(values.astype(float)) - step).max() > 1e-6 * period:
        raise InvalidDesign(
            f"the {values.size} values of {variable!r} ({values[0]:g} … {values[-1]:g}) are not "
            f"spaced evenly around a period of {period:g}; every condition has to be there once. "
            "Cut the variable into equal arcs, or correct the period"
        )
    return int(values.size)


def _between(data: Conditions) -> Float[Array, "site"]:
    """Return the share of each site's variance that lies between condition means."""
    means = data.means()
    centred = data.cells - (data.weight @ data.cells) / data.weight.sum()
    spread = (data.weight[:, None] * centred**2).sum(axis=0) / data.weight.sum()
    between = ((means - means.mean(axis=0)) ** 2).mean(axis=0)
    count = len(data.sites)
    total = np.bincount(data.site, spread, count)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.minimum(np.bincount(data.site, between, count) / total, 1.0)

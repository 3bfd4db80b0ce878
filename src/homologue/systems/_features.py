"""What the end of a network holds of each stimulus, under many perturbations of what is before.

The unperturbed network runs once; every perturbation runs from the first block it touches to the
block that is read, on the stimuli that are asked for, many perturbations at a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from homologue._errors import HomologueError
from homologue.systems._chain import SiteReadout, chain_to
from homologue.systems._sites import _find_architecture, module_names, resolve
from homologue.systems._suffix import Prefix
from homologue.systems._sweeper import _PIECE, Sweeper


class NoChain(HomologueError):
    """The network does not pass one tensor from block to block up to the site that is read."""


def last_site(system: Any) -> str:
    """Return the site that holds what a network has made of a stimulus in the end.

    Returns
    -------
    str
        The pooled embedding of an encoder, the residual stream after the last layer of a
        transformer, the last of the longest row of numbered modules of any other network.

    Raises
    ------
    HomologueError
        There is no such row.

    Examples
    --------
    >>> import torch
    >>> from homologue.systems import TorchModel
    >>> last_site(TorchModel(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())))
    '1'
    """
    pooled = [name for name, site in system._derived.items() if site.level == "pooled"]
    if pooled:
        return str(pooled[0])
    names = module_names(system.model)
    if _find_architecture(names) is not None:
        return resolve(system.model, "resid_post", announce=lambda *_: None)[-1].name
    rows: dict[str, list[int]] = {}
    for name in names:
        match = re.fullmatch(r"(?P<stack>(?:.*\.)?)(?P<number>\d+)", name)
        if match:
            rows.setdefault(match["stack"], []).append(int(match["number"]))
    if not rows:
        raise HomologueError(
            f"{system.name!r} has no row of numbered layers whose last could be read; name the "
            "site that is"
        )
    stack = max(rows, key=lambda one: len(rows[one]))
    return f"{stack}{max(rows[stack])}"


class Features(Sweeper):
    """Activity of a block, one row a stimulus, under perturbations of blocks up to it.

    Parameters
    ----------
    system : TorchModel
        Unperturbed.
    stimuli : Stimuli or sequence
        What is shown.
    site : str
        What is read: the output of one of a row of numbered blocks, or an embedding pooled of
        it (see :func:`last_site`).
    like : sequence of sequences of Intervention
        Perturbations such as will be asked for: they say which blocks' inputs are kept.
    positions, batch_tokens, **options
        As for ``record``: one token of each text, or the mean over places.

    Raises
    ------
    NoChain
        The site is no block's output, or the blocks pass on more than one tensor.
    HomologueError
        As for :class:`Sweeper`; several rows a stimulus; a perturbation after the site.

    Examples
    --------
    >>> import torch
    >>> from homologue import perturb
    >>> from homologue.systems import TorchModel
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    >>> lesion = (perturb.ablate("1/0"),)
    >>> found = Features(TorchModel(net), np.eye(3, dtype="float32"), site="2", like=[lesion])
    >>> found.under([lesion, ()]).shape
    (2, 3, 2)
    """

    def __init__(
        self,
        system: Any,
        stimuli: Any,
        *,
        site: str,
        like: Sequence[Sequence[Any]],
        positions: Any = "all",
        batch_tokens: int | None = None,
        **options: Any,
    ) -> None:
        self._settle(system)
        self._positions = positions
        self.shown, self.reading = self._open(
            system, stimuli, self._positions, sites=site, **options
        )
        where = self.reading.sites[0]
        chain = chain_to(self.model, where)
        if chain is None or len(self.reading.sites) > 1:
            raise NoChain(f"{site!r} is not the output of one of a row of numbered blocks")
        self.chain, self.feed = chain, self.reading.feed
        readout = SiteReadout(self.feed, where, self.reading.layouts[0])
        self._readouts = {False: readout}
        self.sizes = system._sizes(batch_tokens, None)
        bound = self.bind([one for one in like if one])
        starts = [self._begin(one) for one in bound]
        jumps = self._jumps(bound, starts) if chain.down is not None else frozenset()
        self._blocks = frozenset(starts)
        self._prefixes = [
            self._prefix(index, chain, set(self._blocks), jumps=jumps) for index in self.batches
        ]
        if not all(one.is_chain for one in self._prefixes):
            raise NoChain(f"the blocks up to {site!r} pass on more than one tensor")
        self.plain = self._gathered(self._prefixes, lambda one: one.baseline[None])[0]

    def under(
        self, targets: Sequence[Sequence[Any]], index: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the activity under each target.

        Parameters
        ----------
        targets : sequence of sequences of Intervention
            What is done at once; nothing: the network as it is.
        index : ndarray of int, optional
            Which stimuli; all, if left out.

        Returns
        -------
        ndarray, shape (target, stimulus, unit)
            Stimuli in the order of ``index``.

        Raises
        ------
        HomologueError
            A perturbation of a block that ``like`` did not have, or what the bench refuses of
            any perturbation.
        """
        chosen = np.arange(self.feed.count) if index is None else np.asarray(index)
        out = np.repeat(self.plain[chosen][None], len(targets), axis=0)
        acting = [number for number, target in enumerate(targets) if target]
        if not acting:
            return out
        bound = dict(zip(acting, self.bind([targets[n] for n in acting]), strict=True))
        starts = {number: self._begin(one) for number, one in bound.items()}
        strange = set(starts.values()) - self._blocks
        if strange:
            raise HomologueError(
                f"inputs of block {self.chain.blocks[min(strange)]!r} were not kept; give `like` "
                "a perturbation of it"
            )
        place = np.full(self.feed.count, -1)
        place[chosen] = np.arange(chosen.size)
        for prefix in self._prefixes:
            keep = np.flatnonzero(place[prefix.index] >= 0)
            if not keep.size:
                continue
            some = prefix.narrowed(keep)
            rows = place[some.index]
            for start in sorted(set(starts.values())):
                here = [number for number in acting if starts[number] == start]
                for first in range(0, len(here), _PIECE):
                    group = here[first : first + _PIECE]
                    values = self._run_group(some, start, [bound[number] for number in group])
                    out[np.ix_(group, rows)] = values
        return out

    def _begin(self, target: Any) -> int:
        start = self._start(target)
        if start < 0:
            raise NoChain("a perturbation is not within the blocks up to the site that is read")
        return start

    def _gathered(self, prefixes: list[Prefix], of: Any) -> np.ndarray:
        parts = [of(one).float().cpu().numpy() for one in prefixes]
        out = np.empty((parts[0].shape[0], self.feed.count, parts[0].shape[2]), dtype=np.float32)
        for prefix, part in zip(prefixes, parts, strict=True):
            out[:, prefix.index] = part
        return out

"""Many perturbations of one network on the same stimuli: what each does to the readout."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from homologue._errors import HomologueError
from homologue.stimuli import Stimuli
from homologue.systems._chain import WHOLE, Chain, Readout, Reads, chain_of
from homologue.systems._coordinates import SampleTable
from homologue.systems._feeds import Feed, TextFeed
from homologue.systems._fingerprint import fingerprint
from homologue.systems._neurons import Neurons
from homologue.systems._patched import Rows, Sources, rows_of
from homologue.systems._perturbed import Act, Interference, _split, acts_of, digest
from homologue.systems._reading import Reading, Sizes, batches
from homologue.systems._sites import Site
from homologue.systems._suffix import Prefix
from homologue.systems._tiled import Tiled

_PIECE = 64
"""Perturbations whose results are one piece: what a killed sweep loses at most."""


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """Some perturbations' readout on some stimuli.

    Attributes
    ----------
    targets, stimuli : ndarray of int
        Which.
    values : ndarray, shape (target, stimulus, column)
        The readout.
    """

    targets: np.ndarray
    stimuli: np.ndarray
    values: np.ndarray


class Sweeper:
    """A network, stimuli, and a readout, ready to be perturbed in many ways.

    Parameters
    ----------
    system : TorchModel
        Unperturbed.
    stimuli : Stimuli or sequence
        What is shown.
    columns : array of int, shape (column,) or (stimulus, column), optional
        Which logits (of a language model) or outputs.
    positions : "last" or int
        At which token of each text.
    batch_tokens : int, optional
        Tokens run at a time, copies included.

    Raises
    ------
    HomologueError
        The system is perturbed already, or the readout is not one token a text.
    """

    def __init__(
        self,
        system: Any,
        stimuli: Any,
        *,
        columns: Any = None,
        positions: Any = "last",
        batch_tokens: int | None = None,
    ) -> None:
        self._settle(system)
        self.chain = chain_of(self.model)
        whole = system._with_sites({"<output>": Site("output", "")})
        self._positions = positions
        self.shown, self.reading = self._open(whole, stimuli, positions)
        self.feed: Feed = self.reading.feed
        head = self.chain.unembed
        module = None if head is None else self.model.get_submodule(head)
        chosen = None if columns is None else np.asarray(columns, dtype=np.int64)
        if chosen is not None and chosen.ndim == 2 and len(chosen) != self.feed.count:
            raise HomologueError(
                f"columns of each stimulus are (stimulus, column), {self.feed.count} rows; given "
                f"{chosen.shape}"
            )
        self._readouts: dict[bool, Reads] = {True: Readout(self.feed, chosen, module)}
        self._readouts[False] = Readout(self.feed, chosen, None)
        self.sizes: Sizes = system._sizes(batch_tokens, None)

    def _settle(self, system: Any) -> None:
        """Take the network that is run.

        Raises
        ------
        HomologueError
            It is none, or perturbed already.
        """
        if not hasattr(system, "_reading") or not hasattr(system, "perturb"):
            raise HomologueError(
                f"{getattr(system, 'name', system)!r} is not a network; a sweep runs one many "
                "times (homologue.TorchModel)"
            )
        if system.perturbations:
            raise HomologueError(
                "a sweep starts from the unperturbed system; add what it has to every target"
            )
        self.system = system
        self.model: torch.nn.Module = system.model

    @staticmethod
    def _open(
        whole: Any, stimuli: Any, positions: Any, *, sites: Any = "<output>", **more: Any
    ) -> tuple[Stimuli, Reading]:
        options = {
            "sites": sites,
            "positions": positions,
            "include_special": False,
            "space": "mean",
            "channels_last": None,
            "max_tokens": None,
            **more,
        }
        shown, reading = whole._reading(stimuli, options)
        return shown, reading

    def readout(self, chain: Chain) -> Reads:
        """Return the readout of a chain's last block, or of the network run whole."""
        return self._readouts[chain.unembed is not None]

    @property
    def batches(self) -> list[np.ndarray]:
        """Stimuli that run together: of one length, so that none is padded."""
        sizes = dataclasses.replace(self.sizes, batch_size=max(1, self.sizes.batch_size * 4))
        text = isinstance(self.feed, TextFeed)
        found = batches(self.feed.lengths, sizes, padding=not text)
        if not text:
            return found
        # As many texts as tokens, and one could not be told from the other.
        square = [len(one) > 1 and len(one) == self.feed.lengths[one[0]] for one in found]
        parts = [[one[:-1], one[-1:]] if s else [one] for one, s in zip(found, square, strict=True)]
        return [part for pair in parts for part in pair]

    def sites(self, names: Any) -> list[tuple[Site, int]]:
        """Return the sites that names and aliases mean, and their units."""
        _, reading = self._open(self.system, self.shown, self._positions, sites=names)
        return [(s, lay.width) for s, lay in zip(reading.sites, reading.layouts, strict=True)]

    def positions(self) -> int:
        """Return how many positions every stimulus has.

        Raises
        ------
        HomologueError
            They differ, or there are none.
        """
        if not isinstance(self.feed, TextFeed):
            raise HomologueError("a sweep over positions is of texts; name places of your own")
        counts = {int((~special).sum()) for special in self.feed.tokens.special}
        if len(counts) > 1:
            raise HomologueError(
                f"a sweep over positions needs texts of one length; these have {min(counts)} to "
                f"{max(counts)} tokens"
            )
        return counts.pop()

    def site_name(self, unit: str) -> str:
        """Return the site of a unit."""
        return _split(unit)[0]

    def writers(self, intervention: Any) -> list[str]:
        """Return what writes into the residual stream, without what is perturbed."""
        acts = acts_of(
            self.model, [intervention], derived={}, announce=self.system._announce, seeds=[()]
        )
        touched = [act.site.module for act in acts]
        found = [site for alias in ("attn_out", "mlp_out") for site, _ in self.sites(alias)]
        return [
            site.name
            for site in found
            if not any(f"{path}.".startswith(f"{site.module}.") for path in touched)
        ]

    def fingerprint(self, targets: Sequence[Sequence[tuple[Act, Rows | None]]]) -> str:
        """Return a checksum of everything the values depend on."""
        table = SampleTable.of(self.shown, self.reading)
        acts = digest([act for target in targets for act, _ in target])
        columns = self._readouts[True].columns
        chosen = None if columns is None else (columns.shape, columns.tobytes())
        groups = [len(target) for target in targets]
        return fingerprint(self.model, table, targets=acts, columns=chosen, groups=groups)

    def bind(
        self, targets: Sequence[Sequence[Any]], *, reference: Any = None, rng: Any = None
    ) -> list[list[tuple[Act, Rows | None]]]:
        """Resolve what each target perturbs; sources are run once a site.

        Raises
        ------
        UnknownName, HomologueError
            As for ``TorchModel.perturb``.
        """
        seed = None if rng is None else int(np.random.default_rng(rng).integers(2**32))
        found: list[list[Act]] = []
        known: dict[str, list[Site]] = {}
        for number, target in enumerate(targets):
            seeds = [() if seed is None else (seed, number, i) for i in range(len(target))]
            found.append(
                acts_of(
                    self.model,
                    target,
                    derived=self.system._derived,
                    announce=self.system._announce,
                    seeds=seeds,
                    known=known,
                )
            )
        every = [act for acts in found for act in acts]
        references = self.system._references(every, reference)
        self._survey(every)
        record = partial(self.system._every_token, channels_last=None, max_tokens=None)
        sources = Sources(every, record)
        return [
            [
                (
                    dataclasses.replace(act, reference=references.get(act.site.name)),
                    rows_of(act, self.feed, sources),
                )
                for act in acts
            ]
            for acts in found
        ]

    def _survey(self, acts: list[Act]) -> None:
        """Check sites and units once each: one act stands for all of its site."""
        largest: dict[Site, Act] = {}
        for act in acts:
            held = largest.get(act.site)
            if held is None or _top(act) > _top(held):
                largest[act.site] = act
        Interference(self.model, list(largest.values()), self.feed, [None] * len(largest))

    def run(
        self, targets: Sequence[Sequence[tuple[Act, Rows | None]]], *, done: Any = ()
    ) -> Iterator[Piece]:
        """Run every target on every stimulus; the baseline comes first, as target -1.

        Parameters
        ----------
        targets : sequence
            What :meth:`bind` returned.
        done : container of (int, int)
            Pieces to leave out: first stimulus of the batch, first target.
        """
        starts = [self._start(target) for target in targets]
        order = sorted(range(len(targets)), key=lambda number: (starts[number], number))
        groups: list[list[int]] = []
        for number in order:
            fresh = not groups or starts[groups[-1][0]] != starts[number]
            if fresh or len(groups[-1]) == _PIECE:
                groups.append([])
            groups[-1].append(number)
        for index in self.batches:
            missing = [g for g in groups if (int(index[0]), g[0]) not in done]
            if not missing and (int(index[0]), -1) in done:
                continue
            yield from self._run_batch(index, targets, missing, starts)

    def _run_batch(
        self, index: np.ndarray, targets: Any, groups: list[list[int]], starts: list[int]
    ) -> Iterator[Piece]:
        # The network as its own only block starts at its inputs.
        needed = {starts[group[0]] for group in groups} - {-1} or {0}
        jumps = self._jumps(targets, starts) if self.chain.down is not None else frozenset()
        prefix = self._prefix(index, self.chain, needed, jumps=jumps)
        if not prefix.is_chain and self.chain is not WHOLE:
            self.chain = WHOLE
            starts[:] = [-1] * len(starts)
            prefix = self._prefix(index, WHOLE, {0})
        whole = prefix if self.chain is WHOLE else None
        yield Piece(np.array([-1]), index, prefix.baseline.float().cpu().numpy()[None])
        for group in groups:
            start = starts[group[0]]
            at = prefix
            if start == -1:
                whole = whole or self._prefix(index, WHOLE, {0})
                at, start = whole, 0
            values = self._run_group(at, start, [targets[number] for number in group])
            yield Piece(np.array(group), index, values)

    def _jumps(self, targets: Any, starts: list[int]) -> frozenset[int]:
        """Return the blocks in which neurons of the MLP are perturbed one by one."""
        neurons = {n: Neurons(self.model, self.chain, n) for n in set(starts) - {-1}}
        return frozenset(
            start
            for start, target in zip(starts, targets, strict=True)
            if start in neurons and len(target) == 1 and neurons[start].site_of(target[0][0])
        )

    def _prefix(
        self,
        index: np.ndarray,
        chain: Chain,
        needed: set[int],
        *,
        jumps: frozenset[int] = frozenset(),
    ) -> Prefix:
        readout = self.readout(chain)
        return Prefix(
            self.model, chain, self.feed, readout, index=index, needed=needed, jumps=jumps
        )

    def _run_group(self, prefix: Prefix, start: int, targets: list[Any]) -> np.ndarray:
        tokens = int(self.feed.lengths[prefix.index].sum())
        copies = max(1, self.sizes.batch_tokens // tokens)
        if not isinstance(self.feed, TextFeed):
            copies = max(1, 4 * self.sizes.batch_size // len(prefix.index))
        neurons = prefix.linear.get(start)
        jumping = (
            neurons is not None
            and all(len(one) == 1 and neurons.site_of(one[0][0]) is not None for one in targets)
            and self._adds_up(prefix, start, targets)
        )
        out = []
        for first in range(0, len(targets), copies):
            tiled = Tiled(self.model, self.feed, targets[first : first + copies])
            out.append(prefix.suffix(start, tiled, jump=jumping).float().cpu().numpy())
        return np.concatenate(out)

    def _adds_up(self, prefix: Prefix, start: int, targets: list[Any]) -> bool:
        """Return whether what a block's neurons do adds up; seen once a batch and block.

        A perturbation that changes next to nothing would tell nothing: the one that changes the
        block's output most is run both ways, and where even that is too small nothing is said.
        """
        neurons = prefix.linear[start]
        if neurons.trusted is None:
            tiled = Tiled(self.model, self.feed, targets)
            before = neurons.values["block"]
            change = [
                float((neurons.output(tiled, number, prefix.index) - before).abs().max())
                for number in range(len(targets))
            ]
            one = Tiled(self.model, self.feed, [targets[int(np.argmax(change))]])
            whole, short = prefix.suffix(start, one), prefix.suffix(start, one, jump=True)
            scale = float(whole.abs().max())
            effect = float((whole - prefix.baseline).abs().max())
            if effect > 1e-4 * scale:
                off = float((whole - short).abs().max())
                neurons.trust(adds_up=off <= 1e-5 * scale + 1e-2 * effect)
        return bool(neurons.trusted)

    def _start(self, target: Sequence[tuple[Act, Rows | None]]) -> int:
        """Return the first block that a target touches; -1: the network runs whole."""
        if self.chain is WHOLE:
            return -1
        blocks = [self.chain.block_of(act.site.module) for act, _ in target]
        return -1 if None in blocks or not blocks else min(one for one in blocks if one is not None)


def _top(act: Act) -> int:
    return -1 if act.columns is None else int(act.columns.max())

"""Any torch network on the bench: shown stimuli, its activity read at chosen sites."""

from __future__ import annotations

import copy
import dataclasses
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError
from homologue.reducers import Pass, Reducer
from homologue.stimuli import Stimuli
from homologue.systems._coordinates import SampleTable
from homologue.systems._feeds import Feed
from homologue.systems._fingerprint import fingerprint
from homologue.systems._logits import read_logits
from homologue.systems._memory import check_memory
from homologue.systems._patched import Sources, rows_of
from homologue.systems._perturbed import Act, Interference, acts_of, digest
from homologue.systems._placement import converted, placement
from homologue.systems._progress import Progress, shown_progress
from homologue.systems._protocol import Intervention
from homologue.systems._reading import Block, Reading, Sizes
from homologue.systems._recorder import Destination, write
from homologue.systems._reference import Reference, references_of
from homologue.systems._shards import check_precision, rounded
from homologue.systems._shown import as_stimuli, context_length, open_reading
from homologue.systems._sites import Site
from homologue.systems._tokens import Positions
from homologue.systems._untrained import initialised


class TorchModel:
    """A torch network as a system: ``record`` shows it stimuli and reads its modules.

    The network is used, never changed: hooks are there only while it runs, gradients are off,
    training flags and attention kernel are put back, and weights are never touched.

    Parameters
    ----------
    model : torch.nn.Module
        Any module; ``transformers`` models and modules compiled with ``torch.compile``
        included (compiled parts run as written while they are recorded).
    tokenizer : object, optional
        For texts: one of ``transformers``', or anything with ``encode`` and ``decode``.
    name : str, optional
        Of the system; by default the checkpoint's or the class's.
    family : str, optional
        What counts once in a verdict, by default ``name``.
    kind : {"model", "untrained"}
        Untrained twins come from :meth:`untrained`.
    prepare : callable, optional
        Item → array or tensor without batch axis, for pictures and arrays.
    device : str, optional
        Where it runs; where it is, if left out. To move or convert it, a copy is made.
    dtype : str, optional
        Precision of the weights (``"float32"``, ``"bfloat16"`` …); as they are, if left out.
        On a CPU half precision is several times slower. Recorded activity is float32.
    derived : sequence of Site, optional
        Sites of this model beyond its modules.
    initialise : callable, optional
        ``initialise(seed) -> Module``, where the architecture has a way of its own.
    max_tokens : int, optional
        What the model reads; from its config if left out.
    licence, citation, source : str
        Provenance.
    seed : int, optional
        Of the initialisation, for twins.

    Examples
    --------
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())
    >>> system = TorchModel(net, name="toy")
    >>> rec = system.record(np.eye(3, dtype="float32"), sites="*")
    >>> rec["unit"].values[[0, -1]].tolist()
    ['0/0', '1/3']
    """

    def __init__(
        self,
        model: torch.nn.Module,
        tokenizer: Any = None,
        *,
        name: str | None = None,
        family: str | None = None,
        kind: str = "model",
        prepare: Callable[[Any], Any] | None = None,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
        derived: Sequence[Site] = (),
        initialise: Callable[[int], torch.nn.Module] | None = None,
        max_tokens: int | None = None,
        licence: str = "",
        citation: str = "",
        source: str = "",
        seed: int | None = None,
    ) -> None:
        if not isinstance(model, torch.nn.Module):
            raise HomologueError(
                f"a torch.nn.Module is expected; given {type(model).__name__}. "
                "A model by name: homologue.language(…), homologue.vision(…)"
            )
        if kind not in ("model", "untrained"):
            raise HomologueError(f"kind is 'model' or 'untrained'; given {kind!r}")
        self.model = converted(model, device, dtype)
        self.tokenizer = tokenizer
        checkpoint = getattr(getattr(model, "config", None), "_name_or_path", "")
        self.name = name or checkpoint or type(getattr(model, "_orig_mod", model)).__name__
        self.family = family or self.name
        self.kind = kind
        self.licence, self.citation, self.source = licence, citation, source
        self.seed = seed
        self._prepare = prepare
        self._derived = {site.name: site for site in derived}
        self._initialise = initialise
        self._max_tokens = max_tokens
        self._acts: tuple[Act, ...] = ()
        self._announced: set[str] = set()
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        """Return name, kind and size."""
        size = sum(p.numel() for p in self.model.parameters())
        held = "".join(f", {name}" for name in self.perturbations)
        return f"<TorchModel {self.name} ({self.kind}, {size / 1e6:.3g} M parameters{held})>"

    @property
    def perturbations(self) -> tuple[str, ...]:
        """What is done to the network's activity while it runs, in order."""
        return tuple(dict.fromkeys(act.name for act in self._acts))

    def record(
        self,
        stimuli: Any,
        *,
        sites: str | Sequence[str],
        positions: Positions = "all",
        include_special: bool = False,
        space: str = "mean",
        channels_last: bool | None = None,
        max_tokens: int | None = None,
        batch_tokens: int | None = None,
        batch_size: int | None = None,
        dtype: str = "float32",
        to: Any = None,
        overwrite: bool = False,
        progress: Progress | bool | None = None,
    ) -> xr.DataArray:
        """Show the stimuli and return the activity at the sites.

        The model stops at the deepest site asked for; only the sites and positions asked for
        are kept.

        Parameters
        ----------
        stimuli : Stimuli, or sequence of str or of arrays
            What is shown. Bare sequences are taken as independent: one group an item.
        sites : str or sequence of str
            Module names or globs (``*`` within one part of a name, ``**`` across parts), with
            ``#n`` for the n-th call of a module that runs several times in a pass and ``#*``
            for all of them; or aliases (``"resid_post"``, ``"mlp_post"``, ``"z"``, ``"q"``,
            ``"k"``, ``"v"``, ``"pattern"``, of one layer ``"resid_post.3"``), whose meaning is
            printed once.
        positions : "all", "last", int, sequence of int, or callable
            Which tokens of a text, counted among those that can be recorded (negative from the
            end); a function gets the token strings. For activity of shape
            (stimulus, place, unit): indices of places.
        include_special : bool
            Keep tokens that are no part of the text (begin, end, separators).
        space : {"mean", "units", "samples"}
            Activity with places (pixels, patches): averaged over places, each (channel, place)
            a unit, or each place a sample.
        channels_last : bool, optional
            Whether units are the last axis of activity rather than the second. If left out:
            last in (stimulus, place, unit), second in (stimulus, unit, y, x); asked for where
            the network holds one-dimensional convolutions.
        max_tokens : int, optional
            Cut texts after so many tokens.
        batch_tokens, batch_size : int, optional
            Bounds of a batch. They do not change the result beyond rounding (1e-5 relative).
        dtype : {"float32", "float16", "bfloat16"}
            Precision in which activity is kept. bfloat16 is rounded to, and held as float32:
            on disk it is compressed to less than half the room.
        to : path, or reducers, optional
            A path ending in ``.zarr``: activity is written there as the model runs, in constant
            memory, and the stored recording is returned. A run that was killed is resumed by
            the same call. A reducer, or a sequence or mapping of them: the
            :class:`homologue.reducers.Pass` that has seen everything is returned. A ``Pass``, or
            any object with ``update(part)``, is given each part in turn and returned; it keeps
            what it has seen before, so after a run that broke off begin another, or have
            :func:`homologue.reducers.run` go on from its checkpoint.
        overwrite : bool
            Replace what is at ``to``, and discard a half-written recording of something else.
        progress : callable or bool, optional
            Told ``(samples done, samples in all)``; True draws a bar on a
            terminal, and elsewhere writes a line every half minute.

        Returns
        -------
        xarray.DataArray
            Float32; units are named ``site/index``; of an output that is a tuple, mapping or
            dataclass, the first tensor is read.

        Raises
        ------
        UnknownName
            Nothing matches a site; the message holds the nearest names.
        HomologueError
            Stimuli of the wrong kind or too long, a site that never fires or fires several
            times, sites that cannot share samples, too little memory, or activity that
            overflowed half precision (Inf).
        RecordingInterrupted
            The disk is full; make room, and the same call resumes.
        """
        check_precision(dtype)
        if isinstance(to, (Reducer, list, tuple, Mapping)):
            to = Pass(to)
        reducer = hasattr(to, "update")
        destination = None if to is None or reducer else Destination.of(to, overwrite=overwrite)
        with self._lock:
            options = {
                "sites": sites,
                "positions": positions,
                "include_special": include_special,
                "space": space,
                "channels_last": channels_last,
                "max_tokens": max_tokens,
            }
            shown, reading = self._reading(stimuli, options)
            sizes = self._sizes(batch_tokens, batch_size)
            table = SampleTable.of(shown, reading)
            with shown_progress(progress, self.name) as told:
                if reducer:
                    for block in reading.blocks(sizes, progress=told):
                        to.update(self._wrap(table, block))
                    return to
                if destination is not None:
                    return self._store(table, destination, sizes, dtype, told)
                check_memory(*reading.shape)
                activity = np.empty(reading.shape, dtype=np.float32)
                for _ in reading.blocks(sizes, into=activity, progress=told):
                    pass
            activity = rounded(activity, dtype)
            return self._wrap(table, Block(0, reading.shape[0], 0, len(shown), activity))

    def blocks(
        self,
        stimuli: Any,
        *,
        sites: str | Sequence[str],
        positions: Positions = "all",
        include_special: bool = False,
        space: str = "mean",
        channels_last: bool | None = None,
        max_tokens: int | None = None,
        batch_tokens: int | None = None,
        batch_size: int | None = None,
        start: int = 0,
    ) -> Iterator[xr.DataArray]:
        """Yield the recording in consecutive parts, each some dozen megabytes, as the model runs.

        Parameters
        ----------
        stimuli, sites, positions, include_special, space, channels_last, max_tokens
            As for :meth:`record`.
        batch_tokens, batch_size : int, optional
            As for :meth:`record`.
        start : int
            First sample: what comes before has been seen (``start=done.count`` of a
            :class:`homologue.reducers.Pass` that was saved), and is not run again but for the
            part in which ``start`` stands.

        Yields
        ------
        xarray.DataArray
            Recordings; one after the other along ``sample`` they are what :meth:`record`
            returns from ``start`` on.
        """
        if start < 0:
            raise HomologueError(f"start is a number of samples, zero or more; given {start}")
        options = {
            "sites": sites,
            "positions": positions,
            "include_special": include_special,
            "space": space,
            "channels_last": channels_last,
            "max_tokens": max_tokens,
        }
        shown, reading = self._reading(stimuli, options)
        table = SampleTable.of(shown, reading)
        for block in reading.blocks(self._sizes(batch_tokens, batch_size), start=start):
            part = self._wrap(table, block)
            part = part.isel(sample=slice(max(start - block.start, 0), None))
            del block
            yield part
            del part

    def perturb(
        self, *perturbations: Intervention, reference: Any = None, rng: Any = None
    ) -> TorchModel:
        """Return a system in which activity is interfered with; this one stays as it is.

        The network is shared and not changed: hooks are there only while it runs. What the
        returned system records, and what it puts out, is of the perturbed network; sites after
        a perturbation see it, the perturbed site itself is read as it was left.

        Parameters
        ----------
        *perturbations : Intervention
            Of :mod:`homologue.perturb`; applied in this order where they meet. Called on a
            perturbed system, they are added to what it has.
        reference : recording, Stimuli, or sequence, optional
            What is normal, for ablation by mean or resampling, and for doses in standard
            deviations: a recording of the whole sites, or stimuli that are shown to the
            unperturbed network now.
        rng : int or numpy.random.Generator, optional
            For perturbations that draw. A stimulus draws by its number among those shown, so
            that batches do not change the result.

        Returns
        -------
        TorchModel

        Raises
        ------
        UnknownName
            A site or head that is not there; a unit that is not there is found out by the first
            run.
        HomologueError
            A perturbation with a window of time, one that lacks its reference or ``rng``, or
            one that makes activity NaN or Inf (when it runs; the message names the dose).

        Notes
        -----
        A module called several times in a pass is perturbed at one call (``"site#1"``) or at
        all (``"site#*"``). A module that works in place is perturbed in place. Modules compiled
        with ``torch.compile`` run as they were written; a ``DataParallel`` over several devices
        is refused.

        Examples
        --------
        >>> from homologue import perturb
        >>> net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())
        >>> lesioned = TorchModel(net, name="toy").perturb(perturb.ablate("0/2"))
        >>> lesioned.record(np.eye(3, dtype="float32"), sites="1").values[:, 2].tolist()
        [0.0, 0.0, 0.0]
        """
        start = len(self._acts)
        seeds: list[tuple[int, ...]] = [() for _ in perturbations]
        if rng is not None:
            seed = int(np.random.default_rng(rng).integers(2**32))
            seeds = [(seed, start + number) for number in range(len(perturbations))]
        found = acts_of(
            self.model,
            perturbations,
            derived=self._derived,
            announce=self._announce,
            seeds=seeds,
        )
        references = self._references(found, reference)
        other = copy.copy(self)
        other._acts = self._acts + tuple(
            dataclasses.replace(act, reference=references.get(act.site.name)) for act in found
        )
        return other

    def unperturbed(self) -> TorchModel:
        """Return the system without any perturbation."""
        other = copy.copy(self)
        other._acts = ()
        return other

    def _with_sites(self, sites: dict[str, Site]) -> TorchModel:
        other = copy.copy(self)
        other._derived = {**self._derived, **sites}
        return other

    def _references(self, acts: Sequence[Act], given: Any) -> dict[str, Reference]:
        wanted = {act.site.name: act.name for act in acts if act.intervention.needs}
        return references_of(wanted, given, partial(self.unperturbed().record, space="samples"))

    def outputs(
        self, stimuli: Any, *, positions: Positions = "all", **options: Any
    ) -> xr.DataArray:
        """Show the stimuli and return what the network puts out.

        Parameters
        ----------
        stimuli, positions
            As for :meth:`record`.
        **options
            Further options of :meth:`record`.

        Returns
        -------
        xarray.DataArray
            A recording of site ``"output"``: of a tuple, mapping or dataclass the first tensor,
            which is the logits of a language model or classifier.

        Examples
        --------
        >>> net = torch.nn.Linear(3, 2)
        >>> TorchModel(net, name="toy").outputs(np.eye(3, dtype="float32"))["unit"].values.tolist()
        ['output/0', 'output/1']
        """
        whole = self._with_sites({"<output>": Site("output", "")})
        return whole.record(stimuli, sites="<output>", positions=positions, **options)

    def logits(
        self,
        stimuli: Any,
        *,
        positions: Positions = "last",
        columns: Any = None,
        **options: Any,
    ) -> xr.DataArray:
        """Show texts and return logits of the next token, of some of the vocabulary.

        Only the positions and vocabulary columns asked for are computed.

        Parameters
        ----------
        stimuli, positions
            As for :meth:`record`.
        columns : sequence of int or str, optional
            Tokens: indices, or strings that are one token each; all, if left out.
        **options
            Further options of :meth:`record`.

        Returns
        -------
        xarray.DataArray
            A recording of site ``"logits"`` with units ``logits/TOKEN INDEX``.

        Raises
        ------
        HomologueError
            A network without output embedding (see :meth:`outputs`), or a string that is
            several tokens.
        """
        return read_logits(self, stimuli, positions=positions, columns=columns, **options)

    def untrained(self, seed: int) -> TorchModel:
        """Return the same architecture with parameters drawn anew.

        ``transformers`` models are built from their config; an architecture with a way of its
        own uses that; any other is copied and every submodule's ``reset_parameters`` called.
        The global random state is left as it was.

        Parameters
        ----------
        seed : int
            Of the draw; the same seed gives the same weights, bit by bit.

        Raises
        ------
        HomologueError
            A submodule has parameters and no way to draw them.
        """
        model = initialised(self.model, seed, self._initialise)
        return TorchModel(
            model,
            self.tokenizer,
            name=f"{self.name} untrained {seed}",
            family=self.family,
            kind="untrained",
            prepare=self._prepare,
            derived=tuple(self._derived.values()),
            initialise=self._initialise,
            max_tokens=self._max_tokens,
            licence=self.licence,
            citation=self.citation,
            source=self.source,
            seed=seed,
        )

    def _reading(self, stimuli: Any, options: dict[str, Any]) -> tuple[Stimuli, Reading]:
        shown, reading = open_reading(
            self.model,
            as_stimuli(stimuli),
            tokenizer=self.tokenizer,
            prepare=self._prepare,
            derived=self._derived,
            announce=self._announce,
            longest=self._max_tokens or context_length(self.model),
            **options,
        )
        if self._acts:
            reading = dataclasses.replace(
                reading, interference=self._interference(reading, options)
            )
        return shown, reading

    def _interference(self, reading: Reading, options: dict[str, Any]) -> Interference:
        more = {key: options[key] for key in ("channels_last", "max_tokens")}
        sources = Sources(self._acts, partial(self._every_token, **more))
        rows = [rows_of(act, reading.feed, sources) for act in self._acts]
        return Interference(self.model, self._acts, reading.feed, rows)

    def _every_token(
        self, stimuli: Any, sites: list[str], **more: Any
    ) -> tuple[xr.DataArray, Feed]:
        """Return a recording of every token or place, unperturbed, and what was shown."""
        whole = {"sites": sites, "positions": "all", "include_special": True, "space": "samples"}
        shown, reading = self.unperturbed()._reading(stimuli, {**whole, **more})
        activity = np.empty(reading.shape, dtype=np.float32)
        for _ in reading.blocks(self._sizes(None, None), into=activity):
            pass
        table = SampleTable.of(shown, reading)
        block = Block(0, reading.shape[0], 0, len(shown), activity)
        return self._wrap(table, block), reading.feed

    def _sizes(self, batch_tokens: int | None, batch_size: int | None) -> Sizes:
        """Return the bounds of a batch; the defaults fit a small computer or a large device."""
        small = placement(self.model)[0].type == "cpu"
        return Sizes(
            (1024 if small else 32_768) if batch_tokens is None else batch_tokens,
            (32 if small else 512) if batch_size is None else batch_size,
        )

    def _announce(self, alias: str, message: str) -> None:
        if alias not in self._announced:
            self._announced.add(alias)
            print(f"homologue: {self.name}: {message}", file=sys.stderr)

    def _store(
        self,
        table: SampleTable,
        destination: Destination,
        sizes: Sizes,
        dtype: str,
        told: Progress | None,
    ) -> xr.DataArray:
        """Write to disk as the model runs, and open what is written."""
        path = write(
            table,
            lambda block: self._wrap(table, block),
            destination,
            sizes=sizes,
            precision=dtype,
            fingerprint=fingerprint(
                self.model,
                table,
                kept=dtype,
                perturbations=digest(self._acts),
                provenance=sorted(self.provenance(table.stimuli).items()),
                **vars(sizes),
            ),
            progress=told,
        )
        return recording.open(path)

    def _wrap(self, table: SampleTable, block: Block) -> xr.DataArray:
        """Return a block as a recording."""
        rows = table.rows(block.first, block.last)
        return recording.make(
            block.activity,
            unit=table.units,
            stimulus=rows.pop("stimulus"),
            group=rows.pop("group"),
            block=rows.pop("block", None),
            variables=rows,
            **self.provenance(table.stimuli),
        )

    def provenance(self, stimuli: Stimuli) -> dict[str, Any]:
        """Return the scalar attributes of a recording of these stimuli."""
        return {
            "system": self.name,
            "kind": self.kind,
            "family": self.family,
            "activity_units": "arbitrary",
            "stimuli": stimuli.name,
            "seed": self.seed,
            "precision": str(placement(self.model)[1]).removeprefix("torch."),
            "licence": self.licence or None,
            "citation": self.citation or None,
            "source": self.source or None,
            "perturbations": "; ".join(self.perturbations) or None,
        }

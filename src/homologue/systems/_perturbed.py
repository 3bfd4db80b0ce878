"""Interfere with a network's activity while it runs; the network itself is not changed.

What is done at a site is an :class:`~homologue.systems.Intervention`; here it is found out which
modules, columns and positions it means, and hooks are held for the length of a pass. A module
that works in place (``inplace=True``) has its perturbed activity written in place as well, so
that whoever else holds the tensor sees it; in every other case a new tensor takes its way.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from homologue._errors import HomologueError, UnknownName
from homologue.systems._feeds import PROBE, ArrayFeed, Feed, TextFeed, _part
from homologue.systems._hooks import Tap, first_tensor
from homologue.systems._patched import Rows
from homologue.systems._reference import Reference
from homologue.systems._sites import Site, head_size, resolve
from homologue.systems._tokens import choose


@dataclass(frozen=True, eq=False)
class Act:
    """One intervention at one site.

    Attributes
    ----------
    intervention : Intervention
        What is done.
    site : Site
        Where.
    columns : ndarray of int or None
        To which units of the site; None: all, or the intervention knows.
    seed : tuple of int
        Of what is drawn; empty: nothing may be drawn.
    reference : Reference or None
        What is normal there.
    """

    intervention: Any
    site: Site
    columns: np.ndarray | None
    seed: tuple[int, ...] = ()
    reference: Reference | None = None

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return str(getattr(self.intervention, "name", type(self.intervention).__name__))


def acts_of(
    model: torch.nn.Module,
    interventions: Sequence[Any],
    *,
    derived: dict[str, Site],
    announce: Callable[[str, str], None],
    seeds: Sequence[tuple[int, ...]],
    known: dict[str, list[Site]] | None = None,
) -> list[Act]:
    """Resolve names of units and sites; ``known`` keeps those of sites from call to call.

    Raises
    ------
    UnknownName
        No module, alias or head of that name; the message holds the nearest ones.
    HomologueError
        Something that is no intervention, has a time window, or acts where nothing can.
    """
    _check_parallel(model)
    known = {} if known is None else known
    acts: list[Act] = []
    for one, seed in zip(interventions, seeds, strict=True):
        _check(one, seed)
        found: dict[Site, list[int] | None] = {}
        for unit in one.units:
            site, column = _split(unit)
            if site not in known:
                known[site] = resolve(model, site, derived=derived, announce=announce)
            for where in known[site]:
                if where.level != "activity":
                    raise HomologueError(
                        f"{where.name!r} is read from the network and not used by it any more: "
                        "attention is perturbed at 'q', 'k', 'v' or 'z' "
                        "(homologue.perturb.heads), embeddings at the layers before"
                    )
                before = found.setdefault(where, [])
                wanted = _numbers(column, where, model)
                found[where] = None if wanted is None or before is None else before + wanted
        for where, numbers in found.items():
            columns = None if numbers is None else np.array(list(dict.fromkeys(numbers)))
            acts.append(Act(one, where, columns, seed))
    return acts


def _check(one: Any, seed: tuple[int, ...]) -> None:
    if not (hasattr(one, "apply") and hasattr(one, "units")):
        raise HomologueError(
            f"a perturbation is what homologue.perturb.ablate(…) and its neighbours return; "
            f"given {type(one).__name__}"
        )
    if one.window is not None:
        raise HomologueError(
            f"{one.name} has a window of time, and a network has no clock; say which tokens or "
            "places instead: positions=…"
        )
    if getattr(one, "is_random", False) and not seed:
        raise HomologueError(f"{one.name} draws at random: perturb(…, rng=0), or another seed")


def _split(unit: str) -> tuple[str, str]:
    site, slash, column = unit.rpartition("/")
    if slash and (column.isdecimal() or column.startswith("head.")):
        return site, column
    return unit, ""


def _numbers(column: str, site: Site, model: torch.nn.Module) -> list[int] | None:
    if not column:
        return None
    if column.isdecimal():
        return [int(column)]
    number = column.removeprefix("head.")
    if site.head_size is None or not number.isdecimal():
        raise UnknownName(
            f"{site.name!r} has no {column!r}: heads are known at 'z', 'q', 'k' and 'v' "
            f"('z.{site.layer or 0}/head.0')"
        )
    size = site.head_size or head_size(model)
    return list(range(int(number) * size, (int(number) + 1) * size))


class Interference:
    """Hooks that perturb, for one feed; held only while entered.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    acts : sequence of Act
        In the order in which they are applied.
    feed : Feed
        The stimuli.
    sources : sequence of Rows or None
        What patches put in, per act.
    survey : bool
        Whether to run a small input first, and check that the sites are what they are taken for.

    Raises
    ------
    UnknownName
        A unit that a site does not have.
    HomologueError
        A site that never runs, or more often than was said; a model spread over devices.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        acts: Sequence[Act],
        feed: Feed,
        sources: Sequence[Rows | None],
        *,
        survey: bool = True,
    ) -> None:
        self.model, self.acts, self.feed = model, tuple(acts), feed
        self.sources = tuple(sources)
        self._owner = 0
        self._index: np.ndarray = np.zeros(0, dtype=np.int64)
        self._calls: Counter[tuple[str, str]] = Counter()
        self._places = [_places(act, feed) for act in self.acts]
        if survey:
            self._survey()

    def _survey(self) -> None:
        """Run a small input, and check that sites run and have the units that are meant."""
        args, kwargs = self.feed.probe()
        widths: dict[int, int] = {}

        def receive(number: int, value: torch.Tensor) -> None:
            size, length = PROBE if isinstance(self.feed, TextFeed) else (PROBE[0], 0)
            site = self.acts[number].site
            shaped = _units_last(self.feed, site, value, size, length)
            widths[number] = _part(site, shaped).size(-1)

        tap = Tap(self.model, [act.site for act in self.acts])
        with tap.attached():
            tap.survey(args, kwargs, receive)
        tap.check()
        for number, act in enumerate(self.acts):
            if act.columns is None:
                continue
            outside = act.columns[act.columns >= widths[number]]
            if outside.size:
                raise UnknownName(
                    f"there is no unit '{act.site.name}/{outside[0]}': the site has "
                    f"{widths[number]} units, '{act.site.name}/0' … "
                    f"'{act.site.name}/{widths[number] - 1}'"
                    + self._heads(act.site, widths[number])
                )

    def _heads(self, site: Site, width: int) -> str:
        """Return how many heads a site has, for a message; nothing where it has none."""
        if site.head_size is None:
            return ""
        count = width // (site.head_size or head_size(self.model))
        return f", of {count} heads, '{site.name}/head.0' … '{site.name}/head.{count - 1}'"

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Hold the hooks; attached before those that read, they are run before them."""
        modules = dict(self.model.named_modules())
        places: dict[tuple[str, str], list[int]] = {}
        for number, act in enumerate(self.acts):
            places.setdefault((act.site.module, act.site.where), []).append(number)
        handles: list[Any] = []
        try:
            for (path, where), numbers in places.items():
                handles.append(self._hook(modules[path], path, where, numbers))
            yield
        finally:
            for handle in handles:
                handle.remove()

    @contextlib.contextmanager
    def running(self, index: np.ndarray) -> Iterator[None]:
        """Let the hooks act, in this thread, on a batch of these stimuli."""
        self._owner, self._index = threading.get_ident(), index
        self._calls.clear()
        try:
            yield
        finally:
            self._owner = 0

    def _hook(self, module: torch.nn.Module, path: str, where: str, numbers: list[int]) -> Any:
        def changed(value: Any) -> Any:
            if threading.get_ident() != self._owner:
                return None
            call = self._calls[path, where]
            self._calls[path, where] = call + 1
            active = [n for n in numbers if self.acts[n].site.call in (None, -1, call)]
            if not active:
                return None
            old = first_tensor(value, self.acts[active[0]].site)
            new = self._acted(active, old)
            if where == "output" and getattr(module, "inplace", False):
                old.copy_(new)
                return None
            return replaced(value, old, new)

        if where == "input":

            def before(_: torch.nn.Module, args: Any, kwargs: Any) -> Any:
                out = changed((tuple(args), dict(kwargs)))
                return None if out is None else (out[0], out[1])

            return module.register_forward_pre_hook(before, with_kwargs=True)
        return module.register_forward_hook(lambda _, args, output: changed(output))

    def _acted(self, numbers: list[int], tensor: torch.Tensor) -> torch.Tensor:
        """Return a module's tensor after some acts, one after the other."""
        for number in numbers:
            tensor = self._apply(number, tensor)
        return tensor

    def _apply(self, number: int, tensor: torch.Tensor) -> torch.Tensor:
        act, index = self.acts[number], self._index
        text = isinstance(self.feed, TextFeed)
        length = int(self.feed.lengths[index].max()) if text else 0
        whole = _units_last(self.feed, act.site, tensor, len(index), length)
        part = None
        value = whole
        if act.site.part is not None:
            every = torch.arange(whole.shape[-1], device=whole.device)
            part = _part(act.site, every[None])[0]
            value = whole[..., part]
        new = self._intervened(number, value)
        places = self._places[number]
        if places is not None:
            if value.ndim != 3:
                raise HomologueError(
                    f"{act.name}: {act.site.name!r} has no positions in a row; it gives "
                    f"{tuple(value.shape)} for {len(index)} stimuli"
                )
            inside = torch.zeros(value.shape[:2], dtype=torch.bool)
            for row, stimulus in enumerate(index):
                inside[row, places[stimulus]] = True
            new = torch.where(inside.to(value.device)[..., None], new, value)
        if not bool(torch.isfinite(new).all()) and bool(torch.isfinite(value).all()):
            raise HomologueError(
                f"{act.name} makes activity at {act.site.name!r} NaN or Inf; stopped. Take a "
                "smaller dose, or a wider precision (dtype='float32')"
            )
        if part is not None:
            full = whole.clone()
            full[..., part] = new
            new = full
        if not text and whole.ndim > 2 and not _channels_last(self.feed, tensor.ndim):
            new = new.movedim(-1, 1)
        return new.reshape(tensor.shape)

    def _intervened(self, number: int, value: torch.Tensor) -> torch.Tensor:
        act = self.acts[number]
        options: dict[str, Any] = {"columns": act.columns, "reference": act.reference}
        if getattr(act.intervention, "is_random", False):
            # Each stimulus draws by itself: batches do not change what it gets.
            rows = [
                act.intervention.apply(
                    value[row : row + 1],
                    **options,
                    rng=np.random.default_rng([*act.seed, int(stimulus)]),
                )
                for row, stimulus in enumerate(self._index)
            ]
            return torch.cat(rows)
        source = self.sources[number]
        if source is None:
            return torch.as_tensor(act.intervention.apply(value, **options))
        put, inside = source.batch(self._index, tuple(value.shape[1:-1]))
        new = act.intervention.apply(value, **options, source=put)
        if inside is None:
            return torch.as_tensor(new)
        return torch.where(torch.from_numpy(inside).to(value.device)[..., None], new, value)

    def refuse_nonfinite(self, site: str, values: torch.Tensor) -> None:
        """Stop where perturbed activity ends in NaN or Inf.

        Raises
        ------
        HomologueError
            With the perturbations and their doses.
        """
        if not bool(torch.isfinite(values).all()):
            names = ", ".join(dict.fromkeys(act.name for act in self.acts))
            raise HomologueError(
                f"under {names} the activity at {site!r} became NaN or Inf; stopped. Take a "
                "smaller dose, or a wider precision (dtype='float32')"
            )


def _check_parallel(model: torch.nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.DataParallel) and len(module.device_ids) > 1:
            raise HomologueError(
                "a DataParallel model runs copies of itself in other threads, which cannot be "
                "perturbed; pass the module inside, TorchModel(model.module)"
            )


def _channels_last(feed: Feed, dimensions: int) -> bool:
    declared = getattr(feed, "_channels_last", None)
    if declared is None and dimensions == 3 and getattr(feed, "_one_dimensional", False):
        raise HomologueError(
            "the network holds one-dimensional convolutions: say which axis the units are, "
            "channels_last=False or True"
        )
    return dimensions == 3 if declared is None else bool(declared)


def _units_last(
    feed: Feed, site: Site, tensor: torch.Tensor, size: int, length: int
) -> torch.Tensor:
    """Return a tensor as (stimulus, …, unit)."""
    shape = tuple(tensor.shape)
    if isinstance(feed, ArrayFeed):
        if tensor.ndim and shape[0] == size:
            if tensor.ndim <= 2:
                return tensor.reshape(size, -1)
            return tensor if _channels_last(feed, tensor.ndim) else tensor.movedim(1, -1)
    elif (tensor.ndim >= 3 and shape[:2] == (size, length)) or (
        tensor.ndim == 2 and shape[0] == size * length
    ):
        return tensor.reshape(size, length, -1)
    elif tensor.ndim == 2 and shape[0] == size:
        return tensor
    raise HomologueError(
        f"{site.name!r} gives a tensor of shape {shape}, of which it is not known which axis "
        f"counts {size} stimuli; perturb a module around it"
    )


def _places(act: Act, feed: Feed) -> list[np.ndarray] | None:
    """Return, per stimulus, the tokens or places that are meant."""
    wanted = act.intervention.positions
    if wanted is None:
        return None
    if isinstance(feed, TextFeed):
        return choose(feed.tokens, wanted, include_special=False, name="the stimuli")
    if wanted == "all":
        return None
    if callable(wanted) or (isinstance(wanted, str) and wanted != "last"):
        raise HomologueError(f"positions of arrays are 'last', or indices; given {wanted!r}")
    index = np.array([-1]) if wanted == "last" else np.atleast_1d(np.asarray(wanted))
    return [index] * feed.count


def replaced(value: Any, old: torch.Tensor, new: torch.Tensor) -> Any:
    """Return what a module takes or gives with one tensor exchanged; the rest is the same."""
    return _replaced(value, old, new)[0]


def _replaced(value: Any, old: torch.Tensor, new: torch.Tensor) -> tuple[Any, bool]:
    if value is old:
        return new, True
    if isinstance(value, Mapping):
        for key, part in value.items():
            out, done = _replaced(part, old, new)
            if done:
                changed: Any = copy.copy(value)
                changed[key] = out
                return changed, True
    elif isinstance(value, (tuple, list)):
        for number, part in enumerate(value):
            out, done = _replaced(part, old, new)
            if done:
                parts = [*value[:number], out, *value[number + 1 :]]
                make = getattr(type(value), "_make", type(value))
                return make(parts), True
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for one in dataclasses.fields(value):
            out, done = _replaced(getattr(value, one.name), old, new)
            if done:
                return dataclasses.replace(value, **{one.name: out}), True
    return value, False


def digest(acts: Sequence[Act]) -> str:
    """Return a checksum of perturbations, for recordings that are resumed."""
    found = hashlib.blake2b(digest_size=16)
    for act in acts:
        one = act.intervention
        found.update(repr((one, getattr(one, "axis", None), act.site, act.seed)).encode())
        axis = getattr(one, "axis", None)
        if axis is not None:
            found.update(repr((axis.read, axis.write, axis.bias, axis.shift)).encode())
        if act.reference is not None:
            normal = act.reference
            for part in (normal.mean, normal.standard_deviation, normal.samples):
                if part is not None:
                    found.update(np.ascontiguousarray(part).tobytes())
        source = getattr(one, "source", None)
        if source is not None:
            held = getattr(source.values, "items", source.values)
            # One by one: a list of arrays is shown with dots in place of most numbers.
            for part in held if isinstance(held, (list, tuple)) else [held]:
                found.update(
                    np.ascontiguousarray(np.asarray(part)).tobytes()
                    if hasattr(part, "__array__")
                    else repr(part).encode()
                )
    return found.hexdigest()

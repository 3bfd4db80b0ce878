"""Stimulus sets by name: ``concepts``, ``images.gratings`` and so on."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from homologue._errors import HomologueError, UnknownName, nearest
from homologue.stimuli import _concepts, _ordered, _relations, images, text
from homologue.stimuli._stimuli import Stimuli


def sets() -> dict[str, Callable[..., Stimuli]]:
    """Return the functions that make a set and need no argument, by name.

    Examples
    --------
    >>> "concepts" in sets(), "images.gratings" in sets()
    (True, True)
    """
    found: dict[str, Callable[..., Stimuli]] = {}
    modules = (
        ("", _concepts),
        ("", _ordered),
        ("", _relations),
        ("images.", images),
        ("text.", text),
    )
    for prefix, module in modules:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("_") or not function.__module__.startswith(module.__name__):
                continue
            if _makes_a_set(function):
                found[prefix + name] = function
    return found


def _makes_a_set(function: Callable[..., Any]) -> bool:
    signature = inspect.signature(function)
    if "Stimuli" not in str(signature.return_annotation):
        return False
    return all(
        parameter.default is not parameter.empty
        or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        or parameter.name == "rng"
        for parameter in signature.parameters.values()
    )


def named(name: str, *, seed: int = 0, **options: Any) -> Stimuli:
    """Return a stimulus set by name.

    Parameters
    ----------
    name : str
        A name of :func:`sets`.
    seed : int
        For sets that draw at random.
    **options
        Arguments of the set's function.

    Raises
    ------
    UnknownName
        No such set; the nearest are named.
    HomologueError
        An option that the set does not take.

    Examples
    --------
    >>> len(named("concepts", concepts=["animals"], n_exemplars=2, n_templates=1))
    2
    """
    known = sets()
    if name not in known:
        raise UnknownName(f"there is no stimulus set {name!r}" + nearest(name, known))
    allowed = inspect.signature(known[name]).parameters
    for key in options:
        if key not in allowed:
            raise HomologueError(
                f"the stimulus set {name!r} has no option {key!r}" + nearest(key, allowed)
            )
    if "rng" in allowed:
        options.setdefault("rng", seed)
    return known[name](**options)

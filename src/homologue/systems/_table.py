"""Any table of numbers as a system: the control that is no nervous system and no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from homologue import recording
from homologue._errors import InvalidRecording, UnknownName, nearest
from homologue.systems._packaged import UNNAMED, Packaged

_KIND = "other-science"


def table(
    data: Any,
    *,
    variables: str | Sequence[str] | Mapping[str, Any] | None = None,
    label_source: str | None = None,
    group: str | ArrayLike | None = None,
    block: str | ArrayLike | None = None,
    ignore: Sequence[str] = (),
    units: Sequence[str] | None = None,
    name: str = UNNAMED,
    kind: str = _KIND,
    family: str | None = None,
    activity_units: str = "as given",
    simultaneous: bool = True,
    licence: str = "not stated",
    citation: str = "not stated",
    source: str = "given by the user",
) -> Packaged:
    """Return a system made of a table: rows are samples, columns are units.

    Parameters
    ----------
    data : array, DataFrame, structured array or mapping of str to column
        Two-dimensional numbers. Columns named in ``variables``, ``group``, ``block`` or
        ``ignore`` are no units.
    variables : str, sequence of str, or mapping, optional
        What the rows are labelled with: names of columns, or name → values (an array, or
        :func:`homologue.recording.variable` for a period).
    label_source : {"experimenter", "measured", "derived"}
        Who made the labels; needed with ``variables``, because derived labels (clusters of the
        table itself) serve no representation claim.
    group : str or array_like, optional
        The smallest independent unit of each row: a column's name, or one value a row. Left
        out, every row counts as independent: say otherwise for repeated measures, days of one
        month, patients with several rows.
    block : str or array_like, optional
        Within which rows may be exchanged (a site, a batch).
    ignore : sequence of str
        Columns to leave out.
    units : sequence of str, optional
        Unit names for an array without column names.
    name, kind, family, activity_units, simultaneous, licence, citation, source
        Provenance; ``kind`` is ``"other-science"`` unless you know better. A table without a
        name takes name and family of what it is registered as: tables of one family have one
        vote together.

    Returns
    -------
    Packaged
        ``.record()`` gives the recording.

    Raises
    ------
    InvalidRecording
        Text among the units, wrong lengths, not two-dimensional, labels without a source.
    UnknownName
        A column that is not there.

    Examples
    --------
    >>> flowers = {"petal": [1.0, 2.0, 3.0], "sepal": [4, 5, 6], "kind": ["a", "b", "a"]}
    >>> system = table(flowers, variables="kind", label_source="experimenter")
    >>> rec = system.record()
    >>> rec["unit"].values.tolist(), recording.labels(rec, "kind").tolist()
    (['petal', 'sepal'], ['a', 'b', 'a'])
    """
    columns = _columns(data, units)
    rows = len(next(iter(columns.values())))
    used = set(ignore)
    labels: dict[str, Any] = {}
    if variables is not None:
        if label_source is None:
            raise InvalidRecording(
                "labels were given without label_source; say who made them: 'experimenter' "
                "(assigned or diagnosed), 'measured' (a quantity that is not among the units), "
                "or 'derived' (computed from the units, such as clusters)"
            )
        if isinstance(variables, Mapping):
            given = dict(variables)
        else:
            wanted = [variables] if isinstance(variables, str) else list(variables)
            given = {key: _column(columns, key) for key in wanted}
            used |= set(wanted)
        labels = {
            key: value
            if isinstance(value, xr.Variable)
            else recording.variable(value, label_source=label_source)
            for key, value in given.items()
        }
    coded: dict[str, Any] = {}
    for key, value in (("group", group), ("block", block)):
        if isinstance(value, str):
            used.add(value)
            coded[key] = _column(columns, value)
        elif value is not None:
            coded[key] = np.asarray(value)
    for column in ignore:
        _column(columns, column)
    kept = {key: values for key, values in columns.items() if key not in used}
    activity = _numbers(kept, rows)
    rec = recording.make(
        activity,
        unit=list(kept),
        variables=labels,
        system=name,
        kind=kind,
        family=family,
        activity_units=activity_units,
        simultaneous=simultaneous,
        **coded,
    )
    testable = tuple(labels) if label_source != "derived" else ()
    return Packaged(
        name=name,
        kind=kind,
        family=family or name,
        licence=licence,
        citation=citation,
        source=source,
        reader=lambda: rec,
        variable=testable[0] if testable else None,
        variables=testable,
    )


def _columns(data: Any, units: Sequence[str] | None) -> dict[str, np.ndarray]:
    """Return name → column of whatever was given."""
    if isinstance(data, Mapping):
        columns = {str(key): np.asarray(values) for key, values in data.items()}
    elif hasattr(data, "columns") and hasattr(data, "to_numpy"):
        names = [str(key) for key in data.columns]
        repeated = sorted({key for key in names if names.count(key) > 1})
        if repeated:
            raise InvalidRecording(f"columns {repeated} stand more than once; rename them")
        columns = {key: np.asarray(data.iloc[:, i].to_numpy()) for i, key in enumerate(names)}
    else:
        array = np.ma.filled(data, np.nan) if np.ma.isMaskedArray(data) else np.asarray(data)
        if array.dtype.names:
            columns = {key: array[key] for key in array.dtype.names}
        elif array.ndim == 2:
            names = list(map(str, units if units is not None else range(array.shape[1])))
            if len(names) != array.shape[1]:
                raise InvalidRecording(
                    f"{len(names)} unit names for {array.shape[1]} columns; give one a column"
                )
            if len(set(names)) != len(names):
                raise InvalidRecording("unit names are not unique; each column needs its own")
            columns = {key: array[:, i] for i, key in enumerate(names)}
        else:
            raise InvalidRecording(
                f"a table has rows and columns; given an array of shape {array.shape}. "
                "Flatten images and time courses to one row each first"
            )
    lengths = {key: values.shape for key, values in columns.items()}
    if not columns or not next(iter(lengths.values())) or not next(iter(lengths.values()))[0]:
        raise InvalidRecording("the table is empty; it needs at least one row and one column")
    if len(set(lengths.values())) != 1 or len(next(iter(lengths.values()))) != 1:
        raise InvalidRecording(
            "columns are one-dimensional and of one length; given "
            + ", ".join(f"{key!r} {shape}" for key, shape in list(lengths.items())[:6])
        )
    return columns


def _column(columns: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    if key not in columns:
        raise UnknownName(f"the table has no column {key!r}" + nearest(key, columns))
    return columns[key]


def _numbers(columns: Mapping[str, np.ndarray], rows: int) -> np.ndarray:
    """Return the unit columns as floats; text is an error that names the columns."""
    if not columns:
        raise InvalidRecording("no column is left as a unit; name fewer of them as labels")
    activity = np.empty((rows, len(columns)))
    text = []
    for i, (key, values) in enumerate(columns.items()):
        if values.dtype.kind == "c":
            raise InvalidRecording(f"column {key!r} is complex; give its real and imaginary parts")
        try:
            if values.dtype.kind in "USTM":
                raise ValueError
            activity[:, i] = values.astype(float)
        except (ValueError, TypeError):
            text.append(key)
    if text:
        shown = ", ".join(map(repr, text[:5]))
        raise InvalidRecording(
            f"columns {shown} hold no numbers; name them in variables=, group= or block= if they "
            "are labels, or in ignore= to leave them out"
        )
    return activity

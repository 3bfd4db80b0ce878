"""Other sciences' tables, the table constructor, and raw inputs."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from homologue import recording, systems
from homologue._errors import HomologueError, InvalidRecording, UnknownName
from homologue.inference import exchangeability
from homologue.systems import _assets, inputs, table
from homologue.systems.tables import cell_cycle, climate, molecules, weather

needs_mirror = pytest.mark.needs_mirror

FACTS = {
    # name: samples, units, groups, classes of the default variable
    "cancer": (569, 30, 569, 2),
    "counties": (78, 15, 78, 4),
    "digits": (1_797, 64, 1_797, 10),
    "molecules": (500, 200, 500, 3),
    "pbmc": (700, 765, 700, None),
    "state-incomes": (48, 81, 48, 4),
    "stocks": (1_258, 88, 63, None),
    "weather": (1_460, 20, 365, 4),
    "wine": (178, 13, 178, 3),
}
MIRRORED = {
    "cell-cycle": (930, 253, 930, 3),
    "climate": (576, 41, 48, 4),
    "climate-deseasonalised": (576, 41, 48, 4),
    "climate-stations": (41, 12, 41, 4),
}


def decode(rec, variable: str, folds: int = 5) -> float:
    """Group k-fold balanced accuracy of the nearest class mean, in units of within-class SD."""
    x, y = rec.values, rec[variable].values
    hit = np.zeros(y.size, dtype=bool)
    for train, test in GroupKFold(folds).split(x, y, rec["group"].values):
        labels = np.unique(y[train])
        mean = np.stack([x[train][y[train] == label].mean(axis=0) for label in labels])
        scale = (x[train] - mean[np.searchsorted(labels, y[train])]).std(axis=0) + 1e-9
        distance = ((x[test][:, None] - mean) / scale) ** 2
        hit[test] = labels[distance.sum(axis=2).argmin(axis=1)] == y[test]
    return float(np.mean([hit[y == label].mean() for label in np.unique(y)]))


def discriminate(rec, variable: str, folds: int = 5) -> float:
    """Group k-fold balanced accuracy of a regularised linear classifier."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    x, y, group = rec.values, rec[variable].values, rec["group"].values
    score = cross_val_score(
        model, x, y, cv=GroupKFold(folds), groups=group, scoring="balanced_accuracy"
    )
    return float(score.mean())


def check(name: str, facts: tuple[int, int, int, int | None]) -> xr.DataArray:
    system = systems.get(name)
    rec = system.record()
    samples, units, groups, classes = facts
    recording.validate(rec)
    assert dict(rec.sizes) == {"sample": samples, "unit": units}
    assert np.unique(rec["group"].values).size == groups
    assert rec.attrs["kind"] == "other-science"
    assert rec.attrs["licence"] == system.licence
    assert rec.attrs["citation"] == system.citation
    assert "time" not in rec.coords or classes is None
    if classes is None:
        assert system.variable is None
        assert system.variables == ()
    else:
        label = rec[system.variable]
        assert np.unique(label.values).size == classes == len(label.attrs["categories"])
        block = rec["block"].values if "block" in rec.coords else None
        design = exchangeability(label.values, rec["group"].values, block=block)
        assert design.scheme in ("between groups", "within groups")
        assert design.arrangements > 1e6
    return rec


@pytest.mark.parametrize("name", FACTS)
def test_tables_from_packages(name, tmp_path):
    rec = check(name, FACTS[name])
    back = recording.open(recording.save(rec, tmp_path / "table.zarr"))
    assert np.array_equal(back.values, rec.values)


@needs_mirror
@pytest.mark.parametrize("name", MIRRORED)
def test_tables_from_the_mirror(name):
    check(name, MIRRORED[name])


def test_constant_columns_are_kept():
    rec = systems.get("digits").record()
    assert int((rec.std("sample") == 0).sum()) == 3


def test_weather_leaves_out_codes_and_clocks():
    rec = weather.read("hour")
    assert dict(rec.sizes) == {"sample": 8_760, "unit": 20}
    units = " ".join(rec["unit"].values)
    assert "source" not in units
    assert "uncert" not in units
    assert "ETR" not in units
    assert (rec.std("sample") > 0).all()
    assert rec["hour"].attrs["period"] == 24
    assert rec["month"].attrs["period"] == 12
    assert np.bincount(rec["hour"].values).tolist() == [365] * 24
    with _assets.fetch("weather").open(newline="") as stream:
        rows = list(csv.reader(stream))
    row = dict(zip(rows[1], rows[2 + 4_000], strict=True))
    assert float(rec.sel(unit="Dry-bulb (C)").values[4_000]) == float(row["Dry-bulb (C)"])
    speed = np.hypot(
        *(rec.sel(unit=f"wind {way} (m/s)").values for way in ("eastward", "northward"))
    )
    assert np.allclose(speed, rec.sel(unit="Wspd (m/s)").values)
    bearing = float(row["Wdir (degrees)"])  # where the wind comes from, clockwise from north
    toward = np.degrees(
        np.arctan2(
            rec.sel(unit="wind eastward (m/s)").values[4_000],
            rec.sel(unit="wind northward (m/s)").values[4_000],
        )
    )
    if float(row["Wspd (m/s)"]):
        assert (toward - bearing) % 360 == pytest.approx(180)


def test_weather_parts_are_means_of_hours():
    parts, hours = weather.read(), weather.read("hour")
    assert np.bincount(parts["part_of_day"].values).tolist() == [365] * 4
    day, part = parts["group"].values[700], parts["part_of_day"].values[700]
    inside = (hours["group"].values == day) & (hours["hour"].values // 6 == part)
    assert inside.sum() == 6
    assert np.allclose(parts.values[700], hours.values[inside].mean(axis=0))
    assert systems.get("weather/hour").variable is None  # hours serve structure only
    assert decode(parts, "part_of_day") > 0.5  # chance .25: the sun
    with pytest.raises(UnknownName, match="did you mean 'hour'"):
        weather.read("hours")


def test_molecules_do_not_hold_their_target():
    rec = molecules.read()
    assert not any("density" in name.lower() for name in rec["unit"].values)
    density, label = rec["density"].values, rec["density_bin"].values
    for low, high in ((0, 1), (1, 2)):
        assert density[label == low].max() <= density[label == high].min()
    assert np.ptp(np.bincount(label)) <= 2
    assert np.bincount(molecules.read(bins=4)["density_bin"].values).size == 4
    assert decode(rec, "density_bin") > 0.5  # chance .33


def test_cell_types_are_derived_labels():
    rec = systems.get("pbmc").record()
    assert rec["cell_type"].attrs["label_source"] == "derived"
    assert len(rec["cell_type"].attrs["categories"]) == 10
    assert rec.values.min() >= 0  # log counts, not the z-scored copy
    assert np.mean(rec.values > 0) == pytest.approx(174_400 / (700 * 765))


def test_stocks_are_returns_of_prices():
    rec = systems.get("stocks").record()
    with _assets.fetch("stocks").open(newline="") as stream:
        rows = list(csv.reader(stream))
    price = np.array(rows[1:], dtype=float)
    assert price.shape == (1_259, 88)
    assert np.allclose(price[0] * np.exp(rec.values.sum(axis=0)), price[-1])


@needs_mirror
def test_cell_cycle_stage_is_decoded_in_each_line():
    rec = cell_cycle.read()
    line = recording.labels(rec, "line")
    accuracy = {
        name: discriminate(rec.isel(sample=np.flatnonzero(line == name)), "stage")
        for name in ("pc3", "mb", "h9")
    }
    for name, known in (("pc3", 0.94), ("mb", 0.85), ("h9", 0.66)):  # chance .33
        assert accuracy[name] == pytest.approx(known, abs=0.03)


@needs_mirror
def test_climate_follows_the_season_and_its_negative_does_not():
    assert discriminate(systems.get("climate").record(), "season") > 0.75
    control = [discriminate(climate.read(deseasonalised=True, seed=s), "season") for s in range(10)]
    assert np.mean(control) == pytest.approx(0.25, abs=0.04)
    assert max(control) < 0.35
    rec = systems.get("climate").record()
    first = np.load(_assets.fetch("climate"))
    place = list(first["station"]).index(str(rec["unit"].values[0]).removeprefix("station-"))
    expected = first["tmax"][first["years"] == 1950, :, place].ravel()
    assert np.array_equal(rec.values[:12, 0], expected)
    with pytest.raises(HomologueError, match="no station is complete in 2000–2010"):
        climate.read(years=(2000, 2010))


# The constructor


ROWS = {"a": [1, 2, 3, 4], "b": [0.5, 1.5, 2.5, 3.5], "site": list("xyxy"), "who": [1, 1, 2, 2]}


def test_a_table_of_columns():
    system = table(ROWS, variables="site", label_source="measured", group="who", name="mine")
    rec = system.record()
    assert isinstance(system, systems.System)
    assert rec["unit"].values.tolist() == ["a", "b"]
    assert rec["group"].values.tolist() == [1, 1, 2, 2]
    assert recording.labels(rec, "site").tolist() == list("xyxy")
    assert rec["site"].attrs["label_source"] == "measured"
    assert (system.variable, system.kind, rec.attrs["system"]) == ("site", "other-science", "mine")


def test_every_form_of_table_gives_the_same_recording():
    array = np.column_stack([ROWS["a"], ROWS["b"]])
    structured = np.array(list(zip(ROWS["a"], ROWS["b"], strict=True)), dtype="i4,f8")
    structured.dtype.names = ("a", "b")
    forms = [
        {"a": ROWS["a"], "b": ROWS["b"]},
        pd.DataFrame({"a": ROWS["a"], "b": ROWS["b"]}),
        structured,
    ]
    expected = table(array, units=["a", "b"]).record()
    assert expected.values.tolist() == array.tolist()
    assert table(np.ma.masked_array(array), units=["a", "b"]).record().identical(expected)
    for form in forms:
        assert table(form).record().identical(expected)


def test_a_table_takes_variables_with_a_period():
    hour = recording.variable([0, 6, 12, 18], period=24, label_source="measured")
    system = table(np.eye(4), variables={"hour": hour}, label_source="measured")
    assert system.record()["hour"].attrs["period"] == 24


def test_masked_and_missing_values_are_not_recorded():
    frame = pd.DataFrame({"a": [1.0, None, 3.0], "b": pd.array([1, 2, 3], dtype="Int64")})
    rec = table(frame).record()
    assert np.isnan(rec.values).tolist() == [[False, False], [True, False], [False, False]]
    masked = np.ma.masked_array(np.ones((2, 2)), mask=[[True, False], [False, False]])
    assert np.isnan(table(masked).record().values).sum() == 1


def test_derived_labels_are_no_variable_of_a_claim():
    system = table(ROWS, variables="site", label_source="derived", ignore=["who"])
    assert system.variable is None
    assert system.variables == ()
    assert "site" in system.record().coords


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"data": ROWS}, InvalidRecording, "columns 'site' hold no numbers; name them in"),
        ({"data": ROWS, "variables": "site"}, InvalidRecording, "without label_source"),
        (
            {"data": ROWS, "variables": "sit", "label_source": "measured"},
            UnknownName,
            "no column 'sit'; did you mean 'site'",
        ),
        ({"data": ROWS, "ignore": ["sight"]}, UnknownName, "no column 'sight'"),
        ({"data": np.ones((2, 3, 4))}, InvalidRecording, r"shape \(2, 3, 4\)"),
        ({"data": np.ones((0, 3))}, InvalidRecording, "the table is empty"),
        ({"data": {"a": [1, 2], "b": [1]}}, InvalidRecording, "of one length"),
        ({"data": np.ones((2, 2)), "units": ["a"]}, InvalidRecording, "1 unit names for 2"),
        ({"data": np.ones((2, 2)), "units": ["a", "a"]}, InvalidRecording, "not unique"),
        ({"data": {"a": ["x", "y"]}, "group": "a"}, InvalidRecording, "no column is left"),
        ({"data": {"z": [1j, 2j]}}, InvalidRecording, "complex"),
        ({"data": np.ones((2, 2)), "group": [1, 2, 3]}, InvalidRecording, "2 samples"),
        ({"data": np.array([[1.0, np.inf]])}, InvalidRecording, "Inf"),
        ({"data": np.ones((2, 2)), "kind": "brian"}, InvalidRecording, "did you mean 'brain'"),
    ],
)
def test_a_table_that_cannot_be_one(given, error, message):
    with pytest.raises(error, match=message):
        table(given.pop("data"), **given)


def test_repeated_columns_of_a_frame():
    frame = pd.DataFrame(np.ones((2, 2)), columns=["a", "a"])
    with pytest.raises(InvalidRecording, match="more than once"):
        table(frame)


def test_a_users_table_equals_the_packaged_one():
    data = load_breast_cancer(as_frame=True)
    names = {"target": np.where(data.target == 0, "malignant", "benign")}
    mine = table(data.data, variables=names, label_source="experimenter").record()
    ours = systems.get("cancer").record()
    assert np.array_equal(mine.values, ours.values)
    assert mine["unit"].values.tolist() == ours["unit"].values.tolist()
    assert recording.labels(mine, "target").tolist() == recording.labels(ours, "diagnosis").tolist()


# Inputs


def test_pixels_are_means_over_areas():
    image = np.arange(6 * 8, dtype=float).reshape(6, 8)
    rec = inputs.pixels([image], size=(3, 4))
    expected = image.reshape(3, 2, 4, 2).mean(axis=(1, 3))
    assert np.allclose(rec.values.reshape(3, 4), expected)
    assert rec.attrs["kind"] == "input"
    odd = inputs.pixels([np.ones((7, 11))], size=(3, 4))
    assert np.allclose(odd.values, 1)


def test_pixels_of_colour_images_of_different_sizes():
    rng = np.random.default_rng(0)
    images = [
        rng.integers(0, 256, (20, 30, 3), np.uint8),
        rng.integers(0, 256, (9, 9, 3), np.uint8),
    ]
    rec = inputs.pixels(images, size=(8, 8), stimulus=["a", "b"])
    assert rec.sizes["unit"] == 64
    assert 0 <= rec.values.min() <= rec.values.max() <= 1
    colour = inputs.pixels(images, size=(8, 8), grey=False)
    assert colour.sizes["unit"] == 192
    assert np.allclose(colour.values.reshape(2, 64, 3).mean(axis=2), rec.values)
    with pytest.raises(InvalidRecording, match="cannot be averaged to"):
        inputs.pixels(images, size=(16, 16))
    with pytest.raises(InvalidRecording, match="Channels stand last"):
        inputs.pixels(np.ones((2, 3, 32, 32)))


def test_characters_are_counted():
    rec = inputs.characters(["Abba", "b a"], stimulus=["x", "y"])
    assert rec["unit"].values.tolist() == ["' '", "a", "b"]
    assert rec.values.tolist() == [[0, 2, 2], [1, 1, 1]]
    pairs = inputs.characters(["abab", "ba"], n=2)
    assert pairs["unit"].values.tolist() == ["ab", "ba"]
    assert pairs.values.tolist() == [[2, 1], [0, 1]]
    hashed = inputs.characters(["abab", "ba"], n=2, features=16)
    assert hashed.sizes["unit"] == 16
    assert hashed.values.sum(axis=1).tolist() == [3, 1]
    with pytest.raises(InvalidRecording, match="given one string"):
        inputs.characters("abab")
    with pytest.raises(InvalidRecording, match="no text has 9 characters"):
        inputs.characters(["abab"], n=9)


def test_inputs_take_over_the_labels_of_a_recording():
    like = recording.make(
        np.ones((3, 2)),
        stimulus=list("abc"),
        group=[5, 5, 6],
        variables={"concept": recording.variable(list("xyx"))},
    )
    rec = inputs.characters(["a", "b", "ab"], like=like)
    assert rec["group"].values.tolist() == [5, 5, 6]
    assert recording.labels(rec, "concept").tolist() == list("xyx")
    with pytest.raises(InvalidRecording, match="2 stimuli, but the recording alike has 3"):
        inputs.characters(["a", "b"], like=like)
    with pytest.raises(InvalidRecording, match="not both"):
        inputs.characters(["a", "b", "c"], like=like, stimulus=list("abc"))


def test_places_lie_where_the_map_has_them():
    states = systems.get("state-incomes").record()
    names = states["place"].attrs["categories"]
    region = dict(
        zip(
            recording.labels(states, "stimulus"),
            (names[code] for code in states["place"].values),
            strict=True,
        )
    )
    assert len(region) == 48
    assert (region["Maine"], region["Ohio"], region["Texas"]) == ("northeast", "midwest", "south")
    year = states["year"].values
    alabama = states.values[list(region).index("Alabama")]
    assert (year[0], year[-1], alabama[0], alabama[-1]) == (1929, 2009, 323, 32274)
    counties = systems.get("counties").record()
    where = recording.labels(counties, "stimulus").tolist().index("Logan, Illinois")
    # Logan County, Illinois lies at 40.13° N, 89.37° W.
    assert counties["latitude"].values[where] == pytest.approx(40.13, abs=0.02)
    assert counties["longitude"].values[where] == pytest.approx(-89.37, abs=0.02)
    assert counties["place"].attrs["quantity"] == "space"

"""The registry: by name, open to others, and cheap to list."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from homologue import systems
from homologue._errors import HomologueError, UnknownName
from homologue.recording import KINDS, make
from homologue.systems import _assets, _registry
from homologue.systems._packaged import Packaged

BRAINS = [
    "fly",
    "grasshopper",
    "head-direction",
    "hippocampus",
    "human-mtl",
    "inferotemporal",
    "motor-bci",
    "motor-reach",
    "songbird",
    "worm",
]
TABLES = [
    "cancer",
    "cell-cycle",
    "climate",
    "climate-deseasonalised",
    "climate-stations",
    "counties",
    "digits",
    "molecules",
    "pbmc",
    "state-incomes",
    "stocks",
    "weather",
    "wine",
]


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch):
    """A registry of its own, filled afresh."""
    monkeypatch.setattr(_registry, "_ENTRIES", {})
    monkeypatch.setattr(_registry, "_FAILED", {})
    monkeypatch.setattr(_registry, "_scanned", False)

    def points(*found: SimpleNamespace) -> None:
        monkeypatch.setattr(_registry, "entry_points", lambda group: found)

    points()
    return points


def toy(**options: object) -> Packaged:
    """A toy."""
    return Packaged("toy", "circuit", "toy", "CC0", "nobody", "here", lambda: make([[1.0, 2.0]]))


toy.kind = "circuit"


def point(name: str, loads: object) -> SimpleNamespace:
    def load() -> object:
        if isinstance(loads, Exception):
            raise loads
        return loads

    return SimpleNamespace(name=name, value="toys:toy", load=load)


def test_the_packaged_systems_are_there():
    assert set(BRAINS) <= set(systems.names("brain"))
    assert set(TABLES) <= set(systems.names("other-science"))
    assert set(systems.names("brain")) | set(systems.names("other-science")) <= set(systems.names())


@pytest.mark.parametrize("name", BRAINS + TABLES)
def test_each_declares_what_the_protocol_asks(name):
    system = systems.get(name)
    assert isinstance(system, systems.System)
    assert system.name == name
    assert system.kind == systems.entry(name).kind
    assert system.family
    assert system.licence
    assert system.citation
    assert system.source
    assert system.variable is None or system.variable in system.variables
    with pytest.raises(HomologueError, match="no parameters and no untrained twin"):
        system.untrained(0)


def test_unknown_names_give_the_nearest():
    with pytest.raises(UnknownName, match="no system is named 'wrom'; did you mean 'worm'"):
        systems.get("wrom")
    with pytest.raises(UnknownName, match="did you mean 'brain'"):
        systems.names("brian")


def test_listing_builds_and_imports_nothing_heavy():
    code = (
        "import sys; from homologue import systems; rows = systems.describe(); "
        "heavy = {'torch', 'sklearn', 'transformers', 'h5py', 'scipy.io'} & set(sys.modules); "
        "print(len(rows), sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, heavy = done.stdout.split(maxsplit=1)
    assert int(count) >= len(BRAINS) + len(TABLES)
    assert heavy.strip() == "[]"


def test_describe_says_what_is_at_hand_and_how_to_get_the_rest(monkeypatch, tmp_path):
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(tmp_path))
    monkeypatch.delenv("HOMOLOGUE_MIRROR", raising=False)
    rows = {row["name"]: row for row in systems.describe()}
    keys = {"name", "kind", "family", "summary", "assets", "availability", "available"}
    assert all(keys | {"how_to_get"} <= set(row) for row in rows.values())
    assert rows["wine"]["availability"] == "built in"
    assert rows["wine"]["available"]
    assert rows["wine"]["how_to_get"] == ""
    assert rows["fly"]["availability"] == "wheel"
    assert rows["fly"]["available"]
    assert rows["fly"]["how_to_get"] == "homologue fetch fly"
    assert rows["motor-bci"]["availability"] == "url"
    assert not rows["motor-bci"]["available"]
    assert rows["human-mtl"]["availability"] == "not on mirror"
    assert rows["human-mtl"]["how_to_get"].startswith("HOMOLOGUE_MIRROR=")
    order = [KINDS.index(row["kind"]) for row in systems.describe()]
    assert order == sorted(order)


def test_every_declared_asset_exists():
    for row in systems.describe():
        assert set(row["assets"]) <= set(_assets.names())


def test_register_get_and_replace(entries):
    systems.register("toy", toy, kind="circuit", summary="A toy.", family="toys")
    assert systems.get("toy").record().sizes["unit"] == 2
    assert systems.entry("toy").family == "toys"
    with pytest.raises(HomologueError, match="registered already"):
        systems.register("toy", toy, kind="circuit", summary="Another.")
    systems.register("toy", toy, kind="circuit", summary="Another.", replace=True)
    assert systems.entry("toy").summary == "Another."
    with pytest.raises(HomologueError, match="unknown kind 'brian'; did you mean 'brain'"):
        systems.register("other", toy, kind="brian", summary="Misspelt.")


def test_a_users_entry_is_not_overwritten_by_the_catalogue(entries):
    with pytest.raises(HomologueError, match="registered already"):
        systems.register("fly", toy, kind="circuit", summary="Mine.")
    systems.register("fly", toy, kind="circuit", summary="Mine.", replace=True)
    assert systems.entry("fly").summary == "Mine."


def test_missing_modules_are_named(entries):
    systems.register("toy", toy, kind="circuit", summary="A toy.", requires=("no_such_module",))
    with pytest.raises(HomologueError, match="needs no_such_module"):
        systems.get("toy")
    row = next(row for row in systems.describe() if row["name"] == "toy")
    assert row["availability"] == "not installed"
    assert not row["available"]


def test_entry_points_of_other_packages(entries):
    ready = _registry.Entry("theirs", toy, "circuit", "Their toy.")
    entries(
        point("theirs", ready),
        point("callable", toy),
        point("broken", ImportError("no module named theirs")),
        point("shapeless", object()),
        point("fly", toy),
    )
    assert {"theirs", "callable"} <= set(systems.names("circuit"))
    assert systems.get("theirs").name == "toy"
    assert systems.entry("fly").kind == "brain"  # a name that is taken is not overwritten
    failed = systems.failures()
    assert "no module named theirs" in failed["broken"]
    assert "neither a homologue.systems.Entry nor a callable" in failed["shapeless"]
    assert "taken" in failed["fly"]
    with pytest.raises(UnknownName, match="its entry point failed: ImportError"):
        systems.get("broken")


def test_a_part_of_a_system_is_named_with_a_slash():
    asleep = systems.get("head-direction/rem")
    assert asleep.name == "head-direction/rem"
    assert asleep.family == "head-direction"
    assert asleep.variable is None
    assert asleep.options == {"state": "rem"}
    with pytest.raises(UnknownName, match="no system is named 'head'"):
        systems.get("head/rem")
    with pytest.raises(UnknownName, match="system 'fly' has no parts; given 'fly/left'"):
        systems.get("fly/left")


def test_unknown_options_and_variables_are_named():
    system = systems.get("wine")
    with pytest.raises(UnknownName, match="'wine' has no option 'bins'"):
        system.record(bins=3)
    with pytest.raises(UnknownName, match=r"no variable 'cultivr' on 'sample'; did you mean 'cul"):
        system.record("cultivr")


def test_a_table_without_a_name_takes_the_registered_one(entries):
    rows = np.arange(12.0).reshape(4, 3)
    for name in ("tides", "prices"):
        systems.register(
            name, lambda: systems.table(rows), kind="other-science", summary="A table."
        )
    assert [systems.get(name).family for name in ("tides", "prices")] == ["tides", "prices"]
    rec = systems.get("tides").record()
    assert (rec.attrs["system"], rec.attrs["family"]) == ("tides", "tides")
    own = lambda: systems.table(rows, name="mine", family="ours")  # noqa: E731
    systems.register("third", own, kind="other-science", summary="A table.")
    assert (systems.get("third").name, systems.get("third").family) == ("mine", "ours")

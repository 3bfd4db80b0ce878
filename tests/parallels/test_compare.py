"""A panel end to end on systems that need no download, through the folder it writes."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from homologue import systems
from homologue._errors import AssetUnavailable, HomologueError
from homologue.parallels import Entry, Panel, compare, from_toml
from homologue.parallels._cell import COLUMNS
from homologue.parallels._files import VERDICT_COLUMNS
from homologue.report._folder import read_folder
from homologue.systems import TorchModel, _registry

PANEL = Panel(
    (Entry("cancer", ("diagnosis",)), Entry("wine", ("cultivar",))),
    claims=("units-are-tuned", "population-represents", "code-is-low-dimensional"),
    name="two tables",
    permutations=99,
    resamples=49,
    repeats=16,
)


@pytest.fixture(scope="module")
def result():
    return compare(PANEL)


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_folder_holds_every_file_with_the_promised_columns(result, tmp_path):
    folder = result.write(tmp_path / "out")
    verdicts = rows(folder / "verdicts.csv")
    assert list(verdicts[0]) == VERDICT_COLUMNS
    assert {row["claim"]: row["verdict"] for row in verdicts} == {
        "units-are-tuned": "underpowered",
        "population-represents": "underpowered",
        "code-is-low-dimensional": "underpowered",
    }
    assert "2 more brain" in verdicts[0]["missing"]
    cells = rows(folder / "cells.csv")
    assert tuple(cells[0]) == COLUMNS
    assert [row["state"] for row in cells] == ["present"] * 6
    for row in cells:
        assert float(row["low"]) < float(row["effect"]) < float(row["high"])
        assert float(row["p"]) == pytest.approx(0.01)
    evidence = xr.open_dataset(folder / "evidence.nc", engine="h5netcdf")
    assert evidence["null"].dims == ("cell", "draw")
    effects = [float(row["effect"]) for row in cells]
    np.testing.assert_allclose(evidence["effect"], effects, rtol=1e-5)
    evidence.close()
    provenance = json.loads((folder / "provenance.json").read_text())
    assert [row["name"] for row in provenance["systems"]] == ["cancer", "wine"]
    assert provenance["rule_version"] == 1
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["event"] for line in log].count("cell") == 6
    again = from_toml((folder / "resolved.toml").read_text())
    assert again.entries == PANEL.entries
    assert not list(folder.glob(".*"))


def test_the_same_panel_gives_the_same_numbers_in_any_order(result):
    turned = compare(replace(PANEL, entries=PANEL.entries[::-1]))
    key = lambda cell: (cell.claim, cell.system)  # noqa: E731
    first = {key(cell): (cell.effect, cell.low, cell.p) for cell in result.cells}
    assert {key(cell): (cell.effect, cell.low, cell.p) for cell in turned.cells} == first


def test_an_unavailable_system_is_left_out_with_its_command(monkeypatch):
    real = systems.get

    def get(name, **options):
        if name == "wine":
            raise AssetUnavailable("asset 'wine' is offline; homologue fetch wine")
        return real(name, **options)

    monkeypatch.setattr(systems, "get", get)
    found = compare(PANEL)
    assert [row["system"] for row in found.provenance["left_out"]] == ["wine"]
    assert {cell.system for cell in found.cells} == {"cancer"}


def test_a_system_that_breaks_is_a_row_with_its_reason(monkeypatch):
    real = systems.get

    def get(name, **options):
        if name == "wine":
            raise HomologueError("the bottle is corked")
        return real(name, **options)

    monkeypatch.setattr(systems, "get", get)
    found = compare(PANEL)
    broken = [cell for cell in found.cells if cell.system == "wine"]
    assert {cell.state for cell in broken} == {"failed"}
    assert all("corked" in cell.reason for cell in broken)
    monkeypatch.undo()
    # A variable that does not exist fails its cells only.
    typo = replace(PANEL, entries=(Entry("cancer", ("diagnoses",)), PANEL.entries[1]))
    states = {(c.system, c.claim): c.state for c in compare(typo).cells}
    assert states["cancer", "units-are-tuned"] == "failed"
    assert states["wine", "units-are-tuned"] == "present"


@pytest.fixture
def toy_network():
    torch.manual_seed(1234)
    network = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64 * 64, 24), torch.nn.ReLU()
    ).eval()

    def prepare(image):
        return torch.as_tensor(np.array(image, dtype=np.float32)).reshape(64, -1)[:, :64]

    model = TorchModel(network, name="toy-network", prepare=prepare)
    systems.register("toy-network", lambda: model, kind="model", summary="A toy.")
    yield "toy-network"
    _registry._ENTRIES.pop("toy-network")


def test_a_model_brings_its_twin_with_three_seeds(toy_network):
    entry = Entry(
        toy_network,
        ("digit",),
        stimuli="images.digits",
        stimuli_options={"n_per_digit": 12, "size": 64},
        options={"sites": "2"},
    )
    found = compare(replace(PANEL, entries=(entry,)))
    assert {cell.state for cell in found.cells} == {"present"}
    names = {cell.system: cell.kind for cell in found.cells}
    assert names == {"toy-network": "model", "toy-network (untrained)": "untrained"}
    assert {cell.family for cell in found.cells} == {"toy-network"}
    seeds = {row["name"]: row["seeds"] for row in found.provenance["systems"]}
    assert seeds == {"toy-network": 0, "toy-network (untrained)": 3}


def test_a_twin_that_cannot_be_made_is_a_failed_twin(toy_network, monkeypatch):
    def refuse(self, seed):
        raise HomologueError("no way to draw parameter 'scale' anew")

    monkeypatch.setattr(TorchModel, "untrained", refuse)
    entry = Entry(
        toy_network,
        ("digit",),
        stimuli="images.digits",
        stimuli_options={"n_per_digit": 12, "size": 64},
        options={"sites": "2"},
    )
    found = compare(replace(PANEL, entries=(entry,)))
    failed = [cell for cell in found.cells if cell.state == "failed"]
    assert {(cell.system, cell.kind) for cell in failed} == {
        ("toy-network (untrained)", "untrained")
    }
    assert len(found.cells) == 6


def test_two_sites_of_one_model_are_two_systems_and_one_vote(toy_network, tmp_path):
    stimuli = {"stimuli": "images.digits", "stimuli_options": {"n_per_digit": 12, "size": 64}}
    entries = tuple(
        Entry(toy_network, ("digit",), **stimuli, options={"sites": site}, twins=0)
        for site in ("1", "2")
    )
    found = compare(replace(PANEL, entries=entries, claims=("units-are-tuned",)))
    assert [cell.system for cell in found.cells] == [
        "toy-network (sites=1)",
        "toy-network (sites=2)",
    ]
    assert len(found.votes["units-are-tuned"]) == 1
    folder = read_folder(found.write(tmp_path / "out"))
    assert len({cell.key for cell in folder.cells}) == 2
    assert set(folder.nulls) == {cell.key for cell in folder.cells}

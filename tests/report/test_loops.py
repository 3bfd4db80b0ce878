"""Pictures of loops in the page: drawn from numbers, escaped, and left out where they lack any."""

from __future__ import annotations

import json

import numpy as np

from homologue import report
from homologue.report.plots import barcode, cloud, coordinate

BARS = {
    "birth": [0.5, 1.0], "death": [2.0, 1.1], "threshold": 0.3, "bars": 2, "signature": "ring",
    "effect": 0.75, "p": 0.01,
}  # fmt: skip
CLOUD = {"point": [[0, 1], [1, 0], [0, -1]], "angle": [0.0, None, 3.0], "share": [0.6, 0.2]}
BESIDE = {"known": [0.1, 3.0], "read": [0.2, 3.1], "variable": "<angle>", "effect": 0.9}


def test_bars_beyond_the_null_are_told_from_those_within():
    drawn = str(barcode(BARS))
    assert drawn.count('class="beyond"') == 1
    assert drawn.count('class="within"') == 1
    assert "no loop" in barcode({"birth": [], "death": [], "threshold": 0.2})


def test_a_cloud_keeps_its_shape_and_a_coordinate_stands_twice_and_is_escaped():
    drawn = str(cloud(CLOUD))
    assert drawn.count('class="unknown"') == 1
    assert "component 1 (60 %)" in drawn
    beside = str(coordinate(BESIDE))
    assert beside.count('class="seen"') == 4
    assert "&lt;angle&gt;" in beside


def test_the_page_shows_them_with_their_claim_and_survives_broken_ones(make_folder):
    folder = make_folder()
    claim = json.loads((folder / "claims.json").read_text())[0]["id"]
    rows = [
        {"claim": claim, "system": "toy", "variable": "", "barcode": BARS,
         "cloud": CLOUD | {"colour": "angle"}, "coordinate": BESIDE},
        {"claim": claim, "system": "broken", "barcode": {"birth": [1]}},
        {"claim": claim, "system": "means", "variable": "month",
         "means": CLOUD | {"angle": [0, 1, 2], "label": ["<i>", "b", "c"], "variable": "month"}},
        "nonsense",
    ]  # fmt: skip
    (folder / "loops.json").write_text(json.dumps(rows))
    page = report.write(folder).read_text()
    assert page.count('<svg class="loop"') == 4
    assert "Pictures of loops" in page
    assert "broken" not in page
    assert "<i></text>" not in page
    many = [rows[0] | {"cloud": {
        "point": np.random.default_rng(0).normal(size=(360, 2)).round(4).tolist(),
        "angle": [0.5] * 360, "share": [0.5, 0.2], "colour": "angle"}}] * 8  # fmt: skip
    (folder / "loops.json").write_text(json.dumps(many))
    assert report.write(folder).stat().st_size < 2e6

"""What a comparison keeps: it goes on where it stopped, and sees what has changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from homologue import systems
from homologue.parallels import Entry, Panel, _answers, _compare, compare
from homologue.systems import _registry

PANEL = Panel(
    (
        Entry("cancer", ("diagnosis",)),
        Entry("wine", ("cultivar",)),
        Entry("food-web", ("bloom",), claims=("effects-are-graded-with-dose",)),
    ),
    claims=("units-are-tuned", "there-is-a-cycle", "effects-are-graded-with-dose"),
    name="kept",
    permutations=99,
    resamples=49,
    repeats=16,
)
EVERY = 5


def told(found):
    return [
        (c.claim, c.system, c.state, c.effect, c.low, c.high, c.p, c.q, c.reason, c.null.tolist())
        for c in found.cells
    ]


def same(one, other):
    return repr(told(one)) == repr(told(other)) and repr(one.pictures) == repr(other.pictures)


@pytest.fixture
def counted(monkeypatch):
    """Cells that are worked out."""
    worked: list[tuple[str, str]] = []
    ask = _compare.ask

    def counting(claim, recordings, variable, **options):
        worked.append((claim.id, options["system"]))
        return ask(claim, recordings, variable, **options)

    monkeypatch.setattr(_compare, "ask", counting)
    return worked


def test_a_second_run_works_nothing_out_and_says_the_same(tmp_path, counted):
    first = compare(PANEL, answers=tmp_path)
    assert len(counted) == len(first.cells)
    assert first.provenance["answers_kept"] == 0
    counted.clear()
    again = compare(PANEL, answers=tmp_path)
    assert counted == []
    assert again.provenance["answers_kept"] == len(first.cells)
    assert same(first, again)
    assert {c.state for c in first.cells} >= {"present", "not applicable"}
    fresh = compare(PANEL, answers=tmp_path, fresh=True)
    assert len(counted) == len(first.cells)
    assert same(first, fresh)


def test_a_run_that_is_cut_short_goes_on_where_it_stopped(tmp_path, counted, monkeypatch):
    whole = compare(PANEL)
    counted.clear()
    put = _answers.Answers.put

    def cut(self, key, answer):
        if len(list(tmp_path.glob("*.json"))) >= 3:
            raise KeyboardInterrupt
        put(self, key, answer)

    monkeypatch.setattr(_answers.Answers, "put", cut)
    with pytest.raises(KeyboardInterrupt):
        compare(PANEL, answers=tmp_path)
    monkeypatch.setattr(_answers.Answers, "put", put)
    kept = len(list(tmp_path.glob("*.json")))
    assert 3 <= kept < len(whole.cells)
    counted.clear()
    resumed = compare(PANEL, answers=tmp_path)
    assert len(counted) == len(whole.cells) - kept
    assert same(whole, resumed)


def test_what_differs_is_asked_again(tmp_path, counted, monkeypatch):
    compare(PANEL, answers=tmp_path)
    counted.clear()
    compare(replace(PANEL, seed=1), answers=tmp_path)
    assert len(counted) == EVERY
    counted.clear()
    compare(replace(PANEL, seed=1, permutations=199), answers=tmp_path)
    assert len(counted) == EVERY
    counted.clear()
    # One value of one recording.
    real = systems.get

    class Touched:
        def record(self, **options):
            rec = real("wine").record(**options).copy(deep=True)
            rec.values[0, 0] += 1
            return rec

    monkeypatch.setattr(systems, "get", lambda n, **o: Touched() if n == "wine" else real(n, **o))
    compare(replace(PANEL, seed=1, permutations=199), answers=tmp_path)
    assert {system for _, system in counted} == {"wine"}


def test_code_and_libraries_are_part_of_what_an_answer_is_known_by(tmp_path, counted, monkeypatch):
    compare(PANEL, answers=tmp_path)
    counted.clear()
    monkeypatch.setattr(_answers, "under", lambda: "another version")
    compare(PANEL, answers=tmp_path)
    assert len(counted) == EVERY
    assert len(list(tmp_path.glob("*.json"))) == EVERY, "those of the other version are removed"


def test_an_answer_that_cannot_be_read_is_worked_out(tmp_path, counted):
    first = compare(PANEL, answers=tmp_path)
    counted.clear()
    one, other, *_ = sorted(tmp_path.glob("*.json"))
    one.write_text(one.read_text()[:40])
    other.write_text('{"cell": {}}')
    assert same(first, compare(PANEL, answers=tmp_path))
    assert len(counted) == 2


def test_cells_that_failed_and_claims_of_others_are_not_kept(tmp_path, counted, monkeypatch):
    wrong = replace(PANEL, entries=(Entry("wine", ("vintage",)),), claims=("units-are-tuned",))
    assert compare(wrong, answers=tmp_path).cells[0].state == "failed"
    counted.clear()
    compare(wrong, answers=tmp_path)
    assert len(counted) == 1
    counted.clear()
    theirs = replace(_compare.get("units-are-tuned"), sesoi=0.2)
    monkeypatch.setattr(_compare, "get", lambda _: theirs)
    own = replace(PANEL, entries=PANEL.entries[:1], claims=("units-are-tuned",))
    compare(own, answers=tmp_path)
    compare(own, answers=tmp_path)
    assert len(counted) == 2


def test_systems_of_others_are_run_again_where_a_claim_runs_them(tmp_path, counted):
    systems.register(
        "their-web", lambda: systems.get("food-web"), kind="other-science", summary="Theirs."
    )
    try:
        entry = Entry("their-web", ("bloom",), claims=("effects-are-graded-with-dose",))
        panel = replace(PANEL, entries=(entry,), claims=("effects-are-graded-with-dose",))
        compare(panel, answers=tmp_path)
        compare(panel, answers=tmp_path)
    finally:
        _registry._ENTRIES.pop("their-web")
    assert len(counted) == 2


def test_a_checksum_sees_values_coordinates_and_attributes():
    rec = systems.get("wine").record()
    digest = _compare.Showing(PANEL.entries[1], "wine", recordings=[rec]).digests()
    for changed in (
        rec.assign_coords(group=rec["group"][::-1]),
        rec.assign_attrs(family="grapes"),
        rec.isel(sample=slice(1, None)),
        rec.astype(np.float16),
    ):
        other = _compare.Showing(PANEL.entries[1], "wine", recordings=[changed]).digests()
        assert other != digest

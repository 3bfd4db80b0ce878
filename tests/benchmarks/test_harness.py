"""The harness: schema, targets, equality, exit status, memory and peers in their own process."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks._harness import Case, compare, compared, judge, peak_memory, run_peer

from benchmarks import __main__ as command
from benchmarks import _harness

FIELDS = ["case", "metric", "value", "unit", "better", "target", "met"]
COMPARISON = [*FIELDS, "ours_s", "peer", "peer_s", "ratio", "equal"]


def test_rows_have_the_documented_fields():
    assert list(Case("a", "m", 1.0, "s", "lower").row()) == FIELDS
    assert list(compared("a", ours_s=1, peer_s=3, peer_name="p", equal=True).row()) == COMPARISON


@pytest.mark.parametrize(
    ("value", "better", "target", "met"),
    [(2.0, "higher", 1.5, True), (1.0, "higher", 1.5, False), (1.0, "lower", 1.5, True),
     (2.0, "lower", 1.5, False), (0.95, "within", [0.93, 0.97], True),
     (0.98, "within", [0.93, 0.97], False), (float("nan"), "lower", 1.5, False),
     (5.0, "lower", None, None)],
)  # fmt: skip
def test_targets_are_reached_from_the_right_side(value, better, target, met):
    targets = {} if target is None else {"a": target}
    assert judge(Case("a", "m", value, "s", better), targets).met is met


def test_a_fast_but_unequal_result_is_never_met():
    case = compared("a", ours_s=1, peer_s=100, peer_name="p", equal=False)
    assert judge(case, {"a": 10}).met is False
    assert judge(case, {}).met is False


def test_a_comparison_divides_cpu_times_and_checks_equality():
    x = np.random.default_rng(0).random((300, 300))
    case = compare(
        "matmul", lambda: x @ x, lambda: [x @ x for _ in range(40)][-1],
        peer_name="forty times", equal=np.array_equal,
    )  # fmt: skip
    assert case.equal
    assert case.value == case.ratio == case.peer_s / case.ours_s
    assert case.ratio > 5
    halved = compare("", lambda: 1, lambda: 2, peer_name="", equal=lambda a, b: a == b)
    assert halved.equal is False


def test_peak_memory_is_of_a_fresh_process():
    keep = np.ones(40_000_000)  # 0.32 GB here must not count there
    small = peak_memory("numpy:ones", shape=10)
    large = peak_memory("numpy:ones", shape=25_000_000)
    assert keep.size
    assert small < 0.2
    assert 0.15 < large - small < 0.3


def test_a_peer_runs_in_its_own_interpreter_on_the_same_arrays():
    script = """
    import os
    def main(inputs):
        return {"doubled": inputs["x"] * 2, "process": os.getpid()}
    """
    seconds, found = run_peer(Path(sys.executable), script, {"x": np.arange(3), "repeats": 2})
    np.testing.assert_array_equal(found["doubled"], [0, 2, 4])
    assert found["process"] != __import__("os").getpid()
    assert 0 <= seconds < 5


class Fake:
    NAME = "fake"

    @staticmethod
    def cases(*, quick):
        yield Case("good", "m", 1.0, "s", "lower")
        yield Case("bad", "m", 9.0 if not quick else float("nan"), "s", "lower")


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(_harness, "load", lambda name: Fake)
    monkeypatch.setattr(_harness, "names", lambda: ["fake"])
    monkeypatch.setattr(_harness, "read_targets", lambda name: {"good": 2.0, "bad": 2.0})


def test_json_is_the_schema_and_only_the_document_is_on_stdout(fake, capsys):
    assert command.main(["fake", "--json"]) == 0
    output = capsys.readouterr()
    document = json.loads(output.out)
    assert list(document) == ["name", "machine", "cases"]
    assert [case["met"] for case in document["cases"]] == [True, False]
    assert "missed: bad" in output.err


def test_check_exits_1_on_a_missed_target_and_quick_has_no_targets(fake, capsys):
    assert command.main(["fake", "--check"]) == 1
    assert "MISSED" in capsys.readouterr().out
    assert command.main(["fake", "--check", "--quick", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cases"][1]["value"] is None


def test_an_unknown_name_is_answered_with_the_nearest(capsys):
    assert command.main(["inferense"]) == 2
    assert "did you mean 'inference'" in capsys.readouterr().err


def test_every_target_belongs_to_a_benchmark():
    import tomllib

    sections = tomllib.loads(_harness.TARGETS.read_text())
    assert set(sections) <= {_harness.load(name).NAME for name in _harness.names()}

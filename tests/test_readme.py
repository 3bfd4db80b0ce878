"""The README's code runs as it stands, and its commands exist."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import homologue as hm
from homologue.cli import VERBS

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def _block() -> str:
    section = README.split("## How it reads")[1].split("\n## ")[0]
    return re.search(r"```python\n(.*?)```", section, flags=re.DOTALL).group(1)


def _write_session(path: Path) -> None:
    """Write a session of 40 trials; 6 of 12 units fire more on trials with a choice to the left."""
    from pynwb import NWBHDF5IO, NWBFile

    rng = np.random.default_rng(0)
    session = NWBFile("a session", "readme", datetime(2024, 1, 1, tzinfo=UTC))
    starts = 2.0 + 3.0 * np.arange(40)
    choices = rng.permutation(["left", "right"] * 20)
    session.add_trial_column("choice", "which side was chosen")
    for start, choice in zip(starts, choices, strict=True):
        session.add_trial(start_time=start, stop_time=start + 2.0, choice=str(choice))
    for unit in range(12):
        spikes = [rng.uniform(0, 125.0, rng.poisson(125.0 * 4))]
        for start, choice in zip(starts, choices, strict=True):
            if unit < 6 and choice == "left":
                spikes.append(rng.uniform(start, start + 1.5, rng.poisson(1.5 * 12)))
        session.add_unit(spike_times=np.sort(np.concatenate(spikes)))
    with NWBHDF5IO(path, "w") as file:
        file.write(session)


def test_how_it_reads_runs_and_finds_what_is_there(tmp_path, monkeypatch):
    _write_session(tmp_path / "session.nwb")
    monkeypatch.chdir(tmp_path)
    lines = _block().splitlines()
    # The code as it stands, of fewer words: the language model reads 12 concepts of 6.
    fewer = partial(hm.stimuli.concepts, n_exemplars=6, n_templates=2)
    monkeypatch.setattr(hm.stimuli, "concepts", fewer)
    names: dict[str, object] = {}
    results = []
    for line in lines:
        if line.startswith("hm."):  # a bare expression: keep its value
            results.append(eval(compile(line, "README.md", "eval"), names))
        else:
            exec(compile(line, "README.md", "exec"), names)
    tuned, decoded = results
    # Selectivity of the trained network's units; a planted code in half of the session's units.
    assert int((tuned["q"] < 0.05).sum()) > 0.1 * tuned.sizes["unit"]
    assert float(decoded["effect"]) > 0.5
    assert float(decoded["p"]) < 0.05
    assert float(decoded["low"]) > float(decoded["null_mean"])


def test_the_block_is_the_design(tmp_path):
    lines = _block().splitlines()
    assert len(lines) == 7
    assert lines[0] == "import homologue as hm"


@pytest.mark.parametrize(
    "line", re.findall(r"^homologue (.+?)(?:\s+#.*)?$", README, flags=re.MULTILINE)
)
def test_every_command_of_the_readme_parses(line):
    import shlex

    from homologue.cli._main import _parse

    words = shlex.split(line)
    assert words[0] in VERBS
    _parse(words[0], words)


def test_the_verdict_table_is_the_rule():
    from homologue.parallels import _verdict

    table = README.split("## What the verdicts mean")[1].split("\n## ")[0]
    rows = re.findall(r"^\| \S+ \| ([a-z ]+) \|", table, flags=re.MULTILINE)
    assert [row for row in rows if row != "verdict"] == list(_verdict.VERDICTS)


def test_every_link_leads_somewhere():
    root = Path(__file__).parents[1]
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (root / page).read_text("utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (root / target).exists(), f"{page}: {target}"

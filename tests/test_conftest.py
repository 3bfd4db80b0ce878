"""The suite's own rules: what may be skipped, and that shapes are checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CASES = """
import pytest

@pytest.mark.needs_mirror
def test_reads_the_mirror(mirror):
    assert (mirror / "recordings").is_dir()

@pytest.mark.needs_gpu
def test_needs_a_gpu():
    pass
"""

SKIPS = """
import pytest

def test_skips():
    pytest.skip("not today")
"""

IMPORTORSKIP = """
import pytest
pytest.importorskip("a_package_that_is_not_there")

def test_never_reached():
    pass
"""

SHAPES = """
import jaxtyping
import numpy as np
import pytest
from homologue._typing import Array, Float

def test_hook():
    import homologue.shapes_example as example
    assert example.total(np.ones((2, 3))) == 6
    with pytest.raises(jaxtyping.TypeCheckError):
        example.total(np.ones(3))
    with pytest.raises(ValueError, match="given 3 dims"):
        example.total(np.ones((1, 2, 3)))
    assert example.unchecked("text") == "text"
"""

EXAMPLE = """
from __future__ import annotations
from homologue._typing import Array, Float

def total(values: Float[Array, "sample unit"]) -> float:
    if values.ndim == 3:
        raise ValueError("given 3 dims")
    return float(values.sum())

def unchecked(value: int) -> int:
    return value
"""


def _pytest(folder: Path, *texts: str, **environment: str) -> subprocess.CompletedProcess[str]:
    here = Path(__file__).parent
    (folder / "conftest.py").write_text((here / "conftest.py").read_text())
    for number, text in enumerate(texts):
        (folder / f"test_case_{number}.py").write_text(text)
    clean = {k: v for k, v in os.environ.items() if k not in ("CI", "HOMOLOGUE_MIRROR")}
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider"]
    options = [
        "--continue-on-collection-errors",
        "--import-mode=importlib",
        "-c",
        str(here.parent / "pyproject.toml"),
    ]
    return subprocess.run(
        [*command, *options, "--rootdir", str(folder), str(folder)],
        capture_output=True,
        text=True,
        env={**clean, **environment},
        cwd=folder,
        check=False,
    )


def test_a_missing_mirror_is_a_counted_skip_and_any_other_a_failure(tmp_path):
    done = _pytest(tmp_path, CASES.replace("needs_gpu", "needs_mirror"), SKIPS, IMPORTORSKIP)
    assert done.returncode != 0
    assert "needs_mirror: HOMOLOGUE_MIRROR is not set" in done.stdout
    assert "needs_mirror: 2 skipped" in done.stdout
    assert done.stdout.count("only needs_mirror, needs_chromium and needs_gpu may skip") >= 2
    assert done.stdout.strip().splitlines()[-1].startswith("1 failed, 2 skipped, 1 error")


def test_continuous_integration_skips_no_mirror_and_uses_one(tmp_path):
    done = _pytest(tmp_path, CASES, CI="true")
    assert done.returncode == 1
    assert "continuous integration does not skip" in done.stdout
    (tmp_path / "mirror" / "recordings").mkdir(parents=True)
    done = _pytest(tmp_path, CASES, CI="true", HOMOLOGUE_MIRROR=str(tmp_path / "mirror"))
    assert "needs_mirror" not in done.stdout


def test_declared_shapes_are_checked_and_own_errors_go_first(tmp_path):
    package = tmp_path / "package" / "homologue"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    source = Path(__file__).parents[1] / "src" / "homologue" / "_typing.py"
    (package / "_typing.py").write_text(source.read_text())
    (package / "shapes_example.py").write_text(EXAMPLE)
    done = _pytest(tmp_path, SHAPES, PYTHONPATH=str(tmp_path / "package"))
    assert done.returncode == 0, done.stdout

"""The project as a whole: metadata, light imports, every public name documented."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

import homologue

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def _public_modules() -> list[str]:
    """Return every module whose dotted name has no private part."""
    found = ["homologue"]
    for module in pkgutil.walk_packages(homologue.__path__, "homologue."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            found.append(module.name)
    return found


def _texts() -> dict[str, str]:
    """Return the texts the project is made of, by path."""
    suffixes = (".py", ".pyi", ".toml", ".md", ".txt", ".html", ".js", ".css")
    skipped = (".venv", ".git", "results", "build", "dist")
    paths = [path for path in ROOT.iterdir() if path.is_file()] + [ROOT / ".ci" / "run"]
    for folder in ROOT.iterdir():
        if folder.is_dir() and folder.name not in skipped:
            paths += folder.rglob("*")
    return {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for path in sorted(paths)
        if path.is_file() and (path.suffix in suffixes or path.name in ("Makefile", "run"))
    }


def test_the_version_stands_in_one_place():
    assert "version" in PROJECT["project"]["dynamic"]
    assert importlib.metadata.version("homologue") == homologue.__version__
    places = [
        path
        for path, text in _texts().items()
        if path.startswith("src/") and re.search(r"__version__\s*=\s*[\"']", text)
    ]
    assert places == ["src/homologue/_version.py"]


def test_the_changelog_knows_the_version():
    assert f"## [{homologue.__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_import_is_light():
    code = "import sys, homologue; print(*sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in out.stdout.split()}
    assert loaded.isdisjoint({"torch", "matplotlib", "pandas", "numpy", "xarray", "scipy"})


@pytest.mark.parametrize("name", ["recording", "stimuli", "systems", "tuning", "inference"])
def test_no_package_imports_torch_or_matplotlib_by_itself(name):
    code = f"import sys, homologue; homologue.{name}; print(*sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in out.stdout.split()}
    assert loaded.isdisjoint({"torch", "matplotlib", "transformers", "pynwb"})


@pytest.mark.parametrize("name", homologue.__all__)
def test_every_lazy_name_is_there(name):
    assert getattr(homologue, name) is not None
    assert name in dir(homologue)


def test_a_wrong_name_is_answered_with_the_nearest():
    with pytest.raises(AttributeError, match="did you mean 'recording'"):
        homologue.recordings  # noqa: B018


def test_the_stub_and_the_lazy_names_are_in_step():
    tree = ast.parse((ROOT / "src" / "homologue" / "__init__.pyi").read_text("utf-8"))
    stub = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(stub) == set(homologue.__all__)
    for name, module in homologue._NAMES.items():
        assert stub[name] == f"{module}.{name}"


@pytest.mark.parametrize("name", _public_modules())
def test_every_public_name_is_documented(name):
    module = importlib.import_module(name)
    assert inspect.getdoc(module), f"{name} has no docstring"
    for public in getattr(module, "__all__", ()):
        member = getattr(module, public)
        if isinstance(member, types.ModuleType) or not callable(member):
            continue  # modules are checked by themselves; constants have no docstring
        assert inspect.getdoc(member), f"{name}.{public} has no docstring"
        if inspect.isclass(member) and member.__module__.startswith("homologue"):
            _check_methods(member, f"{name}.{public}")


def _check_methods(cls: type, name: str) -> None:
    attributes = inspect.getdoc(cls) or ""
    for attribute, member in vars(cls).items():
        if attribute.startswith("_"):
            continue
        if isinstance(member, property) and re.search(rf"\b{attribute}\b.* : ", attributes):
            continue  # described among the class' attributes
        if inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod):
            assert inspect.getdoc(getattr(cls, attribute)), f"{name}.{attribute} has no docstring"


def test_every_package_lists_its_public_names():
    for package in homologue._MODULES:
        names = getattr(importlib.import_module(f"homologue.{package}"), "__all__", ())
        assert names, f"homologue.{package} has no __all__"
        assert len(set(names)) == len(names)


def _names(requirements: list[str]) -> set[str]:
    names = {re.match(r"[A-Za-z0-9._-]+", text).group() for text in requirements}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names} - {"homologue"}


def test_constraints_pin_every_dependency():
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in pins)
    extras = PROJECT["project"]["optional-dependencies"]
    needed = _names(PROJECT["project"]["dependencies"])
    for extra in ("models", "nwb", "brains", "dev"):
        needed |= _names(extras[extra])
    assert needed - _names(pins) == set()
    assert "torch==2.13.0" in pins


def test_no_machine_and_no_index_is_named():
    place = re.compile(r"/(root|work|home)/|index-url|extra-index|find-links|pypi\.org/simple")
    found = {path for path, text in _texts().items() if place.search(text)}
    assert found - {"tests/test_project.py"} == set()


def test_every_claimed_extra_of_the_readme_exists():
    readme = (ROOT / "README.md").read_text("utf-8")
    extras = set(re.findall(r"^\| `(\w+)` \|", readme, flags=re.MULTILINE))
    assert extras == set(PROJECT["project"]["optional-dependencies"])


def test_the_three_markers_are_declared():
    markers = PROJECT["tool"]["pytest"]["ini_options"]["markers"]
    assert {marker.split(":")[0] for marker in markers} == {
        "needs_mirror",
        "needs_chromium",
        "needs_gpu",
    }

"""Assets: every source, every way to fail, and nothing used that was not checked."""

from __future__ import annotations

import hashlib
import http.server
import os
import re
import shutil
import socket
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from homologue._errors import AssetUnavailable, UnknownName
from homologue.systems import _assets, _sources
from homologue.systems._assets import Asset, File

DATA = {"toy/one.txt": b"one" * 1000, "toy/deep/two.txt": b"two" * 1000}
CLOSED = "http://127.0.0.1:9"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def member(name: str, **changes: object) -> File:
    data = DATA[f"toy/{name}"]
    fields = {
        "name": name,
        "sha256": digest(data),
        "bytes": len(data),
        "wheel": "homologue-toy==1.0",
        "member": f"toy/{name}",
    }
    return File(**(fields | changes))


def build_wheel(folder: Path, version: str = "1.0") -> Path:
    info = f"homologue_toy-{version}.dist-info"
    path = folder / f"homologue_toy-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in DATA.items():
            archive.writestr(name, data)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: homologue-toy\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def copied(wheel: str, folder: Path) -> subprocess.CompletedProcess[str]:
    name, _, version = wheel.partition("==")
    index = Path(os.environ["PIP_FIND_LINKS"])
    found = index / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    if not found.exists():
        said = f"ERROR: No matching distribution found for {wheel}"
        return subprocess.CompletedProcess([], 1, "", said)
    shutil.copy(found, folder)
    return subprocess.CompletedProcess([], 0, "", "")


@pytest.fixture
def with_pip() -> None:
    """Run the real ``pip download`` against the local index."""


@pytest.fixture
def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """Cache, mirror and a local package index of their own; no network.

    Where pip itself is not the point, its download is a copy from the index (a run takes 1 s).
    """
    for name in ("cache", "mirror", "index"):
        (tmp_path / name).mkdir()
    build_wheel(tmp_path / "index")
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HOMOLOGUE_MIRROR", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    if "with_pip" not in request.fixturenames:
        monkeypatch.setattr(_sources, "pip_download", copied)
    _sources.forget()
    yield tmp_path
    _sources.forget()


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch):
    def declare(*files: File, name: str = "toy") -> None:
        known = _assets._manifest()
        asset = Asset(name, "a toy", "CC0", "nobody", "made here", files)
        monkeypatch.setattr(_assets, "_manifest", lambda: {**known, name: asset})

    return declare


def no_pip(*args: object, **options: object) -> None:
    raise AssertionError("pip was run")


def test_a_wheel_is_a_container_and_is_opened_once(with_pip, world, declare, monkeypatch):
    declare(member("one.txt"))
    assert _assets.availability("toy") == "wheel"
    path = _assets.fetch("toy")
    assert path == world / "cache" / "toy" / "one.txt"
    assert path.read_bytes() == DATA["toy/one.txt"]
    assert _assets.availability("toy") == "cached"
    monkeypatch.setattr(_sources, "pip_download", no_pip)
    assert _assets.fetch("toy") == path
    left = {p.name for p in (world / "cache").iterdir()}
    assert left == {"toy", ".toy.lock"}  # no half download, and the wheel itself is gone


def test_several_files_come_as_a_folder_from_one_download(world, declare, monkeypatch):
    declare(member("one.txt"), member("deep/two.txt"))
    folder = _assets.fetch_folder("toy")
    assert (folder / "deep" / "two.txt").read_bytes() == DATA["toy/deep/two.txt"]
    monkeypatch.setattr(_sources, "pip_download", no_pip)
    assert _assets.fetch("toy") == folder
    assert _assets.fetch("toy", "deep/two.txt") == folder / "deep" / "two.txt"
    with pytest.raises(UnknownName, match=r"no file 'deep/tow.txt'; did you mean 'deep/two.txt'"):
        _assets.fetch("toy", "deep/tow.txt")


def test_mirror_and_wheel_give_the_same_bytes(world, declare, monkeypatch):
    declare(member("one.txt", mirror="recordings/one.txt"))
    from_wheel = _assets.fetch("toy").read_bytes()
    _assets.clear("toy")
    mirrored = world / "mirror" / "recordings" / "one.txt"
    mirrored.parent.mkdir()
    mirrored.write_bytes(DATA["toy/one.txt"])
    monkeypatch.setenv("HOMOLOGUE_MIRROR", str(world / "mirror"))
    monkeypatch.setattr(_sources, "pip_download", no_pip)
    assert _assets.availability("toy") == "mirror"
    assert _assets.fetch("toy") == mirrored  # used where it lies
    assert mirrored.read_bytes() == from_wheel
    folder = _assets.fetch_folder("toy")  # a folder is made in the cache
    assert (folder / "one.txt").read_bytes() == from_wheel


def test_a_mirror_may_hold_any_asset_under_its_name(world, declare, monkeypatch):
    declare(member("one.txt"))
    (world / "mirror" / "toy").mkdir()
    (world / "mirror" / "toy" / "one.txt").write_bytes(DATA["toy/one.txt"])
    monkeypatch.setenv("HOMOLOGUE_MIRROR", str(world / "mirror"))
    monkeypatch.setattr(_sources, "pip_download", no_pip)
    assert _assets.fetch("toy") == world / "mirror" / "toy" / "one.txt"


def test_checksum_mismatch_keeps_the_file_aside_and_says_both_sums(world, declare):
    wrong = "0" * 64
    declare(member("one.txt", sha256=wrong))
    with pytest.raises(_sources.ChecksumMismatch) as caught:
        _assets.fetch("toy")
    text = str(caught.value)
    assert f"expected sha256 {wrong}" in text
    assert f"got      sha256 {digest(DATA['toy/one.txt'])}" in text
    kept = list((world / "cache" / "rejected").iterdir())
    assert len(kept) == 1
    assert str(kept[0]) in text
    assert kept[0].read_bytes() == DATA["toy/one.txt"]
    assert not (world / "cache" / "toy" / "one.txt").exists()
    assert "homologue fetch toy" in text


def test_a_wrong_file_on_the_mirror_is_left_there_and_never_used(world, declare, monkeypatch):
    declare(member("one.txt"))
    mirrored = world / "mirror" / "toy" / "one.txt"
    mirrored.parent.mkdir()
    mirrored.write_bytes(b"something else")
    monkeypatch.setenv("HOMOLOGUE_MIRROR", str(world / "mirror"))
    path = _assets.fetch("toy")  # the wheel has the right one
    assert path.read_bytes() == DATA["toy/one.txt"]
    _assets.clear("toy")
    declare(member("one.txt", wheel=None, member=None))
    with pytest.raises(
        _sources.ChecksumMismatch,
        match=r"(?s)mirror/toy/one\.txt: checksum mismatch.*mend or remove",
    ):
        _assets.fetch("toy")
    assert mirrored.read_bytes() == b"something else"


def test_a_damaged_cache_is_set_aside_and_fetched_again(world, declare):
    declare(member("one.txt"))
    path = _assets.fetch("toy")
    path.write_bytes(b"bit rot")
    assert _assets.fetch("toy").read_bytes() == DATA["toy/one.txt"]
    rejected = list((world / "cache" / "rejected").iterdir())
    assert [p.read_bytes() for p in rejected] == [b"bit rot"]


def test_gone_a_version_the_index_does_not_have(with_pip, world, declare):
    declare(member("one.txt", wheel="homologue-toy==9.9"))
    with pytest.raises(_sources.AssetGone) as caught:
        _assets.fetch("toy")
    assert "No matching distribution found for homologue-toy==9.9" in str(caught.value)
    assert "HOMOLOGUE_MIRROR=/path/to/mirror homologue fetch toy" in str(caught.value)
    assert _assets.availability("toy") == "gone"


def test_gone_a_member_the_wheel_does_not_hold(world, declare):
    declare(member("one.txt", member="toy/three.txt"))
    with pytest.raises(_sources.AssetGone, match=r"the wheel holds no toy/three\.txt"):
        _assets.fetch("toy")


def test_offline_index(with_pip, world, declare, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"{CLOSED}/simple")
    declare(member("one.txt"))
    with pytest.raises(_sources.AssetOffline) as caught:
        _assets.fetch("toy")
    assert "the package index does not answer" in str(caught.value)
    assert "with network: homologue fetch toy" in str(caught.value)
    assert _assets.availability("toy") == "offline"
    monkeypatch.setattr(_sources, "pip_download", no_pip)  # not asked again for a minute
    with pytest.raises(_sources.AssetOffline, match="less than 60 s ago"):
        _assets.fetch("toy")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(world: Path) -> Iterator[str]:
    (world / "site").mkdir()
    (world / "site" / "one.txt").write_bytes(DATA["toy/one.txt"])

    def handler(*args: object) -> Quiet:
        return Quiet(*args, directory=str(world / "site"))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


def test_a_url_in_all_three_states(world, declare, server):
    nowhere = {"wheel": None, "member": None}
    declare(member("one.txt", url=f"{server}/one.txt", **nowhere))
    assert _assets.availability("toy") == "url"
    assert _assets.fetch("toy").read_bytes() == DATA["toy/one.txt"]
    _assets.clear("toy")
    declare(member("one.txt", url=f"{server}/two.txt", **nowhere))
    with pytest.raises(_sources.AssetGone, match="404"):
        _assets.fetch("toy")
    declare(member("one.txt", url=f"{CLOSED}/one.txt", **nowhere))
    with pytest.raises(_sources.AssetOffline, match=re.escape(CLOSED)):
        _assets.fetch("toy")
    declare(member("one.txt", url=f"{server}/one.txt", sha256="1" * 64, **nowhere))
    with pytest.raises(_sources.ChecksumMismatch, match="1" * 64):
        _assets.fetch("toy")


def test_the_url_is_tried_where_the_wheel_is_gone(world, declare, server):
    declare(member("one.txt", wheel="homologue-toy==9.9", url=f"{server}/one.txt"))
    assert _assets.fetch("toy").read_bytes() == DATA["toy/one.txt"]


def test_not_on_mirror(world, declare, monkeypatch):
    declare(member("one.txt", wheel=None, member=None, mirror="recordings/one.txt"))
    assert _assets.availability("toy") == "not on mirror"
    with pytest.raises(_sources.NotOnMirror) as caught:
        _assets.fetch("toy")
    assert "try: HOMOLOGUE_MIRROR=/path/to/mirror homologue fetch toy" in str(caught.value)
    assert "recordings/one.txt" in str(caught.value)
    monkeypatch.setenv("HOMOLOGUE_MIRROR", str(world / "mirror"))
    with pytest.raises(_sources.NotOnMirror, match=re.escape(str(world / "mirror"))):
        _assets.fetch("toy")


def test_every_failure_is_an_asset_unavailable():
    assert {error.state for error in _sources.ERRORS.values()} == {
        "checksum mismatch",
        "gone",
        "offline",
        "not on mirror",
    }
    assert all(issubclass(error, AssetUnavailable) for error in _sources.ERRORS.values())


def test_threads_download_once_and_all_read_whole_files(world, declare, monkeypatch):
    declare(member("one.txt"))
    real, runs = _sources.pip_download, []

    def counted(*args):
        runs.append(args)
        return real(*args)

    monkeypatch.setattr(_sources, "pip_download", counted)
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: _assets.fetch("toy"), range(8)))
    assert len(set(paths)) == 1
    assert paths[0].read_bytes() == DATA["toy/one.txt"]
    assert len(runs) == 1


def test_a_killed_download_leaves_nothing_that_counts(world, declare, monkeypatch):
    declare(member("one.txt"))

    def killed(wheel: str, folder: Path) -> None:
        (folder / "homologue_toy-1.0-py3-none-any.whl").write_bytes(b"PK half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_sources, "pip_download", killed)
        with pytest.raises(KeyboardInterrupt):
            _assets.fetch("toy")
    assert _assets.availability("toy") == "wheel"
    assert _assets.fetch("toy").read_bytes() == DATA["toy/one.txt"]


def test_a_truncated_wheel_is_refused(with_pip, world, declare):
    path = world / "index" / "homologue_toy-1.0-py3-none-any.whl"
    path.write_bytes(path.read_bytes()[:-200])
    declare(member("one.txt"))
    with pytest.raises(AssetUnavailable, match="homologue fetch toy"):
        _assets.fetch("toy")
    assert not (world / "cache" / "toy").exists()


def test_parts_are_joined_and_dropped(world, declare, monkeypatch):
    whole = DATA["toy/one.txt"] + DATA["toy/deep/two.txt"]
    declare(member("one.txt"), member("deep/two.txt"), name="toy-parts")
    declare(File("whole.txt", digest(whole), len(whole), join="toy-parts"), name="toy-whole")
    assert _assets.availability("toy-whole") == "wheel"
    assert _assets.how_to_get("toy-whole") == "homologue fetch toy-whole"
    assert _assets.fetch("toy-whole").read_bytes() == whole
    assert _assets.availability("toy-whole") == "cached"
    assert not (world / "cache" / "toy-parts" / "one.txt").exists()


def test_a_cache_that_cannot_be_written(world, declare, monkeypatch):
    (world / "file").write_text("in the way")
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(world / "file" / "cache"))
    declare(member("one.txt"))
    with pytest.raises(AssetUnavailable, match="set HOMOLOGUE_CACHE to a folder that can"):
        _assets.fetch("toy")


def test_unknown_asset():
    with pytest.raises(
        UnknownName, match=r"no asset is named 'head-directoin'; did you mean 'head-"
    ):
        _assets.fetch("head-directoin")


def test_listing_makes_no_call(monkeypatch):
    def forbidden(*args: object, **options: object) -> None:
        raise AssertionError("a listing reached out")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(subprocess, "Popen", forbidden)
    rows = _assets.describe()
    assert [row["name"] for row in rows]
    assert {row["availability"] for row in rows} <= set(_assets.STATES)


@pytest.mark.parametrize("name", _assets.names())
def test_every_asset_is_declared_in_full(name):
    asset = _assets.get(name)
    assert asset.summary
    assert asset.licence
    assert asset.citation
    assert asset.source
    for file in asset.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.bytes > 0
        assert (file.wheel and file.member) or file.mirror or file.url or file.join
        assert not file.name.startswith("/")
        assert ".." not in file.name
        if file.url:
            assert re.search(r"/[0-9a-f]{40}/", file.url), "a URL is pinned to a commit"
        if file.wheel:
            assert re.fullmatch(r"[\w.-]+==[\w.]+", file.wheel)


@pytest.mark.needs_mirror
def test_the_mirror_holds_what_the_manifest_says(mirror):
    checked = 0
    for name in _assets.names():
        for file in _assets.get(name).files:
            if file.mirror:
                path = mirror / file.mirror
                assert path.stat().st_size == file.bytes
                assert _sources.sha256(path) == file.sha256
                checked += 1
    assert checked >= 15


def test_pip_outcomes_are_told_apart():
    gone = (
        "ERROR: Could not find a version that satisfies the requirement x==1 (from versions: none)"
        "\nERROR: No matching distribution found for x==1"
    )
    assert _sources.read_pip(gone) == ("gone", "ERROR: No matching distribution found for x==1")
    broken = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n"
    assert _sources.read_pip(broken + gone)[0] == "offline"
    assert _sources.read_pip("/usr/bin/python: No module named pip") == (
        "failed",
        "pip is not installed here; try: python -m ensurepip",
    )
    assert _sources.read_pip("ERROR: disk full")[0] == "failed"


def test_from_the_package_index_itself(tmp_path, monkeypatch):
    """The fly's wheel (27 kB) as users get it."""
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(tmp_path))
    monkeypatch.delenv("HOMOLOGUE_MIRROR", raising=False)
    _sources.forget()
    path = _assets.fetch("fly")
    assert _sources.sha256(path) == _assets.get("fly").files[0].sha256
    assert path.read_text().splitlines()[2].startswith("ammonium hydroxide,3,-21,32")

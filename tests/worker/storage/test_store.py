"""Opening stores, and what their failures are called."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from obstore.store import LocalStore

from models.clock import now
from models.errors import SettingsError, StorageError
from tests.support.s3 import serve_refusals, serve_s3
from worker.storage.local_files import LocalFiles
from worker.storage.object_store import ObjectStore
from worker.storage.store import open_store

DAYS_AGO = now().timestamp() - 90_000
NOBODY = "http://127.0.0.1:9"  # the discard port
KEYS = {"endpoint": NOBODY, "region": "x", "access_key_id": "a", "secret_access_key": "b"}


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let writes fail half-way, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/var/lib/x",
        "file://relative/path",
        "file://",
        "s3:///prefix",
        "s3://",
        "http://a.example/x",
        "ftp://x/y",
    ],
)
def test_an_address_that_names_no_store_is_a_setting_to_correct(url: str) -> None:
    with pytest.raises(SettingsError, match="DARKROOM_STORAGE_URL"):
        open_store(url)


@pytest.mark.parametrize(
    ("url", "options"),
    [("s3://b", {"endpint": "x"}), ("s3://b", {"allow_http": "perhaps"}), ("az://b", {})],
)
def test_an_option_that_does_not_fit_is_a_setting_to_correct(url: str, options: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=url):
        open_store(url, options=options)


def test_a_folder_is_made_when_it_is_missing(tmp_path: Path) -> None:
    open_store(f"file://{tmp_path}/a%20b/c")
    assert (tmp_path / "a b" / "c").is_dir()


def test_a_folder_that_can_not_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="choose another folder"):
        open_store(f"file://{tmp_path}/file/pictures")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "RequestTimeTooSkewed", "synchronize both by NTP"),
        (403, "SignatureDoesNotMatch", "correct DARKROOM_S3_SECRET_ACCESS_KEY"),
        (301, "PermanentRedirect", "correct DARKROOM_S3_REGION"),
        (400, "AuthorizationHeaderMalformed", "correct DARKROOM_S3_REGION"),
        (409, "QuotaExceeded", "raise the quota"),
        (400, "Oddity", "it answered with the code Oddity"),
    ],
)
async def test_a_bucket_that_refuses_is_reported_with_the_setting_to_correct(
    status: int, code: str, words: str
) -> None:
    with serve_refusals(status, code) as options, pytest.raises(StorageError, match=words):
        await open_store("s3://pictures", options=options).check()


async def test_an_object_of_a_bucket_that_is_gone_is_not_called_missing() -> None:
    with serve_refusals(404, "NoSuchBucket") as options, pytest.raises(StorageError, match="create it"):
        await open_store("s3://pictures", options=options).get("ab/cd")


@pytest.mark.parametrize(("least", "usable"), [(0, True), (2**62, False)])
async def test_a_folder_with_little_space_left_is_not_usable(
    tmp_path: Path, least: int, usable: bool
) -> None:
    folder = LocalFiles(tmp_path)
    store = ObjectStore(LocalStore(tmp_path), place="the folder", folder=folder, least_free=least)
    if usable:
        await store.check()
    else:
        with pytest.raises(StorageError, match=r"MiB left.*free some space"):
            await store.check()


async def test_a_bucket_that_does_not_exist_is_named_with_the_fix() -> None:
    with serve_s3() as server:
        store = open_store("s3://missing", options=server.options)
        with pytest.raises(
            StorageError, match=r"s3://missing: there is no such bucket or container; create it"
        ):
            await store.check()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({**KEYS, "allow_http": "true"}, "can't be reached; check DARKROOM_S3_ENDPOINT"),
        (KEYS, "uses plain http"),
    ],
)
async def test_a_store_that_can_not_be_used_says_why(options: dict[str, str], words: str) -> None:
    with pytest.raises(StorageError, match=words):
        await open_store("s3://b", options=options).check()


@pytest.mark.parametrize("kind", ["bytes", "file"])
async def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path, kind: str) -> None:
    store, source = open_store(f"file://{tmp_path}/store"), tmp_path / "source"
    content = bytes(12_000_000)
    source.write_bytes(content)
    with files_limited_to(100_000), pytest.raises(StorageError, match="larger than"):
        await store.put("ab/x.png", content if kind == "bytes" else source, content_type="image/png")
    assert await store.head("ab/x.png") is None
    assert files(tmp_path / "store") == []
    await store.put("ab/x.png", content, content_type="image/png")
    assert files(tmp_path / "store") == ["x.png"]


async def test_unfinished_files_of_a_killed_process_are_removed_after_a_day(tmp_path: Path) -> None:
    open_store(f"file://{tmp_path}")
    old, young, kept = (tmp_path / ".part" / name for name in ("old.part", "young.part", "notes.txt"))
    for path in (old, young, kept):
        path.write_text("half")
    for path in (old, kept):
        os.utime(path, (DAYS_AGO, DAYS_AGO))
    open_store(f"file://{tmp_path}")
    assert set(files(tmp_path)) == {young.name, kept.name}

"""Files of the dashboard: of this package alone, kept by browsers, with the sums of those of others."""

import re
from hashlib import sha256

import pytest

from api.dashboard.static_files import FOLDER, static_url
from tests.api.service import Service


async def test_files_are_kept_by_browsers_until_they_change(service: Service) -> None:
    login = (await service.client.get("/dashboard/login")).text
    css = re.search(r'href="(/dashboard/static/[^"]+dashboard\.css)"', login)
    assert css is not None
    answer = await service.client.get(css[1])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in answer.headers["cache-control"]
    assert (await service.client.get(css[1].replace("static/", "static/x"))).status_code == 404
    for name in ("../page.py", "vendor/SOURCE.md", "nothing.js"):
        answer = await service.client.get(f"/dashboard/static/x/{name}")
        assert answer.status_code in (303, 404), "a folder above is the login"


def test_files_of_others_are_those_of_their_sums() -> None:
    page = (FOLDER / "vendor" / "SOURCE.md").read_text(encoding="utf-8")
    sums = {name: digest for digest, name in re.findall(r"\| `([0-9a-f]{64})` \| (\S+) \|", page)}
    files = {path.name for path in (FOLDER / "vendor").iterdir()} - {"SOURCE.md"}
    assert set(sums) == files
    for name in files:
        assert sha256((FOLDER / "vendor" / name).read_bytes()).hexdigest() == sums[name], name


def test_all_files_have_one_version_so_that_modules_import_each_other() -> None:
    folders = {static_url(name).rpartition("/")[0] for name in ("dashboard.js", "dashboard.css", "login.js")}
    assert len(folders) == 1
    with pytest.raises(KeyError):
        static_url("nothing.js")

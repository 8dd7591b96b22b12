"""The page /docs loads what it needs from this API alone."""

import hashlib
import re
from pathlib import Path

from api.rest.openapi import docs_page
from tests.api.service import Service

FOLDER = Path(docs_page.__file__).parent / "swagger_ui"
SUMS = {
    name: digest
    for digest, name in re.findall(
        r"^\| `([0-9a-f]{64})` \| (\S+) \|$", (FOLDER / "SOURCE.md").read_text(), re.MULTILINE
    )
}


async def test_everything_that_the_page_loads_is_served_here(service: Service) -> None:
    anyone = service.with_key(None)
    page = await anyone.get("/docs")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 5
    for link in links:
        assert not link.startswith("/")  # relative, so that the page works below any path
        assert "//" not in link
        assert (await anyone.get(f"/{link}")).status_code == 200, link


async def test_the_policy_of_the_page_allows_no_other_host(service: Service) -> None:
    policy = (await service.get("/docs")).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "*" not in policy


async def test_scripts_and_styles_have_their_media_types(service: Service) -> None:
    for name, kind in (("swagger-ui-bundle.js", "text/javascript"), ("swagger-ui.css", "text/css")):
        answer = await service.get(f"/docs/{name}")
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_no_other_file_is_served(service: Service) -> None:
    for name in ("SOURCE.md", "..%2Fdocs_page.py", "nothing.js"):
        assert (await service.get(f"/docs/{name}")).status_code == 404, name


def test_the_files_are_those_of_the_recorded_package() -> None:
    files = {path.name for path in FOLDER.iterdir()} - {"SOURCE.md"}
    assert files == SUMS.keys()
    for name, digest in SUMS.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name

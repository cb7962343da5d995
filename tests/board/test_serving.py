"""How the gateway serves the files of the board, and what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.paths import asset

FILES = sorted(asset("board").iterdir())
OURS = [file for file in FILES if not file.name.startswith("htm-preact")]
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
MOST_BYTES = 150_000


@pytest.fixture
def client(stack: StackInfo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, trust_env=False, timeout=60) as made:
        yield made


def test_each_file_is_served_as_what_it_is_and_asked_for_anew_each_time(
    client: httpx.Client,
) -> None:
    for file in FILES:
        answer = client.get(f"/board/{file.name}")
        assert answer.content == file.read_bytes()
        assert answer.headers["content-type"].partition(";")[0] == TYPES[file.suffix]
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        again = client.get(f"/board/{file.name}", headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304


def test_the_policy_allows_nothing_but_files_and_calls_of_this_host(client: httpx.Client) -> None:
    policy = dict(
        part.strip().split(" ", 1)
        for part in client.get("/board/").headers["content-security-policy"].split(";")
    )
    sources = {name: policy.pop(name) for name in list(policy) if name.endswith("-src")}
    assert sources.pop("default-src") == "'none'"
    assert set(sources.values()) == {"'self'"}
    assert policy == {
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }


def test_the_address_without_its_slash_leads_to_the_board_and_names_no_host(
    client: httpx.Client,
) -> None:
    answer = client.get("/board?key=secret")
    assert (answer.status_code, answer.headers["location"]) == (302, "/board/")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "path", ["/board/none.js", "/board/../gateway.conf", "/board/%2e%2e/gateway.conf", "/boards"]
)
def test_what_is_no_file_of_the_board_is_a_404_in_json(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["message"] == "not_found"


def test_all_files_together_are_small() -> None:
    assert sum(file.stat().st_size for file in FILES) <= MOST_BYTES


def test_no_file_names_another_host_and_none_makes_html_of_text() -> None:
    """The address of the SVG namespace is a name, which nobody asks."""
    for file in OURS:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|innerHTML|dangerously|insertAdjacent|document\.write", text)
        assert not re.search(r"<script(?! type=\"module\" src=)|<style|\sstyle=\"|\son\w+=\"", text)


def test_the_page_asks_for_all_modules_at_once_and_not_one_after_the_other() -> None:
    page = asset("board", "index.html").read_text()
    preloaded = re.findall(r'<link rel="modulepreload" href="(.*)">', page)
    modules = {file.name for file in FILES if file.suffix == ".js"}
    assert sorted(preloaded) == sorted(modules - {"main.js"})


def test_the_licence_of_what_is_not_ours_lies_beside_it() -> None:
    licence = asset("board", "htm-preact.LICENSE.txt").read_text()
    assert "Apache License" in licence
    assert "The MIT License" in licence

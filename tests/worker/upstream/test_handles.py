"""Handles recover a lost answer."""

import pytest

from worker.upstream.handles import (
    Handles,
    find_generation_id,
    find_task_id,
    join_origin,
    merge_handles,
    task_url,
)

LINK = "https://pro.asyncdata.net/source/task_1"


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("> ID: `task_01abc`\n", "task_01abc"),
        ("任务ID：`2f1e-s3`\n", "2f1e-s3"),
        ("**Task ID:** abc-123 \n", "abc-123"),
        ("> ID: task_01abc", None),
        ("an ID: of a thing\n", None),
        ("", None),
    ],
)
def test_a_task_is_read_where_a_line_names_it_whole(text: str, task: str | None) -> None:
    assert find_task_id(text) == task


def test_a_generation_is_read_from_a_label() -> None:
    assert find_generation_id(" gen_01abc ") == "gen_01abc"
    assert find_generation_id("a generation") is None


def test_the_first_known_handles_stay() -> None:
    known = merge_handles(Handles(task_id="a", gen_ids=("gen_1",)), Handles("b", LINK, ("gen_1", "gen_2")))
    assert known == Handles("a", LINK, ("gen_1", "gen_2"))


def test_handles_survive_their_json() -> None:
    handles = Handles("a", LINK, ("gen_1",))
    assert Handles.from_json(handles.to_json()) == handles
    assert Handles.from_json(None) == Handles()
    assert not Handles()


def test_only_a_task_or_a_poll_url_is_pollable() -> None:
    assert Handles(task_id="a").pollable
    assert Handles(poll_url=LINK).pollable
    assert not Handles(gen_ids=("gen_1",)).pollable


@pytest.mark.parametrize(
    ("chat", "address"),
    [
        ("https://a.example/v1/chat/completions", "https://a.example/v1/images/tasks/t%2F..%3Fx"),
        (
            "https://a.example/api/v3/chat/completions?tenant=7",
            "https://a.example/api/v3/images/tasks/t%2F..%3Fx?tenant=7",
        ),
    ],
)
def test_the_url_of_a_task_replaces_chat_completions_and_quotes_its_id(chat: str, address: str) -> None:
    assert task_url(chat, "images/tasks/{id}", "t/..?x") == address


@pytest.mark.parametrize(
    ("address", "joined"),
    [
        ("/v1/tasks/t1", "https://api.example.com/v1/tasks/t1"),
        ("https://API.example.com:443/t1", "https://API.example.com:443/t1"),
        ("https://api.example.com.evil.example/t1", None),
        ("http://api.example.com/t1", None),
        ("https://api.example.com:8443/t1", None),
        ("https://api.example.com@evil.example/t1", None),
        ("//evil.example/t1", None),
        ("\\\\evil.example/t1", "https://api.example.com/v1/chat/\\\\evil.example/t1"),
        ("http://[", None),
    ],
)
def test_an_address_is_joined_to_the_channels_origin_or_is_elsewhere(
    address: str, joined: str | None
) -> None:
    assert join_origin("https://api.example.com/v1/chat/completions", address) == joined


def test_the_addresses_of_a_task_are_stored_with_the_handles() -> None:
    handles = Handles("t1", task_urls=("/a", "/b"))
    assert Handles.from_json(handles.to_json()) == handles
    merged = merge_handles(handles, Handles(task_urls=("/b", "/c", "/d", "/e")))
    assert merged.task_urls == ("/a", "/b", "/c", "/d")
    assert Handles(task_urls=("/a",)).pollable

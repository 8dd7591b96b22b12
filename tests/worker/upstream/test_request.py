"""An image request becomes the HTTP request of a provider family."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from models.errors import InvalidRequest
from models.request import ImagePart, ImageRequest, Message, TextPart
from tests.worker.upstream.channels import channel
from worker.upstream.presets.catalog import PRESETS, preset_named
from worker.upstream.presets.channel_preset import effective_preset
from worker.upstream.request import ProviderRequest, build_request, endpoint

CAT = ImageRequest("gpt-4o-image", "画一只小猫")
EDIT = ImageRequest(
    "nano-banana", "swap them", images=("https://a.example/1.png", "data:image/png;base64,AA")
)


def build(request: ImageRequest, preset: str = "generic", **more: Any) -> ProviderRequest:
    return build_request(
        request, base_url="https://api.example.com", api_key="sk-1", preset=preset_named(preset), **more
    )


def body(request: ImageRequest, preset: str = "generic") -> dict[str, Any]:
    members: dict[str, Any] = orjson.loads(build(request, preset).body)
    return members


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://a.example", "https://a.example/v1/chat/completions"),
        ("https://a.example/", "https://a.example/v1/chat/completions"),
        ("https://a.example/v1", "https://a.example/v1/chat/completions"),
        ("https://a.example/v1/", "https://a.example/v1/chat/completions"),
        ("https://a.example/v1/chat/completions", "https://a.example/v1/chat/completions"),
        ("https://a.example/api/v1/chat/completions/", "https://a.example/api/v1/chat/completions"),
        ("https://a.example/api/v3", "https://a.example/api/v3/chat/completions"),
        ("https://a.example/v1beta/openai", "https://a.example/v1beta/openai/chat/completions"),
        ("http://127.0.0.1:8000/relay", "http://127.0.0.1:8000/relay/v1/chat/completions"),
        ("https://a.example/v1?key=x", "https://a.example/v1/chat/completions?key=x"),
    ],
)
def test_the_endpoint_is_right_for_every_base_url(base_url: str, expected: str) -> None:
    assert endpoint(base_url) == expected


def test_huiyan_gets_parts_and_a_stream() -> None:
    assert body(CAT, "huiyan") == {
        "model": "gpt-4o-image",
        "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "画一只小猫"}]}],
    }


def test_wenwen_gets_a_string_and_no_stream() -> None:
    assert body(CAT, "wenwen") == {
        "model": "gpt-4o-image",
        "stream": False,
        "messages": [{"role": "user", "content": "画一只小猫"}],
    }


@pytest.mark.parametrize(
    "preset", [name for name, known in PRESETS.items() if known.content_style != "string"]
)
def test_input_images_become_parts_in_order(preset: str) -> None:
    assert body(EDIT, preset)["messages"][0]["content"] == [
        {"type": "text", "text": "swap them"},
        {"type": "image_url", "image_url": {"url": "https://a.example/1.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
    ]


def test_a_family_without_parts_gets_urls_before_the_prompt() -> None:
    strings = replace(preset_named("generic"), content_style="string")
    request = replace(EDIT, images=("https://a.example/1.png",))
    built = build_request(request, base_url="https://a.example", api_key="k", preset=strings)
    assert orjson.loads(built.body)["messages"][0]["content"] == "https://a.example/1.png swap them"


@pytest.mark.parametrize(
    ("size", "preset", "member", "prompt"),
    [
        ("1024x1536", "generic", ("size", "1024x1536"), "画一只小猫"),
        ("16:9", "generic", ("aspect_ratio", "16:9"), "画一只小猫"),
        ("1024x1536", "wenwen", None, "画一只小猫【2:3】"),
        ("3:2", "wenwen", None, "画一只小猫【3:2】"),
    ],
)
def test_the_size_goes_where_the_family_reads_it(
    size: str, preset: str, member: tuple[str, str] | None, prompt: str
) -> None:
    members = body(replace(CAT, size=size), preset)
    assert members["messages"][0]["content"] == prompt
    assert {name: members[name] for name in ("size", "aspect_ratio") if name in members} == dict(
        [member] if member else []
    )


def test_n_is_sent_only_where_it_is_honoured() -> None:
    request = replace(CAT, n=3)
    assert body(request, "generic")["n"] == 3
    assert "n" not in body(request, "huiyan")
    assert build(request, "generic").n == 3
    assert build(request, "huiyan").n == 1, "the others come by further calls"


def test_params_are_merged_but_never_replace_what_is_ours() -> None:
    params = {"quality": "high", "model": "other", "messages": [], "stream": False, "size": "512x512"}
    members = body(replace(CAT, params=params, size="1024x1024"), "generic")
    assert members["quality"] == "high"
    assert members["size"] == "512x512"
    assert (members["model"], members["stream"]) == ("gpt-4o-image", True)
    assert members["messages"]


def test_headers_carry_the_key_and_the_types() -> None:
    assert build(CAT, idempotency_key="job_1:1").headers == {
        "Accept": "text/event-stream, application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "Authorization": "Bearer sk-1",
        "Idempotency-Key": "job_1:1",
    }
    assert "Idempotency-Key" not in build(CAT).headers


def test_all_urls_of_the_request_are_recorded() -> None:
    request = replace(EDIT, prompt="like https://a.example/ref.png，but blue")
    assert build(request).input_urls == (*EDIT.images, "https://a.example/ref.png")


def test_too_many_input_images_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="at most 10"):
        build(replace(CAT, images=("https://a.example/1.png",) * 11), "huiyan")


def test_params_that_are_no_json_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="JSON"):
        build(replace(CAT, params={"x": object()}))


def styled(request: ImageRequest, **choices: Any) -> ProviderRequest:
    preset = effective_preset(channel(**choices))
    return build_request(request, base_url="https://api.example.com/v1", api_key="sk-1", preset=preset)


def styled_body(request: ImageRequest, **choices: Any) -> dict[str, Any]:
    members: dict[str, Any] = orjson.loads(styled(request, **choices).body)
    return members


def test_a_channel_has_names_of_its_own_for_models() -> None:
    assert (
        styled_body(CAT, model_names={"gpt-4o-image": "openai/gpt-4o-image"})["model"]
        == "openai/gpt-4o-image"
    )
    assert styled_body(EDIT, model_names={"gpt-4o-image": "openai/gpt-4o-image"})["model"] == "nano-banana"


def test_params_of_the_channel_are_defaults_for_those_of_the_job() -> None:
    request = replace(CAT, params={"quality": "low"}, size="1024x1024")
    members = styled_body(request, params={"quality": "high", "style": "vivid", "size": "1x1"})
    assert (members["quality"], members["style"], members["size"]) == ("low", "vivid", "1024x1024")


def test_headers_of_the_channel_are_sent_and_those_with_secrets_are_hidden_from_answers() -> None:
    request = styled(CAT, headers={"x-api-key": "second-secret", "x-title": "Darkroom"})
    assert (request.headers["x-api-key"], request.headers["x-title"]) == ("second-secret", "Darkroom")
    assert request.secrets == ("sk-1", "second-secret")
    assert "second-secret" not in repr(request.secrets and replace(request, headers={}))


def test_system_messages_of_channel_job_and_size_are_one() -> None:
    request = replace(CAT, system="draw", size="2:3")
    messages = styled_body(request, system="be brief", size_style="system")["messages"]
    assert messages[0] == {"role": "system", "content": "be brief\ndraw\naspect_ratio=2:3"}


def test_modalities_are_a_member() -> None:
    assert styled_body(CAT, modalities=["image", "text"])["modalities"] == ["image", "text"]


def test_images_may_precede_the_text_or_be_a_member() -> None:
    first = styled_body(EDIT, content_style="images_first")["messages"][0]["content"]
    assert [part["type"] for part in first] == ["image_url", "image_url", "text"]
    members = styled_body(EDIT, image_style="member")
    assert (members["image"], members["messages"][0]["content"]) == (list(EDIT.images), "swap them")


def test_several_images_may_be_asked_for_in_words() -> None:
    request = styled(replace(CAT, n=3), n_style="prompt")
    assert orjson.loads(request.body)["messages"][0]["content"].endswith("(3 separate images)")
    assert request.n == 3


def test_turns_keep_their_order_and_images() -> None:
    turns = (
        Message("user", (TextPart("a cat"), ImagePart("https://a.example/cat.png"))),
        Message("assistant", (TextPart("here it is"),)),
    )
    request = replace(CAT, messages=turns, images=("https://a.example/hat.png",), detail="low")
    built = styled(request)
    assert orjson.loads(built.body)["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a cat"},
                {"type": "image_url", "image_url": {"url": "https://a.example/cat.png", "detail": "low"}},
            ],
        },
        {"role": "assistant", "content": "here it is"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "画一只小猫"},
                {"type": "image_url", "image_url": {"url": "https://a.example/hat.png", "detail": "low"}},
            ],
        },
    ]
    assert built.input_urls == ("https://a.example/cat.png", "https://a.example/hat.png")


def test_a_path_of_the_images_api_takes_jobs_without_input_images() -> None:
    built = styled(replace(CAT, n=2, size="1024x1024"), paths={"images": "images/generations"})
    assert built.url == "https://api.example.com/v1/images/generations"
    expected = {"model": "gpt-4o-image", "prompt": "画一只小猫", "n": 2, "size": "1024x1024"}
    assert orjson.loads(built.body) == expected
    assert not built.stream
    assert styled(EDIT, paths={"images": "images/generations"}).url.endswith("/chat/completions")


def test_a_path_of_edits_takes_input_images_and_a_mask_as_files() -> None:
    png = "data:image/png;base64,iVBORw0KGgo="
    built = styled(replace(EDIT, images=(png, png), mask=png), paths={"edits": "/images/edits"})
    assert built.url == "https://api.example.com/images/edits"
    assert built.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert built.body.count(b'name="image[]"; filename="image-') == 2
    assert built.body.count(b'name="mask"; filename="mask.png"') == 1
    assert built.body.count(b"\x89PNG\r\n\x1a\n") == 3
    assert b'name="prompt"\r\n\r\nswap them' in built.body


def test_partial_pictures_are_asked_for_at_images_endpoints_alone() -> None:
    wanted = replace(CAT, params={"partial_images": 2})
    preset = effective_preset(channel(images_endpoint=True))
    made = build_request(wanted, base_url="https://a.example", api_key="sk-1", preset=preset)
    assert {**orjson.loads(made.body), "model": ""} == {
        **{"model": "", "prompt": "画一只小猫", "stream": True, "partial_images": 2}
    }
    assert made.stream
    assert "text/event-stream" in made.headers["Accept"]
    edit = replace(wanted, images=("data:image/png;base64,AA==",))
    form = build_request(edit, base_url="https://a.example", api_key="sk-1", preset=preset).body
    assert b'name="stream"\r\n\r\ntrue\r\n' in form
    assert b'name="partial_images"\r\n\r\n2\r\n' in form
    plain = build_request(CAT, base_url="https://a.example", api_key="sk-1", preset=preset)
    assert "stream" not in orjson.loads(plain.body)
    assert not plain.stream
    assert "partial_images" not in body(wanted)

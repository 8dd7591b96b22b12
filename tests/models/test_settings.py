"""Settings: where they come from, and what is said when they are wrong."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from models.errors import SettingsError
from models.settings import FROM_FILES, Settings, load_settings, origin_of, unknown_variables
from models.states import OnUnknown

CHANNEL = """
[[channels]]
name = "one"
base_url = "https://provider.example"
api_key = "sk-of-the-provider"
models = ["gpt-4o-image", "nano*"]
"""


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Begin without any variable and in a folder without a file."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DARKROOM_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "darkroom.toml") -> Path:
    Path(name).write_text(text, encoding="utf-8")
    return Path(name)


def faults(config: Path | None = None, **overrides: Any) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load_settings(config, **overrides)
    return raised.value.faults


def test_everything_has_a_default() -> None:
    settings = load_settings()
    assert settings.sqlalchemy_url == "sqlite+aiosqlite:///darkroom-data/darkroom.db"
    assert settings.embedded_broker
    assert settings.on_unknown is OnUnknown.HOLD
    assert settings.all_channels() == ()


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_a_variable_outranks_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    written("port = 1111\nlog_level = 'debug'\n")
    monkeypatch.setenv("DARKROOM_PORT", "2222")
    settings = load_settings()
    assert (settings.port, settings.log_level) == (2222, "debug")


def test_the_command_line_outranks_both(monkeypatch: pytest.MonkeyPatch) -> None:
    written("port = 1111\n")
    monkeypatch.setenv("DARKROOM_PORT", "2222")
    assert load_settings(port=3333).port == 3333
    assert load_settings(port=None).port == 2222


def test_a_file_may_be_elsewhere() -> None:
    assert load_settings(written("port = 1111\n", "other.toml")).port == 1111


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_API_KEYS", " a-key-of-some-length-1 ,, a-key-of-some-length-2,")
    monkeypatch.setenv("DARKROOM_ALLOW_PRIVATE", "10.0.0.0/8,fd00::/8")
    settings = load_settings()
    assert [key.get_secret_value()[-1] for key in settings.api_keys] == ["1", "2"]
    assert settings.allow_private == ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///a.db", "sqlite+aiosqlite:///a.db"),
        ("sqlite:////var/a.db", "sqlite+aiosqlite:////var/a.db"),
        ("postgresql://u:p@host/name", "postgresql+psycopg://u:p@host/name"),
        ("postgres://u:p@host/name", "postgresql+psycopg://u:p@host/name"),
        ("postgresql+psycopg://u@host/name", "postgresql+psycopg://u@host/name"),
    ],
)
def test_database_addresses_need_no_driver(url: str, expected: str) -> None:
    assert load_settings(database_url=url).sqlalchemy_url == expected


def test_one_channel_needs_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", "https://provider.example")
    monkeypatch.setenv("DARKROOM_UPSTREAM_API_KEY", "sk-of-the-provider")
    monkeypatch.setenv("DARKROOM_UPSTREAM_MODELS", "gpt-4o-image, nano*")
    monkeypatch.setenv("DARKROOM_UPSTREAM_RPM", "30")
    (channel,) = load_settings().all_channels()
    assert (channel.name, channel.models, channel.rpm) == ("upstream", ("gpt-4o-image", "nano*"), 30)


def test_channels_of_the_file_and_of_the_variables_stand_side_by_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written(CHANNEL)
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", "https://provider.example")
    assert [channel.name for channel in load_settings().all_channels()] == ["one", "upstream"]


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        ({"port": "many"}, "DARKROOM_PORT"),
        ({"port": -1}, "DARKROOM_PORT"),
        ({"database_url": "mysql://host/name"}, "sqlite:///PATH or postgresql://"),
        ({"api_keys": "short"}, "key 1 has 5 characters; it needs at least 16"),
        ({"allow_private": "everything"}, "DARKROOM_ALLOW_PRIVATE"),
        ({"on_unknown": "perhaps"}, "DARKROOM_ON_UNKNOWN"),
        ({"colour": "blue"}, "colour: there is no such setting"),
        ({"upstream_base_url": "not an address"}, "UPSTREAM_BASE_URL"),
        ({"log_level": "loud"}, "DARKROOM_LOG_LEVEL"),
        ({"worker_slots": 0}, "DARKROOM_WORKER_SLOTS"),
    ],
)
def test_a_fault_is_one_sentence_that_names_the_setting(overrides: dict[str, Any], names: str) -> None:
    (error,) = faults(**overrides)
    assert names in error
    assert error.endswith(".")
    assert "\n" not in error


def test_all_faults_are_told_at_once() -> None:
    assert len(faults(port="many", log_level="loud", worker_slots=0)) == 3


def test_a_fault_inside_a_channel_names_the_channel_and_the_member() -> None:
    written(CHANNEL + "rpm = 0\ncolour = 'blue'\n")
    told = faults()
    assert any(error.startswith("channels.0.rpm: ") for error in told)
    assert any(error.startswith("channels.0.colour: there is no such setting") for error in told)


def test_two_channels_of_one_name_are_refused() -> None:
    written(CHANNEL + CHANNEL)
    assert faults() == ["channels: the name 'one' is used twice; give each its own."]


@pytest.mark.parametrize("text", ["port = ", "\0", "[[channels]\n"])
def test_a_broken_file_is_one_fault(text: str) -> None:
    (error,) = faults(written(text))
    assert error.startswith("darkroom.toml is not valid TOML")


def test_a_missing_file_is_one_fault() -> None:
    (error,) = faults(Path("nowhere.toml"))
    assert error.startswith("nowhere.toml can't be read")


@pytest.mark.parametrize("secret", ["sk-of-the-provider", "caller-key-of-some-length"])
def test_no_key_is_ever_shown(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written(CHANNEL)
    monkeypatch.setenv("DARKROOM_API_KEYS", "caller-key-of-some-length")
    settings = load_settings()
    assert secret not in repr(settings)
    assert secret not in settings.model_dump_json()
    monkeypatch.setenv("DARKROOM_UPSTREAM_RPM", "sk-of-the-provider")
    assert secret not in "".join(faults())


@pytest.mark.parametrize(
    ("setting", "value", "fix"),
    [
        ("api_keys", "q8Zr5tQm2Xc7Lp0V, put-a-long-random-key-here", "key 2 is a placeholder"),
        ("admin_keys", "another-long-random-key", "`darkroom keys generate`"),
        ("admin_keys", "aaaaaaaaaaaaaaaaaaaaaaaa", "easy to guess"),
        ("upstream_api_key", "put-the-providers-key-here", "the one that you were issued"),
        ("s3_secret_access_key", "darkroom-secret", "the one that you were issued"),
    ],
)
def test_a_secret_that_is_none_is_refused_with_its_variable_and_the_fix(
    setting: str, value: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DARKROOM_{setting.upper()}", value)
    (error,) = faults()
    assert error.startswith(f"DARKROOM_{setting.upper()}: ")
    assert fix in error
    assert value not in error


def test_a_placeholder_key_of_a_channel_is_refused() -> None:
    written(CHANNEL.replace("sk-of-the-provider", "sk-…"))
    (error,) = faults()
    assert error.startswith("channels.0.api_key: this is a placeholder")


def test_a_short_key_is_not_repeated_in_the_fault() -> None:
    assert "hunter2" not in "".join(faults(api_keys="hunter2"))


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("gore, two words,,", ("gore", "two words")),
        ('["gore", "one, two", " "]', ("gore", "one, two")),
        (" ", ()),
    ],
)
def test_banned_words_are_a_list_with_commas_or_in_json(
    monkeypatch: pytest.MonkeyPatch, given: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DARKROOM_MIDJOURNEY_BANNED_WORDS", given)
    assert load_settings().midjourney_banned_words == words


@pytest.mark.parametrize("given", ['["gore"', "[1]"])
def test_banned_words_that_can_not_be_read_are_told(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("DARKROOM_MIDJOURNEY_BANNED_WORDS", given)
    (error,) = faults()
    assert error.startswith("DARKROOM_MIDJOURNEY_BANNED_WORDS: write words")


@pytest.mark.parametrize(
    "origin", ["*", "app.example", "https://app.example/", "https://App.example", "null"]
)
def test_an_origin_is_exact(origin: str) -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        Settings(cors_origins=origin)
    assert Settings(cors_origins="https://a.example, http://b:81").cors_origins == (
        "https://a.example",
        "http://b:81",
    )


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ("0.0.0.0/0", "every address"),
        ("::/0", "every address"),
        ("here", "here"),
        ("10.0.0.0/8", "DARKROOM_MIDJOURNEY_KEYLESS_KEY"),
    ],
)
def test_networks_without_a_key_are_listed_ones_and_have_a_key_as_which_they_are_served(
    networks: str, words: str
) -> None:
    key = None if "KEY" in words else "alice-0123456789abcdef"
    (fault,) = faults(midjourney_keyless_networks=networks, midjourney_keyless_key=key)
    assert fault.startswith("DARKROOM_MIDJOURNEY_KEYLESS_NETWORKS")
    assert words in fault


def test_an_endpoint_without_a_scheme_is_refused_with_what_to_write() -> None:
    with pytest.raises(SettingsError, match=r"DARKROOM_S3_ENDPOINT: .* write https://HOST"):
        load_settings(s3_endpoint="127.0.0.1:9000")


def test_a_variable_that_nothing_reads_is_named_with_the_nearest_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (
        "DARKROOM_PROT",
        "DARKROOM_UPSTREAM_KEY",
        "DARKROOM_COLOUR",
        "DARKROOM_PORT",
        "DARKROOM_URL",
    ):
        monkeypatch.setenv(name, "1")
    found = {sentence.split()[0]: sentence for sentence in unknown_variables()}
    assert "DARKROOM_PORT" not in found
    assert "DARKROOM_URL" not in found
    assert "did you mean DARKROOM_PORT?" in found["DARKROOM_PROT"]
    assert "did you mean DARKROOM_UPSTREAM_API_KEY?" in found["DARKROOM_UPSTREAM_KEY"]
    assert "README" in found["DARKROOM_COLOUR"]


def test_secrets_may_be_in_files_that_variables_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "darkroom.toml").write_text("api_keys = ['a-key-of-the-file-7d1c']\nport = 1111\n")
    (tmp_path / "keys").write_text("q1w2e3r4-first-7aa1,q1w2e3r4-second-8bb2\n")
    (tmp_path / "url").write_text("postgresql://me:secret@db/x\n")
    monkeypatch.setenv("DARKROOM_API_KEYS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("DARKROOM_DATABASE_URL_FILE", str(tmp_path / "url"))
    settings = load_settings()
    assert [key.get_secret_value() for key in settings.api_keys] == [
        "q1w2e3r4-first-7aa1",
        "q1w2e3r4-second-8bb2",
    ]
    assert (settings.database_url, settings.port) == ("postgresql://me:secret@db/x", 1111)
    assert (origin_of(settings, "api_keys"), unknown_variables()) == ("environment", [])
    assert set(FROM_FILES) <= set(Settings.model_fields)

    monkeypatch.setenv("DARKROOM_DATABASE_URL", "sqlite:///x.db")
    (tmp_path / "keys").write_text("\n")
    monkeypatch.setenv("DARKROOM_SECRET_KEY_FILE", "nowhere")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert refused.value.faults == [
        "DARKROOM_DATABASE_URL and DARKROOM_DATABASE_URL_FILE are both set; keep one of them.",
        f"DARKROOM_API_KEYS_FILE: {tmp_path / 'keys'} is empty.",
        "DARKROOM_SECRET_KEY_FILE: nowhere can't be read: No such file or directory.",
    ]

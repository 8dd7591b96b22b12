"""The broker's URL as kombu takes it, and what is refused in words."""

import ssl

import pytest

from models.addresses.broker import BrokerKind, parse_broker


@pytest.mark.parametrize(
    ("url", "kind", "passed_on"),
    [
        ("memory://", BrokerKind.MEMORY, "memory://localhost/"),
        ("redis://:secret@redis:6379/0", BrokerKind.REDIS, "redis://:secret@redis:6379/0"),
        ("valkey://u:secret@v:1/2", BrokerKind.REDIS, "redis://u:secret@v:1/2"),
        ("valkeys://v/0", BrokerKind.REDIS, "rediss://v/0"),
        ("redis+socket:///run/redis.sock", BrokerKind.REDIS, "redis+socket:///run/redis.sock"),
        (
            "sentinel://u:secret@a:1,b:2/3?master=m",
            BrokerKind.SENTINEL,
            "sentinel://u:secret@a:1/3;sentinel://b:2",
        ),
        ("amqp://u:secret@r:5672//?heartbeat=30", BrokerKind.AMQP, "amqp://u:secret@r:5672//?heartbeat=30"),
        ("amqps://r/v", BrokerKind.AMQP, "amqps://r/v"),
    ],
)
def test_known_brokers_are_passed_to_kombu_in_its_form(url: str, kind: BrokerKind, passed_on: str) -> None:
    address = parse_broker(url)
    assert (address.kind, address.url) == (kind, passed_on)
    assert "secret" not in address.shown
    assert "secret" not in repr(address)


@pytest.mark.parametrize("url", ["rediss://r/0", "valkeys://r/0", "sentinels://r/0?master=m"])
def test_servers_are_verified_over_tls_unless_the_url_says_otherwise(url: str) -> None:
    verified = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    assert parse_broker(url).tls == verified
    assert parse_broker(url, ca_file="/ca.pem").tls == verified | {"ssl_ca_certs": "/ca.pem"}
    joined = f"{url}{'&' if '?' in url else '?'}"
    assert parse_broker(f"{joined}ssl_cert_reqs=CERT_NONE").tls == {
        "ssl_cert_reqs": ssl.CERT_NONE,
        "ssl_check_hostname": False,
    }
    tls = parse_broker(f"{joined}ssl_certfile=c.pem&ssl_keyfile=k.pem&ssl_ca_certs=own.pem", ca_file="x").tls
    assert tls == verified | {"ssl_certfile": "c.pem", "ssl_keyfile": "k.pem", "ssl_ca_certs": "own.pem"}


def test_a_rabbitmq_is_verified_over_tls_by_its_own_name() -> None:
    tls = parse_broker("amqps://u:p@localhost/", ca_file="/ca.pem").tls
    expected = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": "/ca.pem", "server_hostname": "localhost"}
    assert tls == expected
    assert parse_broker("amqps://r/?ssl_cert_reqs=none").tls == {"cert_reqs": ssl.CERT_NONE}
    assert parse_broker("amqp://r/").tls is None


def test_a_sentinel_is_asked_for_its_master_by_name_with_its_own_password() -> None:
    url = "sentinels://:pass@a:1/0?master=m&sentinel_username=s&sentinel_password=t&key_prefix=d:"
    options = parse_broker(url).options
    assert (options["master_name"], options["global_keyprefix"]) == ("m", "d:")
    assert options["sentinel_kwargs"]["username"] == "s"
    assert options["sentinel_kwargs"]["password"] == "t"
    assert options["sentinel_kwargs"]["ssl"] is True
    assert options["sentinel_kwargs"]["ssl_cert_reqs"] == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis+cluster://r/0", "Redis Cluster is not supported"),
        ("sentinel://a:1/0", "name of the master"),
        ("kafka://r", "'kafka' is not a known broker; use memory://"),
        ("nonsense", "'nonsense' is not a known broker"),
        (
            "redis://r/0?ssl_cert_reqs=none",
            "parameter 'ssl_cert_reqs' is not known; redis:// has: key_prefix",
        ),
        ("rediss://r/0?ssl_cert_reqs=maybe", "ssl_cert_reqs is 'maybe'; use required, optional or none"),
        ("rediss://r/0?ssl_check_hostname=1", "ssl_check_hostname is '1'; use true or false"),
        ("redis://r/0?master", "it is not a URL"),
    ],
)
def test_what_is_not_known_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("?", "[?]").replace("'", ".").replace("(", "[(]")):
        parse_broker(url)

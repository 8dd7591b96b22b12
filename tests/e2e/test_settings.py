"""Every command reads the settings that it is said to honour, and no others."""

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT
from sys import executable

import pytest

from models.setting_scopes import SCOPES, SET_BY, Part, applies
from tests.support.api_client import ApiClient
from tests.support.fleet import environment, serves
from tests.support.practice import Practice
from tests.support.processes import Process, free_port, until
from tests.support.valkey import Valkey

pytestmark = pytest.mark.slow(reason="each command is a process")
ROOT = Path(__file__).parent.parent.parent
HOOK = "http://127.0.0.1:1/hook"
#: read only by requests or for faults that this test does not cause
ON_DEMAND = {
    *(
        "admin_keys",
        "retry_base",
        "input_image_limit",
        "input_bytes_limit",
        "input_pixels_limit",
        "download_limit",
    ),
    *("s3_endpoint", "s3_region", "s3_access_key_id", "s3_secret_access_key"),
    *("midjourney_niji_model", "midjourney_text_model", "midjourney_cancel_status"),
    *("midjourney_instant_delay", "midjourney_keyless_key", "midjourney_keyless_networks"),
    *(
        "campaigns",
        "json_limit",
        "metrics_key",
        "metrics_public",
        "metrics_host",
        "upload_age",
        "webhook_endpoints",
    ),
    *("campaign_rows", "campaign_items", "campaign_columns", "campaign_cell_bytes", "campaign_combinations"),
    *("campaign_takes", "exports", "export_age", "export_url"),
    "retention_archive",  # before jobs are deleted
    "secret_key",  # `keys encrypt`
    *("oidc_client_id", "oidc_client_secret", "oidc_scopes", "oidc_role_claim", "oidc_roles", "oidc_role"),
    "oidc_caller",  # these with an issuer
    *("routing", "routing_exploration"),  # `GET /v1/channels`; with a policy
}


class Commands:
    """The commands of one installation, with the record of the settings that each of them has read."""

    def __init__(self, folder: Path, practice: Practice, **settings: str) -> None:
        self.folder = folder
        self.variables = environment(
            practice.url, folder, midjourney_image_model="practice-image", **settings
        )

    def process(self, command: str, *arguments: str) -> Process:
        """Return a process of the command."""
        entry = [executable, "-m", "tests.support.recorded_settings", str(self.folder / f"{command}.txt")]
        log = self.folder / f"{command}.log"
        variables = {**self.variables, "PYTHONPATH": str(ROOT)}
        return Process([*entry, command, *arguments], log, environment=variables, folder=self.folder)

    def check(self, command: str, *, on_demand: Set[str] = ON_DEMAND) -> None:
        """Compare what it has read with what it is said to honour."""
        read = set((self.folder / f"{command}.txt").read_text().split())
        honoured = {name for name in SCOPES if applies(name, command)}
        assert read <= honoured | SET_BY.get(command, frozenset())
        assert honoured - read <= on_demand


@pytest.fixture
def commands(tmp_path: Path, practice_of: Callable[..., Practice]) -> Commands:
    return Commands(tmp_path, practice_of(0.05))


def make_traffic(url: str) -> None:
    """Submit jobs, a request of the OpenAI API and a Midjourney task, and wait for their images."""
    client = ApiClient([url])
    try:
        client.submit(["a cat"], webhook_url=HOOK)
        once = {"headers": {"Idempotency-Key": "one"}, "json": {"model": "practice-image", "prompt": "a dog"}}
        assert client.request("POST", "/v1/jobs", **once) is not None
        asked = {"model": "practice-image", "prompt": "a fish"}
        assert client.request("POST", "/v1/images/generations", json=asked) is not None
        task = client.request("POST", "/mj/submit/imagine", json={"prompt": "a bird", "notifyHook": HOOK})
        assert task is not None
        assert task.json()["code"] == 1, task.text
        path = f"/mj/task/{task.json()['result']}/fetch"

        def ended() -> bool:
            shown = client.request("GET", path)
            return shown is not None and shown.json()["status"] == "SUCCESS"

        until(ended, within=60, what="the task has its grid")
        client.wait_settled(2)
    finally:
        client.close()


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    """Start processes; at the end, stop each of them, and show its log."""
    for process in processes:
        process.start()
    try:
        yield
        for process in processes:
            assert process.stop(SIGINT) == 0
    finally:
        for process in processes:
            process.end()
            print(process.log_tail())


def test_up_honours_every_setting(commands: Commands) -> None:
    port = free_port()
    up = commands.process("up", "--port", str(port))
    with running(up):
        up.wait_ready(lambda: serves(f"http://127.0.0.1:{port}"))
        make_traffic(f"http://127.0.0.1:{port}")
    commands.check("up")


def test_the_commands_of_a_fleet_honour_the_settings_of_their_parts(
    commands: Commands, broker: Valkey
) -> None:
    commands.variables |= {"DARKROOM_BROKER_URL": broker.url}
    port = free_port()
    serve, work = commands.process("serve", "--port", str(port)), commands.process("work")
    for arguments in (
        ("migrate",),
        ("keys", "list"),
        ("channels", "test", "upstream", "--yes", "-m", "practice-image"),
    ):
        command = commands.process(*arguments)
        command.start()
        command.wait_finished()
    with running(serve, work):
        serve.wait_ready(lambda: serves(f"http://127.0.0.1:{port}"))
        make_traffic(f"http://127.0.0.1:{port}")
        doctor = commands.process("doctor")
        doctor.start()
        doctor.wait_finished()
    for name in ("migrate", "keys", "channels", "serve", "work", "doctor"):
        of_campaigns = {"max_attempts", "on_unknown"} if name == "work" else set()
        commands.check(name, on_demand=ON_DEMAND | of_campaigns)


def test_the_demo_honours_the_settings_that_it_does_not_set_itself(commands: Commands) -> None:
    demo = commands.process("demo", "--port", str(port := free_port()))
    with running(demo):
        demo.wait_ready(lambda: serves(f"http://127.0.0.1:{port}"))
        until(lambda: "Ctrl-C" in demo.log_tail(), within=90, what="the campaign is done")
    others = ("midjourney_", "openai_")  # surfaces: its campaign is of the native API
    surface = {name for name in SCOPES if name.startswith(others)}
    elsewhere = {"ca_bundle", "longest_wait"}  # its provider and its client are on this machine, and poll
    of_worker = {name for name, parts in SCOPES.items() if Part.WORKER in parts}  # which is another process
    commands.check("demo", on_demand=ON_DEMAND | surface | elsewhere | of_worker)

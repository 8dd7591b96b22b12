"""The layout: where things are, what they are called, and that tests mirror the tree."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("api", "worker", "models", "clients")
CLIENT = "clients/python/darkroom_client"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST_MODULES = 16  #: of one folder, its ``__init__`` not counted
LOGIC = 5  #: branches and loops from which a module has logic, and so a test of its own

FORMER_WORDS = frozenset(
    """
    accident accidents agreeing anybody arrive arrives ask asked asks bell besides born bring brings
    brought burial bury convoy convoys courier crew crowd crumbs deal dealt dig doorbell elsewhere
    everybody exhibit faces finisher folk gallery gate gatekeeper gates gauges glance guest guests hand
    harvest hindrance hindrances home homes intake judge judged keeper kept landing lane lanes lapse
    ledger look lookahead looking lookout meter meters mood mortal newborn news nobody office outgoing
    outlet outlets outlook outlooks pace paces parcel patience patiently prospect prospects rehearsal
    rehearsals riddle ring ruling rulings rung said shelf sky somebody standing storm studio tell teller
    telling tells tongue topping visit visitor visits weather wish wishes workbench
    """.split()  # noqa: SIM905 - one list to read, not sixty quoted strings
)
"""Words of an earlier vocabulary, each replaced by a term of the glossary; not to come back in names."""

PUBLIC = frozenset({"weather", "change_weather", "gate"})
"""The practice provider's route /practice/weather, and a member of campaigns."""

ELSEWHERE = {
    # read by the API, and deleted by retention
    "models/queries/dashboard/audit.py": "tests/worker/retention/test_pruner.py",
    # on databases that get partitions, and by the end of their months
    "models/queries/operations/partition_conversion.py": "tests/worker/retention/test_month_partitions.py",
    "models/queries/operations/partitions.py": "tests/worker/retention/test_month_pruner.py",
    # by the demo, whose worker is killed
    "api/cli/worker_process.py": "tests/e2e/test_demo.py",
    # by a job's whole trace
    **{
        f"{module}.py": "tests/worker/traces/test_writer.py"
        for module in ("models/operations/trace_context", "worker/traces/otlp", "worker/traces/spans")
    },
    # by an installation that is copied, lost and brought back
    **{
        f"{module}.py": "tests/api/cli/commands/backup/test_backup.py"
        for module in (
            "api/cli/commands/backup/fsck",
            "api/cli/commands/backup/restore",
            "worker/backup/manifest",
            "worker/maintenance/storage_comparison",
        )
    },
    # one suite for all formats, and one for all stores
    **{
        f"worker/images/formats/{name}.py": "tests/contracts/test_image_formats.py"
        for name in ("boxes", "gif", "jpeg", "png", "webm", "webp")
    },
    # by the client's operations, on an in-memory transport or a running Darkroom
    **{
        f"{CLIENT}/{name}.py": f"tests/{CLIENT}/test_client.py"
        for name in ("exchange/session", "resources/input_images", "resources/job", "resources/submission")
    },
    **{
        f"{CLIENT}/campaigns/{name}.py": f"tests/{CLIENT}/campaigns/test_campaign.py"
        for name in ("items", "values")
    },
    f"{CLIENT}/documents.py": f"tests/{CLIENT}/test_garbled_responses.py",
    f"{CLIENT}/exchange/pages.py": f"tests/{CLIENT}/resources/test_jobs.py",
    # one suite for all containers of provenance
    **{
        f"worker/images/provenance/{name}.py": "tests/worker/images/provenance/test_digital_source_type.py"
        for name in ("jpeg", "png", "webp")
    },
    # by the exports that are made of them
    **{
        f"{module}.py": "tests/api/rest/campaigns/test_exports.py"
        for module in (
            "models/queries/campaigns/exports",
            "api/campaigns/exports",
            "models/queries/campaigns/export_items",
            "worker/exports/build",
            "worker/exports/containers",
            "worker/exports/destination",
            "worker/exports/picture",
            "worker/exports/records",
        )
    },
    # by the command, on a running Darkroom
    **{
        f"{module}.py": "tests/e2e/test_run_command.py"
        for module in (
            "api/cli/campaign_run/embedded",
            "api/cli/campaign_run/run",
            "api/cli/commands/campaigns/exports",
            "api/cli/commands/campaigns/run",
            "api/cli/render/campaigns",
            "api/embedded",
        )
    },
    # by the alerts that they are made of
    "models/queries/operations/alert_facts.py": "tests/worker/alerts/test_watch.py",
    "models/queries/operations/notices.py": "tests/worker/alerts/test_watch.py",
    # by the retention that deletes with them
    "models/queries/operations/ended_jobs.py": "tests/worker/retention/test_pruner.py",
    "models/queries/operations/file_deletions.py": "tests/worker/retention/test_file_deleter.py",
    "models/queries/operations/tombstones.py": "tests/api/access/test_tombstones.py",
    "models/queries/operations/caller_data.py": "tests/api/cli/commands/retention/test_purge.py",
    "models/queries/operations/retention_rules.py": "tests/api/cli/commands/retention/test_rules.py",
    # over HTTP, as clients call them
    **{
        f"api/openai/tasks/{name}.py": "tests/clients/openai/test_async_tasks.py"
        for name in ("documents", "polls", "submit", "task")
    },
    **{
        f"api/openai/responses/{name}.py": "tests/api/openai/responses/test_handlers.py"
        for name in ("document", "input", "request")
    },
    "api/openai/event_stream.py": "tests/api/openai/images/test_events.py",
    "api/openai/images/inputs.py": "tests/api/openai/images/test_edits.py",
    "api/openai/chat/answer.py": "tests/api/openai/chat/test_completions.py",
    "api/openai/chat/chunks.py": "tests/api/openai/chat/test_completions.py",
    "api/openai/chat/request.py": "tests/api/openai/chat/test_completions.py",
    "api/web/byte_ranges.py": "tests/api/rest/test_assets.py",
    "api/jobs/selection/bulk_actions.py": "tests/api/rest/bulk/test_bulk_jobs.py",
    "api/jobs/selection/job_actions.py": "tests/api/rest/bulk/test_actions.py",
    "models/queries/selection/job_actions.py": "tests/api/rest/bulk/test_actions.py",
    "worker/bulk/chunked_actions.py": "tests/worker/campaigns/test_action_runner.py",
    "worker/bulk/job_action_runner.py": "tests/api/rest/bulk/test_actions.py",
    "worker/bulk/job_changes.py": "tests/api/rest/bulk/test_bulk_jobs.py",
    "api/dashboard/pages/pictures/compare.py": "tests/api/dashboard/pages/pictures/test_pictures.py",
    "api/campaigns/bulk_actions.py": "tests/api/rest/campaigns/test_repair.py",
    "api/campaigns/repair.py": "tests/api/rest/campaigns/test_repair.py",
    "api/campaigns/review.py": "tests/api/rest/campaigns/test_review.py",
    "api/campaigns/reports.py": "tests/api/rest/campaigns/test_reports.py",
    "api/campaigns/selection.py": "tests/api/rest/campaigns/test_repair.py",
    "models/queries/campaigns/costs.py": "tests/api/rest/campaigns/test_reports.py",
    "models/queries/campaigns/picture_checks.py": "tests/worker/checks/test_examiner.py",
    "worker/checks/vision_questions.py": "tests/worker/checks/test_vision_decisions.py",
    "worker/campaigns/next_takes.py": "tests/worker/campaigns/test_action_runner.py",
    # by the pages that they make
    **{
        f"api/dashboard/{module}.py": "tests/api/dashboard/test_pages.py"
        for module in (
            *("page", "templates", "routes", "figures/notices"),
            *(f"pages/{name}" for name in ("channel", "costs", "errors")),
        )
    },
    **{
        f"api/{module}.py": "tests/api/dashboard/login/test_login_pages.py"
        for module in (
            "dashboard/login/forgery",
            "dashboard/login/forms",
            "access/session_cache",
        )
    },
    "api/cli/top/readings.py": "tests/api/cli/top/test_screen.py",
    "api/access/key_admin.py": "tests/api/rest/access/test_keys.py",
    "api/access/audit.py": "tests/api/dashboard/test_gateway.py",
    "models/queries/dashboard/workers.py": "tests/api/rest/monitoring/test_workers.py",
    "models/queries/dashboard/figures.py": "tests/api/dashboard/pages/test_overview.py",
    "worker/practice/chat_completions.py": "tests/worker/practice/test_server.py",
    "worker/practice/routes.py": "tests/worker/practice/test_server.py",
    "worker/practice/images_api/calls.py": "tests/api/openai/images/test_images_endpoint.py",
    # by the images that they draw
    "worker/practice/drawing/caption.py": "tests/worker/practice/drawing/test_render.py",
    "worker/practice/drawing/scenes.py": "tests/worker/practice/drawing/test_render.py",
    "worker/practice/drawing/shapes.py": "tests/worker/practice/drawing/test_render.py",
}
"""Modules with logic whose tests are in another file."""


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py"))


def table(heading: str) -> list[list[str]]:
    """Return the rows of the table below a heading of the page."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def names_in(path: Path) -> set[str]:
    """Return the names that a module defines: its own, functions, classes, parameters, variables."""
    found = {path.stem}
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return found


def words_of(name: str) -> set[str]:
    """Split an identifier into its words: ``HeaderProfile`` and ``header_profile`` have the same two."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def logic_in(path: Path) -> int:
    """Count the branches and loops in a module's functions."""
    counted = (
        ast.If,
        ast.For,
        ast.AsyncFor,
        ast.While,
        ast.Try,
        ast.Match,
        ast.IfExp,
        ast.BoolOp,
        ast.comprehension,
    )
    functions = [
        node
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    return sum(isinstance(node, counted) for function in functions for node in ast.walk(function))


def test_at_least_forty_questions_lead_to_a_file_each() -> None:
    answers = {question: re.findall(r"`([^`]+)`", file) for question, file in table("Where do I find …")}
    assert len(answers) >= 40
    missing = {
        question for question, files in answers.items() if not files or not (ROOT / files[0]).is_file()
    }
    assert missing == set()


def test_the_tree_of_the_page_names_every_folder() -> None:
    drawn = PAGE.split("## The tree\n", 1)[1].split("```", 2)[1]
    named: set[str] = set()
    parents: list[str] = []
    for line in drawn.splitlines():
        if match := re.match(r"( *)([a-z_]+)/", line):
            parents = [*parents[: len(match[1]) // 2], match[2]]
            named.add("/".join(parents))
    folders = {path.parent.as_posix() for path in modules()}
    assert folders - named == set()
    assert {name for name in named if not (ROOT / name).is_dir()} - {"tests/contracts"} == set()


def test_no_name_uses_a_word_of_the_earlier_vocabulary() -> None:
    found = {
        f"{path}: {name}"
        for path in modules()
        for name in names_in(path) - PUBLIC
        if words_of(name) & FORMER_WORDS
    }
    assert found == set()


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    clashes = {path.as_posix() for path in modules() if path.stem in sys.stdlib_module_names}
    assert clashes == set()


@pytest.mark.parametrize("folder", sorted({path.parent.as_posix() for path in modules()}))
def test_a_folder_says_what_belongs_in_it_and_holds_few_modules(folder: str) -> None:
    own = [path for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py"]
    assert len(own) <= MOST_MODULES
    docstring = (
        ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    )
    assert re.search(r"\b[Ii]mport", docstring), "its docstring says what its modules may import"


def test_a_module_with_logic_has_a_test_at_the_mirrored_path() -> None:
    without = {
        path.as_posix()
        for path in modules()
        if path.name != "__init__.py"
        and not (ROOT / "tests" / path.parent / f"test_{path.name}").is_file()
        and logic_in(path) >= LOGIC
    }
    assert without - set(ELSEWHERE) == set()
    assert set(ELSEWHERE) - without == set(), "these have a test at the mirrored path"
    assert {test for test in ELSEWHERE.values() if not (ROOT / test).is_file()} == set()

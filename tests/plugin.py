"""A pytest plugin: a state directory for each run, the markers `server` and `thorough`, --database-only, which files stay
together on one worker, and the tally for bin/test.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import once
from tests.daily import DAILY
from tests.servers import MISSING, require

TESTS = Path(__file__).parent
LIVE = {"system", "ui", "bench", "faults"}
# Folders whose tests share a running product, or a process of it: each is run by one worker.
WHOLE = ("tests/faults/", "tests/ui/")
# Files that start servers, or make a world, for all of their tests: each is run by one worker.
TOGETHER = (
    "tests/plugins/destinations/test_sftp.py",
    "tests/plugins/dns/",
    "tests/plugins/issuers/test_acme",
    "tests/plugins/issuers/test_cfssl.py",
    "tests/plugins/issuers/test_vault.py",
    "tests/api/test_acme.py",
    "tests/security/",
    "tests/system/",
)
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server"}
_run: str | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-only",
        action="store_true",
        help="leave out the tests that use no database: a second engine tells nothing new about them",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """As a wrapper it runs before pytest-django's hook of this name, which imports the settings."""
    global _run  # noqa: PLW0603  of the process
    _run = once.begin_run()
    os.environ["LEMUR_HOME"] = tempfile.mkdtemp(prefix="lemur-test-")
    Path(os.environ["LEMUR_HOME"], "static").mkdir()  # WhiteNoise warns at each request of a test where it is missing
    yield


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["LEMUR_HOME"], ignore_errors=True)
    once.end_run(_run)


class ByServers(LoadScopeScheduling):
    """Tests go to workers one by one, but those of a file in ``TOGETHER``, or of a folder in ``WHOLE``, all to one."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(WHOLE):
            return "/".join(nodeid.split("/")[:2])
        return nodeid.partition("::")[0] if nodeid.startswith(TOGETHER) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByServers | None:
    """In the place of --dist loadgroup, whose groups xdist 3.8 writes where pytest 9.2 does not look."""
    return ByServers(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("server"):
        for program in marker.args:
            require(program)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Runs after pytest-django's sorting (tests that flush the database come after those that count on its rows): what
    starts the product, being long, comes first.
    """
    items.sort(key=lambda item: not _starts_the_product(item))
    if config.getoption("--database-only"):
        _keep(config, items, _uses_database)
    if DAILY:
        _keep(config, items, lambda item: item.get_closest_marker("thorough") is None)


def _keep(config: pytest.Config, items: list[pytest.Item], wanted: Callable[[pytest.Item], bool]) -> None:
    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = filter(wanted, items)


def pytest_collection_finish() -> None:
    """What is imported and collected stays: the garbage collector need not look at it again and again.

    Nor at what tests leave behind as often as it would: they take a tenth less time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:  # the first process reports for all
        return
    stats = terminalreporter.stats
    missing = [reason for report in stats.get("skipped", []) if (reason := _missing(report))]
    if missing:
        terminalreporter.section("skipped for want of a server")
        for reason in sorted(set(missing)):
            terminalreporter.line(f"{missing.count(reason)} x {reason}")
    if path := os.environ.get("TEST_TALLY"):
        _add_to_tally(Path(path), stats)


def _starts_the_product(item: pytest.Item) -> bool:
    folders = item.path.relative_to(TESTS).parts if item.path.is_relative_to(TESTS) else ("",)
    return folders[0] in LIVE and not _uses_database(item)


def _uses_database(item: pytest.Item) -> bool:
    marked = item.get_closest_marker("django_db") is not None
    return marked or bool(DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())))


def _missing(report: pytest.TestReport) -> str | None:
    """The reason of a skip that tests.servers asked for; pytest reports (path, line, reason)."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
    _, found, what = reason.partition(f"{MISSING}: ")
    return what if found else None


def _add_to_tally(path: Path, stats: dict[str, Iterable[object]]) -> None:
    """One line a run, passed failed skipped: bin/test adds them up."""
    counts = {name: len(list(stats.get(name, ()))) for name in ("passed", "xfailed", "failed", "error", "skipped")}
    line = f"{counts['passed'] + counts['xfailed']} {counts['failed'] + counts['error']} {counts['skipped']}\n"
    with path.open("a") as tally:
        tally.write(line)

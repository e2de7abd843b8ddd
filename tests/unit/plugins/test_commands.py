"""Commands that only the operator can name: how they run, and what is said of one that fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugins import Misconfigured, Temporary, commands
from tests.endings import ends

SHELL = {
    "good": "true",
    "bad": "echo first; echo 'nginx: [emerg] no such file' >&2; exit 3",
    "chatty": "yes line | head -c 100000 >&2; echo the end >&2; exit 1",
    "slow": "sleep 600",
    "daemon": "sleep 600 & exit 0",
    "killed": "kill -9 $$",
    "environment": 'test -z "$SECRET_KEY$HOME" && test "$(pwd)" = / && ! read line',
}


@pytest.fixture(autouse=True)
def _named() -> Iterator[None]:
    before = commands._commands
    named = {name: ["/bin/sh", "-c", text] for name, text in SHELL.items()}
    commands.configure(
        {**named, "missing": ["/no/such/program"], "words": ["/bin/sh", "-c", "test $# = 1", "sh", "a b"]}
    )
    yield
    commands.configure(before)


@pytest.mark.parametrize("name", ["good", "words", "environment"])
def test_what_ends_well(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "x" * 50)
    commands.run(name, seconds=30)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bad", "the command 'bad' ended with status 3: nginx: [emerg] no such file."),
        ("killed", "the command 'killed' was ended by signal 9: it said nothing."),
    ],
)
def test_what_fails(name: str, said: str) -> None:
    with pytest.raises(Temporary) as caught:
        commands.run(name, seconds=30)
    assert str(caught.value) == said


def test_the_end_of_much_output_is_shown() -> None:
    with pytest.raises(Temporary) as caught:
        commands.run("chatty", seconds=30)
    assert str(caught.value).endswith("line the end.")
    assert len(str(caught.value)) < 600


def test_what_does_not_end_is_ended() -> None:
    with ends(), pytest.raises(Temporary, match=r"did not end within 0\.3 seconds"):
        commands.run("slow", seconds=0.3)


def test_a_daemon_that_it_starts_is_not_waited_for() -> None:
    with ends():
        commands.run("daemon", seconds=30)


def test_what_cannot_be_run() -> None:
    with pytest.raises(Misconfigured, match="cannot be run: No such file"):
        commands.run("missing", seconds=30)
    with pytest.raises(Misconfigured, match="RELOAD_COMMANDS"):
        commands.run("unheard-of", seconds=30)
    with pytest.raises(ValueError, match="RELOAD_COMMANDS names: good"):
        commands.allowed("unheard-of")

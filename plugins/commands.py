"""Commands of this machine that its operator has named by the setting RELOAD_COMMANDS; nobody else says what runs."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Final

from plugins.errors import Misconfigured, Temporary

SETTING: Final = "RELOAD_COMMANDS"
LONGEST_OUTPUT: Final = 500
"""Bytes of standard error that people are shown, from its end."""
_ENVIRONMENT: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

_commands: Mapping[str, tuple[str, ...]] = {}


def configure(commands: Mapping[str, Sequence[str]]) -> None:
    """What may be run, by name; nothing until this is called."""
    global _commands  # noqa: PLW0603  one setting of the process, set when it starts
    _commands = {name: tuple(words) for name, words in commands.items()}


def allowed(name: str) -> str:
    """The name; ValueError, for the validator of an option, if the operator has not named such a command."""
    if name not in _commands:
        there_are = ", ".join(_commands) or "none"
        raise ValueError(f"it is none of the commands that {SETTING} names: {there_are}")
    return name


def run(name: str, *, seconds: float) -> None:
    """Run it, without a shell and without our environment; it and what it started end after so many seconds.

    Raises Temporary with its status and the end of what it said on standard error, or Misconfigured.
    """
    words = _commands.get(name)
    if words is None:
        raise Misconfigured(f"'{name}' is none of the commands that {SETTING} names.")
    with tempfile.TemporaryFile() as said:
        status = _status(name, words, said, seconds)
        if status != 0:
            ended = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
            raise Temporary(f"the command '{name}' {ended}: {_end_of(said) or 'it said nothing'}.")


def _status(name: str, words: Sequence[str], said: IO[bytes], seconds: float) -> int:
    """Standard error is a file: a daemon that the command started may keep it open."""
    try:
        process = subprocess.Popen(
            words, cwd="/", env=_ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise Misconfigured(f"the command '{name}' cannot be run: {error.strerror}.") from error
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired as error:
        raise Temporary(f"the command '{name}' did not end within {seconds:g} seconds.") from error
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _end_of(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - LONGEST_OUTPUT))
    return in_one_line(said.read())


def in_one_line(output: bytes) -> str:
    """What a command has said, for a sentence."""
    return " ".join(output[-LONGEST_OUTPUT:].decode("utf-8", "replace").split()).rstrip(".")

"""A process of the product that stands ready: for each line of input it forks a child that does one thing and dies.

The parent has the program loaded and no connection to any database, so a child is a new process of the product that
started within milliseconds. Its clock may be ahead; its failpoints are armed by its environment like any other's.
What the parent rehearses beforehand, a child need not load and compile for itself: most of its time otherwise.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any, NoReturn

import django

from tests import ahead  # before anything that imports the clock

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from rest_framework.test import APIClient, ForceAuthClientHandler  # noqa: E402

from accounts.service import create_api_key  # noqa: E402
from authorities.tasks import publish_crls  # noqa: E402
from certificates.tasks import sweep_deployments, sweep_orders, sweep_revocations  # noqa: E402
from lemur_site.celery import app  # noqa: E402
from lemur_site.schedule import PERIODS  # noqa: E402
from lemur_site.urls import urlpatterns  # noqa: E402, F401 - loaded once, for all children
from lifecycle.tasks import notify_expiring  # noqa: E402
from notifications.tasks import sweep_notices  # noqa: E402
from plugins import Message, registry  # noqa: E402
from plugins.notifications.email import EmailNotifier  # noqa: E402
from tests import odd_dns, odd_endpoints, odd_notifier, odd_stores  # noqa: E402
from tests.factories import an_authority  # noqa: E402
from tests.faults import sharing  # noqa: E402
from tests.faults.issuers import ENTRIES  # noqa: E402
from tests.faults.names import PACKAGES  # noqa: E402
from tests.faults.staging import stage  # noqa: E402
from tests.faults.verbs import VERBS, furnish  # noqa: E402
from tests.people import make_people  # noqa: E402

HANDLER = ForceAuthClientHandler(enforce_csrf_checks=False)
HANDLER.load_middleware()  # once for all children: it looks for every static file


def prepare() -> dict[str, Any]:
    """A new installation with Alice, Root, their tokens and a root CA that Alice may use."""
    call_command("migrate", verbosity=0)
    people = make_people()
    an_authority(people.root, name="Root", roles=[people.team])
    users = {"alice": people.alice, "root": people.root}
    return {name: create_api_key(user=user, name="tests", by=user)[1] for name, user in users.items()}


def post(address: str, body: dict[str, Any], token: str, key: str = "") -> dict[str, Any]:
    """One POST to the API, through every layer of the product."""
    return ask("post", address, body, token, key)


def ask(method: str, address: str, body: dict[str, Any] | None, token: str, key: str = "") -> dict[str, Any]:
    """One request of any method; without a token, from nobody."""
    client = APIClient(raise_request_exception=False)
    client.handler = HANDLER
    if token:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    send = getattr(client, method)
    answer = send(address, body, format="json", headers={"Idempotency-Key": key} if key else {})
    replayed = answer.headers.get("Idempotent-Replayed") == "true"
    return {"status": answer.status_code, "body": answer.json(), "replayed": replayed}


def call(verb: str) -> dict[str, Any]:
    """What no route leads to: the service itself."""
    do = VERBS[verb].do
    assert callable(do), f"{verb} has a route"
    do()
    return {}


def sweep() -> dict[str, Any]:
    """What the timetable calls each minute."""
    sweep_orders()
    sweep_deployments()
    return {}


def sweep_revoked() -> dict[str, Any]:
    """What the timetable calls for revocations and what is published of them."""
    sweep_revocations()
    publish_crls()
    return {}


def notify(sink: str) -> dict[str, Any]:
    """What the timetable calls about ends that are near; each mail becomes a line of the file: its id, and to whom."""

    def send(_self: EmailNotifier, message: Message, recipients: Sequence[str]) -> None:
        with Path(sink).open("a") as mails:
            mails.write(f"{message.id} {','.join(recipients)}\n")

    EmailNotifier.send = send  # type: ignore[method-assign]
    notify_expiring()
    sweep_notices()
    return {}


def timetable() -> dict[str, Any]:
    """All that the timetable calls, and what is due by it."""
    app.loader.import_default_modules()
    for name in PERIODS:
        app.tasks[name]()
    return {}


def messages(sent: list[tuple[str, list[Any]]]) -> dict[str, Any]:
    """Tasks by name with their arguments, as they come from the queue."""
    app.loader.import_default_modules()
    for name, arguments in sent:
        app.tasks[name](*arguments)
    return {}


DEEDS: dict[str, Callable[..., dict[str, Any]]] = {
    "prepare": prepare,
    "furnish": furnish,
    "stage": stage,
    "post": post,
    "ask": ask,
    "call": call,
    "sweep": sweep,
    "sweep revoked": sweep_revoked,
    "share": sharing.deliver,
    "share again": sharing.again,
    "share sweep": sharing.look,
    "notify": notify,
    "timetable": timetable,
    "messages": messages,
}
LIMITS = {"disk": resource.RLIMIT_FSIZE, "files": resource.RLIMIT_NOFILE}


@contextmanager
def short_of(what: str) -> Iterator[None]:
    """A disk on which no file can grow, or no file left that could be opened."""
    if not what:
        yield
        return
    before = resource.getrlimit(LIMITS[what])
    resource.setrlimit(LIMITS[what], (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(LIMITS[what], before)


def do(job: dict[str, Any]) -> None:
    """What the child is there for; killed, it leaves no result behind."""
    ahead.put(timedelta(seconds=job.get("ahead", 0)))
    os.environ["FAILPOINTS"] = job.get("failpoints", "")
    connections["default"].settings_dict["NAME"] = job["database"]
    with short_of(job.get("short_of", "")):
        result = DEEDS[job["deed"]](**job.get("arguments", {}))
    connections.close_all()
    Path(job["result"]).write_text(json.dumps(result))


def live(job: dict[str, Any]) -> NoReturn:
    """Do it and die, without the parent's handlers."""
    code = 1
    try:
        do(job)
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def forget() -> None:
    """What the product itself remembers from one request to the next, a new process does not know."""
    for one in gc.get_objects():
        if isinstance(one, _lru_cache_wrapper) and str(one.__module__).partition(".")[0] in PACKAGES:
            one.cache_clear()


def main() -> None:
    """A job is answered with the child's process id, ``wait`` with how that ended, ``rehearse`` when it is done."""
    for entries in (ENTRIES, odd_stores.ENTRIES, odd_endpoints.ENTRIES, odd_notifier.ENTRIES, odd_dns.ENTRIES):
        registry.entries.update(entries)  # type: ignore[attr-defined]  # a plain dict, which its type hides
    print("ready", flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if "wait" in command:
            print(os.waitstatus_to_exitcode(os.waitpid(command["wait"], 0)[1]), flush=True)
            continue
        if "rehearse" in command:
            do(command["rehearse"])
            forget()
            print("done", flush=True)
            continue
        pid = os.fork()
        if not pid:
            live(command)
        print(pid, flush=True)


if __name__ == "__main__":
    main()

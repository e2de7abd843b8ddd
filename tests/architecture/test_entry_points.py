"""Entry points are thin: they parse, call one service function, and render."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from django.apps import apps
from django.contrib import admin
from django.db.models import Model

from core.permissions import PermissionAdmin, Permissions
from lemur_site.celery import app as celery
from lemur_site.schedule import beat_schedule
from tests.architecture.effects import COMMITTING, RECORD, kind_of
from tests.architecture.source import HEIGHT, PACKAGES, Module, Ref, called, imports, modules

# Models that operators do not see as rows of the admin.
NOT_IN_THE_ADMIN = {
    "authorities.HttpChallenge": "answers for the minutes that a CA takes to ask; the order says what became of it",
    "accounts.FailedLogin": "addresses of the last five minutes; the audit log has login.failed",
    "accounts.RecoveryCode": "digests of codes; the audit log says when one was used",
    "accounts.SecondFactor": "a sealed secret; an administrator resets it on the person's page",
    "accounts.Session": "its key, by which the admin would name it, opens it; people see theirs, without it",
    "accounts.SavedView": "views of lists are for whoever keeps them",
    "certificates.BatchItem": "the page of a batch shows where it failed",
    "certificates.CertificateDomain": "joins a certificate with its names, which are shown there",
    "core.IdempotentAnswer": "answers of requests, which belong to whoever asked",
    "core.StoredKey": "private keys are shown nowhere",
    "lifecycle.Moved": "import_lemur reports it; it says nothing that a certificate does not",
}
LONGEST_VIEW, LONGEST_TASK = 25, 8
# What gives rights.
RIGHTS = {"is_administrator", "is_operator", "is_read_only", "role_names", "is_superuser", "is_staff"}
MAY_READ_RIGHTS = {"core.permissions", "accounts.models"}
SECRET_COLUMNS = {"private_key", "password", "digest", "secrets", "reference", "token"}


def entry_points() -> Iterator[Module]:
    found = [module for module in modules().values() if module.is_entry_point]
    assert len(found) > 20
    yield from found


def test_entry_points_write_no_rows() -> None:
    writing = [
        f"{module.at(node)} {ast.unparse(node.func)}"
        for module in entry_points()
        if module.kind != "management"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and kind_of(module, node) == "writes"
    ]
    assert not writing, "\n".join(writing)


def test_entry_points_open_no_transaction_and_record_no_event() -> None:
    wrong = [
        f"{module.at(node)} imports {name}"
        for module in entry_points()
        for node, name in imports(module)
        if name in (RECORD, COMMITTING, "django.db.transaction")
    ]
    assert not wrong, "\n".join(wrong)


def test_views_and_tasks_are_short() -> None:
    limits = {"views": LONGEST_VIEW, "tasks": LONGEST_TASK}
    long = [
        f"{module.at(node)} {name}: {lines} lines"
        for module in entry_points()
        if module.kind in limits
        for name, node in module.functions.items()
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > limits[module.kind]
    ]
    assert not long, "\n".join(long)


def test_what_gives_rights_is_read_by_permissions_alone() -> None:
    """Who may do what is said in permissions.py; services, lists, pages and the admin ask it."""
    wrong = [
        f"{module.at(node)} {ast.unparse(node)}"
        for module in modules().values()
        if module.kind != "permissions" and module.name not in MAY_READ_RIGHTS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in RIGHTS and isinstance(node.ctx, ast.Load)
    ]
    assert not wrong, "\n".join(wrong)


def test_rules_are_in_permissions_py() -> None:
    wrong = [
        module.at(node)
        for module in modules().values()
        if module.kind != "permissions"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and called(module, node).startswith("core.permissions.Permissions")
    ]
    assert not wrong, "\n".join(wrong)


def our_models() -> list[type[Model]]:
    """Without the throw-away models of other tests."""
    ours = [model for model in apps.get_models() if model._meta.app_label in HEIGHT]
    return [model for model in ours if not model.__module__.startswith("tests.")]


def test_every_model_is_in_the_admin() -> None:
    missing = {model._meta.label for model in our_models() if model not in admin.site._registry}
    assert missing == set(NOT_IN_THE_ADMIN)


def test_the_admin_asks_the_same_permissions() -> None:
    for model, shown in admin.site._registry.items():
        if model._meta.app_label in HEIGHT:
            assert isinstance(shown, PermissionAdmin), model
            assert model in Permissions.by_model, model


def test_the_admin_has_nothing_that_is_not_ours() -> None:
    """What Django brings along would ask Django's own permissions."""
    assert {model._meta.label for model in admin.site._registry if model._meta.app_label not in HEIGHT} == set()


def test_the_admin_shows_no_secret() -> None:
    for model, shown in admin.site._registry.items():
        names = {*map(str, shown.list_display), *map(str, shown.fields or ())}
        names |= {field.name for field in model._meta.fields} if shown.fields is None else set()
        assert not names & SECRET_COLUMNS, model


def test_the_timetable_names_sweeps_and_all_of_them() -> None:
    celery.loader.import_default_modules()
    ours = {name for name in celery.tasks if name.partition(".")[0] in PACKAGES}
    assert {str(entry["task"]) for entry in beat_schedule().values()} <= ours
    assert {name for name in ours if ".sweep_" in name} <= set(beat_schedule())


def test_nudges_name_tasks_of_their_own_app() -> None:
    celery.loader.import_default_modules()
    named = [
        (module, ast.literal_eval(node.args[0]))
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and called(module, node) == "core.queue.enqueue"
    ]
    assert named
    assert not [name for module, name in named if name not in celery.tasks or not name.startswith(f"{module.package}.")]


def test_tasks_bear_the_name_of_their_app() -> None:
    for module in entry_points():
        if module.kind == "tasks":
            for name in module.functions:
                decorator = ast.unparse(Ref(module.name, name).node.decorator_list[0])
                assert re.fullmatch(rf"shared_task\(name='{module.package}\.\w+'\)", decorator), f"{module.name}.{name}"

"""The structure that docs/explanation/architecture.md promises and that import-linter does not see."""

from __future__ import annotations

import ast
import re

from django.apps import apps
from django.conf import settings
from django.db.models import Field, ForeignObjectRel, Model

from pki import errors
from tests.architecture.source import (
    ENTRY_POINTS,
    HEIGHT,
    LAYERS,
    PACKAGES,
    PYPROJECT,
    ROOT,
    Module,
    called,
    dotted_name,
    imports,
    is_within,
    modules,
)

# Whoever acts is a person, and people are above the kernel: Django's own hook for that is the one way up.
SWAPPABLE = settings.AUTH_USER_MODEL
# FilterSets know no HTTP (decision 0006), and serializers of a lower app are part of what an upper one answers.
SHARED_ENTRY_POINTS = {"filters", "serializers"}
SPEAKS_HTTP = {"web", "lemur_site"}
APPS = set(PACKAGES) - {"pki", "plugins", *SPEAKS_HTTP}
# Modules of the apps that are DRF's by their nature, beside the entry points.
OF_REST_FRAMEWORK = {"accounts.authentication"}
OUTSIDE_WORLD = (
    "socket",
    "ssl",
    "subprocess",
    "requests",
    "http.client",
    "urllib.request",
    "smtplib",
    "asyncio",
    "paramiko",
)
MAY_TOUCH_IT = (
    "plugins.network",
    "plugins.handshake",
    "plugins.json_api",
    "plugins.trust",
    "plugins.issuers.acme_session",
    "lemur_site.supervisor",
    "plugins.destinations.ssh",
    "plugins.destinations.sftp",
    "plugins.destinations.kubernetes",
    "plugins.commands",
    "plugins.notifications.email",
    "plugins.notifications.posting",
    "accounts.provider",  # hands the library a session that sends through plugins.network
)
# Files of the kernel from its beginning.
KERNEL = {"apps", "audit", "checks", "connectors", "errors", "failpoints", "jobs", "models", "permissions", "secrets"}
CLOCKS = re.compile(r"^(datetime\.datetime\.(now|utcnow|today)|time\.(time|monotonic)|django\.utils\.timezone\.now)$")


def test_every_package_has_its_place() -> None:
    """A new app must be put into the layers, and into the lists of what is checked."""
    on_disk = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert on_disk == set(PACKAGES)
    assert set(PYPROJECT["tool"]["importlinter"]["root_packages"]) == on_disk
    checked = re.search(r'^packages="(.+)"$', (ROOT / "bin" / "test").read_text(), re.MULTILINE)
    assert checked
    assert set(checked[1].split()) == on_disk
    assert set(PYPROJECT["tool"]["coverage"]["run"]["source"]) == on_disk - {"lemur_site"}


def test_the_document_draws_the_same_layers() -> None:
    text = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
    drawn = re.findall(r"^  ((?:\w+/ +)+)\S", text.partition("```")[2].partition("```")[0], re.MULTILINE)
    assert [sorted(line.replace("/", "").split()) for line in reversed(drawn)] == [sorted(level) for level in LAYERS]


def test_each_folder_and_file_says_what_it_is_for() -> None:
    mute = [
        str(module.path.relative_to(ROOT))
        for module in modules().values()
        if module.tree.body and not ast.get_docstring(module.tree)
    ]
    assert not mute


def test_relations_point_down() -> None:
    up = [
        f"{model._meta.label}.{field.name} -> {target._meta.label}"
        for model, field, target in relations()
        if height(target) > height(model) and target._meta.label != SWAPPABLE
    ]
    assert not up


def relations() -> list[tuple[type[Model], Field, type[Model]]]:  # type: ignore[type-arg]
    found = [
        (model, field, field.related_model)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in HEIGHT
        for field in model._meta.get_fields(include_hidden=True)
        if field.is_relation and not isinstance(field, ForeignObjectRel) and not field.auto_created
    ]
    assert len(found) > 10
    return found  # type: ignore[return-value]


def height(model: type[Model]) -> int:
    """Of the layer that the model belongs to; Django's own apps are below all of ours."""
    return HEIGHT.get(model._meta.app_label, -1)


def test_nothing_finds_models_of_other_apps_by_name() -> None:
    """A name in a text hides a dependency from the linter."""
    hidden = [
        module.at(node)
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and (re.search(r"get_model$", ast.unparse(node.func)) or _names_a_model(node, module.package))
    ]
    assert not hidden, "\n".join(hidden)


def _names_a_model(node: ast.Call, package: str) -> bool:
    """Is it a relation to "app.Model" of another app?"""
    if not re.search(r"(ForeignKey|OneToOneField|ManyToManyField)$", ast.unparse(node.func)):
        return False
    named = [node.args[0], *(keyword.value for keyword in node.keywords if keyword.arg in ("to", "through"))]
    texts = [part.value for part in named if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any("." in text and text.partition(".")[0] != package for text in texts)


def test_nobody_imports_an_entry_point_but_lists_of_addresses() -> None:
    wrong = [
        f"{module.at(node)} imports {name}"
        for module in modules().values()
        if module.kind != "urls" and module.package != "lemur_site"
        for node, name in imports(module)
        if (target := _entry_point(name)) and not _may_import(module, *target)
    ]
    assert not wrong, "\n".join(wrong)


def _entry_point(name: str) -> tuple[str, str] | None:
    """(package, kind) of an entry point that a dotted name stands for."""
    package, kind = [*name.split("."), ""][:2]
    return (package, kind) if package in APPS and kind in ENTRY_POINTS else None


def _may_import(module: Module, package: str, kind: str) -> bool:
    own = module.package == package and module.is_entry_point and kind in {*SHARED_ENTRY_POINTS, "forms"}
    lower = module.is_entry_point and kind == "serializers" and HEIGHT[package] < HEIGHT[module.package]
    return own or lower or (kind == "forms" and package == "core") or kind == "filters"


def test_insides_know_neither_http_nor_celery() -> None:
    wrong = [
        f"{module.at(node)} imports {name}"
        for module in modules().values()
        if not module.is_entry_point and module.package not in SPEAKS_HTTP and module.name not in OF_REST_FRAMEWORK
        for node, name in imports(module)
        if is_within(name, "rest_framework", "celery", "drf_spectacular")
    ]
    assert not wrong, "\n".join(wrong)


def test_web_knows_no_model() -> None:
    wrong = [
        f"{module.at(node)} imports {name}"
        for module in modules().values()
        if module.package == "web"
        for node, name in imports(module)
        if name.split(".")[0] in PACKAGES and ".models." in f"{name}."
    ]
    assert not wrong, "\n".join(wrong)


def test_one_module_speaks_to_the_outside_world() -> None:
    """Whatever opens sockets or starts programs is in one place, where it is guarded; and the supervisor starts us."""
    wrong = [
        f"{module.at(node)} imports {name}"
        for module in modules().values()
        if module.name not in MAY_TOUCH_IT
        for node, name in imports(module)
        if is_within(name, *OUTSIDE_WORLD)
    ]
    assert not wrong, "\n".join(wrong)


def test_one_module_opens_sockets() -> None:
    """The libraries for mail and SFTP get theirs from it."""
    openers = {"socket.socket", "socket.create_connection", "smtplib.SMTP", "smtplib.SMTP_SSL"}
    wrong = [
        f"{module.at(node)} {ast.unparse(node.func)}"
        for module in modules().values()
        if module.name not in ("plugins.network", "lemur_site.supervisor")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and dotted_name(module, node.func) in openers
    ]
    assert not wrong, "\n".join(wrong)


def test_no_signal_hides_a_call() -> None:
    wrong = [
        f"{module.at(node)} imports {name}"
        for module in modules().values()
        for node, name in imports(module)
        if is_within(name, "django.db.models.signals", "django.dispatch", "django.contrib.auth.signals")
        or name in ("django.db.models.signals", "django.core.signals")
    ]
    assert not wrong, "\n".join(wrong)


def test_pki_does_not_read_the_clock() -> None:
    wrong = [
        module.at(node)
        for module in modules().values()
        if module.package == "pki"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and CLOCKS.match(called(module, node))
    ]
    assert not wrong, "\n".join(wrong)


def test_pki_does_not_log_and_imports_nothing_above_it() -> None:
    wrong = [
        f"{module.at(node)} imports {name}"
        for module in modules().values()
        if module.package == "pki"
        for node, name in imports(module)
        if is_within(name, "logging", "structlog", "django") or name.split(".")[0] in set(PACKAGES) - {"pki"}
    ]
    assert not wrong, "\n".join(wrong)


def test_errors_of_pki_are_of_one_family() -> None:
    own = [thing for thing in vars(errors).values() if isinstance(thing, type) and thing.__module__ == "pki.errors"]
    assert len(own) > 5
    assert all(issubclass(thing, errors.PkiError) for thing in own)


def test_the_kernel_is_closed() -> None:
    """A new file in it needs a decision; see the docstring of the package."""
    decided = "".join(path.read_text() for path in sorted((ROOT / "docs" / "decisions").glob("*.md")))
    new = [
        module.name
        for module in modules().values()
        if module.package == "core"
        and module.kind not in {*KERNEL, *ENTRY_POINTS, ""}
        and f"core/{module.kind}.py" not in decided
    ]
    assert not new, f"no page in docs/decisions/ mentions {new}"

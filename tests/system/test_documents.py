"""Documents that list things say what the code says, and their links lead somewhere."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from authorities.models import Profile
from certificates.service.policies import TERMS
from core.audit import Event
from notifications.models import Notice
from notifications.service import by_mail, raise_notice
from plugins import describe, registry
from tests.people import PASSWORD, People, api
from tests.pictures.motifs import MOTIFS
from tests.pki_material import material
from tests.system.documents import blocks, code, rows, text_of
from tests.system.installation import ROOT
from tests.ui.looking import THEMES

DOCUMENTS = [
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
    *sorted(path.name for path in ROOT.glob("*.md")),
]

PICTURE = re.compile(
    r"""<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)">\s*<img src="([^"]+)" alt="([^"]+)">"""
)


def test_settings_are_exactly_those_that_are_read() -> None:
    documented = {code(cells[0]): cells[1] for cells in rows(text_of("docs/reference/settings.md")) if len(cells) == 3}
    read = dict(variables())
    assert set(documented) == set(read)
    for name, default in read.items():
        if default is not None:
            assert documented[name] == default, name


def variables() -> Iterator[tuple[str, str | None]]:
    """Each environment variable of settings.py with its default as the page spells it; None if that is computed."""
    for node in ast.walk(ast.parse(text_of("lemur_site/settings.py"))):
        if isinstance(node, ast.Call) and re.fullmatch(r"env\.\w+", ast.unparse(node.func)):
            given = next((keyword.value for keyword in node.keywords if keyword.arg == "default"), None)
            yield ast.literal_eval(node.args[0]), None if given is None else spelled(given)


def spelled(node: ast.expr) -> str | None:
    """None where it depends on something, such as another variable."""
    if any(isinstance(part, ast.Name | ast.Call | ast.JoinedStr) for part in ast.walk(node)):
        return None
    default: Any = eval(compile(ast.Expression(node), "settings", "eval"))  # noqa: S307 - our own source
    if default == "":
        return None  # often replaced by something else further down
    if default == []:
        return "\N{EN DASH}"
    text = ",".join(default) if isinstance(default, list) else str(default)
    return f"`{text.lower() if isinstance(default, bool) else text}`"


def test_events_are_exactly_those_of_the_audit_log() -> None:
    documented = [code(cells[0]) for cells in rows(text_of("docs/reference/events.md"))]
    assert documented == sorted(Event)


def test_details_of_events_are_exactly_those_that_are_recorded() -> None:
    documented = {
        code(cells[0]): set(re.findall(r"`(\w+)`", cells[3])) for cells in rows(text_of("docs/reference/events.md"))
    }
    recorded: dict[str, set[str]] = {event: set() for event in Event}
    for node in calls_of_record():
        named = {keyword.arg for keyword in node.keywords if keyword.arg} - {"by"}
        for event in re.findall(r"Event\.([A-Z_]+)", ast.unparse(node.args[0])):
            recorded[Event[event]] |= named
    for event in (Event.POLICY_CREATED, Event.POLICY_UPDATED):
        recorded[event] |= set(TERMS)
    for event in (Event.KEY_REVEALED, Event.CERTIFICATE_EXPORTED):
        recorded[event] |= {"plugin"}  # named by a variable
    for event in (Event.AUTHORITY_CREATED, Event.AUTHORITY_IMPORTED):
        recorded[event] |= {"plugin", "parent"}
    recorded[Event.DNS_PROVIDER_TESTED] |= {"works"}
    recorded[Event.CERTIFICATE_UPDATED] |= {"tags_added", "tags_removed"}  # where they were changed
    for kind in ("DESTINATION", "DNS_PROVIDER", "NOTIFICATION", "SOURCE"):  # by core.connectors
        for verb, detail in (("CREATED", "plugin"), ("UPDATED", "fields"), ("DELETED", "plugin")):
            recorded[Event[f"{kind}_{verb}"]] |= {detail}
    assert documented == recorded


def calls_of_record() -> Iterator[ast.Call]:
    """Of all but what moves in from elsewhere, which says what others have recorded."""
    apps = ("accounts", "authorities", "certificates", "core", "lemur_site", "lifecycle", "notifications", "stores")
    for path in (path for app in apps for path in (ROOT / app).rglob("*.py") if "moving" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"record", "audit.record"}:
                yield node


def test_plugins_and_their_options_are_exactly_those_of_the_registry() -> None:
    documented = {}
    for part in re.split(r"^## ", text_of("docs/reference/plugins.md"), flags=re.MULTILINE)[1:]:
        kind = part.partition("\n")[0]
        for section in re.split(r"^### ", part, flags=re.MULTILINE)[1:]:
            options = {code(cells[0]): cells[0].startswith("**") for cells in rows(section)}
            documented[code(section.partition("\n")[0])] = (kind, options)
    built_in = {slug: entry for slug, entry in registry.entries.items() if entry.origin == "built in"}
    known = {
        slug: (entry.kind, {option["name"]: option["required"] for option in describe(entry.load().Options)})
        for slug, entry in built_in.items()
    }
    assert documented == known


def test_every_library_has_a_sentence() -> None:
    lines = [line for line in text_of("requirements.txt").splitlines() if line and not line.startswith("#")]
    required = [re.match(r"[a-z0-9-]+", line).group() for line in lines]  # type: ignore[union-attr]
    assert [cells[0] for cells in rows(text_of("docs/decisions/0002-libraries.md"))] == required


def test_every_address_of_the_api_is_documented_and_no_other() -> None:
    headings = re.findall(r"^### `([A-Z]+) (\S+)`$", text_of("docs/reference/api.md"), re.MULTILINE)
    paths = SchemaGenerator().get_schema(public=True)["paths"]
    methods = {"get", "post", "put", "patch", "delete"}
    assert set(headings) == {
        (method.upper(), path) for path, known in paths.items() for method in known if method in methods
    }


# What a POST to an address makes, as the page names it afterwards.
MADE_BY = {
    "users": "user",
    "roles": "role",
    "keys": "key",
    "authorities": "authority",
    "destinations": "destination",
    "sources": "source",
    "notifications": "notification",
    "policies": "policy",
    "domains": "domain",
}


@pytest.mark.django_db
def test_the_requests_of_the_api_page_work(people: People) -> None:
    client, ids = api(people.root), {"profile": Profile.objects.all()[0].pk, "notice": a_notice().pk}
    for block in blocks("docs/reference/api.md", "http"):
        line, _, body = filled(block, people).partition("\n")
        method, path = line.split()
        for name, pk in ids.items():
            path = path.replace(f"{{{name}}}", str(pk))
        answer = client.generic(method, path, body, content_type="application/json")
        assert answer.status_code == 200, f"{line}: {answer.status_code} {answer.content.decode()}"
        if method == "POST" and "id" in (made := answer.json()):
            ids[MADE_BY.get(path.rpartition("/")[2]) or MADE_BY.get(path.split("/")[3], "certificate")] = made["id"]


def a_notice() -> Notice:
    """Something that somebody was told."""
    [address] = by_mail("shop@example.com")
    raise_notice(address.notice("certificate-expiring", "1", label="shop.example.com", url="/", topic="x:1"))
    return Notice.objects.get()


def filled(block: str, people: People) -> str:
    """With what stands as "…" on the page."""
    leaf = material().leaf
    block = block.replace('"admin", "password": "…"', json.dumps(people.root.username) + ', "password": "…"')
    block = block.replace('"password": "…"', f'"password": {json.dumps(PASSWORD)}')
    for name, pem in (("body", leaf.pem), ("privateKey", leaf.key_pem)):
        block = re.sub(rf'"{name}": "-----BEGIN [^"]*"', lambda _, n=name, p=pem: f'"{n}": {json.dumps(p)}', block)
    return block


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = text_of(document)
    targets = [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'(?:src|srcset)="([^"]+)"', text)]
    for target in targets:
        if not re.match(r"https?://|mailto:", target):
            path, _, anchor = target.partition("#")
            file = (ROOT / document).parent / path if path else ROOT / document
            assert file.exists(), f"{document}: {target}"
            assert not anchor or anchor in anchors(file), f"{document}: {target}"


def test_every_picture_is_there_for_both_themes_and_shown_somewhere() -> None:
    folder = ROOT / "docs" / "images"
    shown = set()
    for document in DOCUMENTS:
        for dark, light, alt in PICTURE.findall(text_of(document)):
            shown |= {(ROOT / document).parent / dark, (ROOT / document).parent / light}
            assert dark.removesuffix("-dark.png") == light.removesuffix("-light.png"), document
            assert len(alt) > 40, f"{document}: {light} is described to those who cannot see it"
    assert {path.resolve() for path in shown} == set(folder.iterdir())


def test_the_script_takes_the_pictures_that_are_there() -> None:
    assert {f"{name}-{theme}.png" for name in MOTIFS for theme in THEMES} == {
        path.name for path in (ROOT / "docs" / "images").iterdir()
    }


def anchors(file: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        file = waiting.pop().resolve()
        if file not in reached and file.suffix == ".md" and file.exists():
            reached.add(file)
            links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", file.read_text())
            waiting += [file.parent / link for link in links if "://" not in link]
    assert {str(file.relative_to(ROOT)) for file in reached} == set(DOCUMENTS)

"""The examples in the documentation of early Lemur, as files: its requests are sent, its answers compared by key and type.

What an example cannot know here is put in: texts of certificates and keys, which it abbreviates, ids and names of rows
that exist, and a validity of today. Everything else is sent as it is printed.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from authorities.models import Authority
from certificates import service
from certificates.models import Certificate
from tests.factories import a_certificate, an_authority
from tests.people import People, api
from tests.pki_material import material

pytestmark = pytest.mark.django_db

GOLDEN = Path(__file__).parent / "golden"
URL = "/api/1/certificates"
# Where the example says null and every version since has said false, or a text.
SINCE = {"deleted": bool, "description": str}


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def compare(answer: Any, example: Any, path: str = "") -> list[str]:
    """What the answer lacks of the example, or has of another type. A list is compared by its first member, if any."""
    if isinstance(example, dict):
        if not isinstance(answer, dict):
            return [f"{path} is no object: {answer!r}"]
        missing = [f"{path}.{key} is missing" for key in example if key not in answer]
        return missing + [
            line for key in example if key in answer for line in compare(answer[key], example[key], f"{path}.{key}")
        ]
    if isinstance(example, list):
        if not isinstance(answer, list):
            return [f"{path} is no list: {answer!r}"]
        return compare(answer[0], example[0], f"{path}[0]") if answer and example else []
    wanted = SINCE.get(path.rpartition(".")[2], type(example)) if example is None else type(example)
    free = path.endswith((".chain", ".status", ".san", ".cn"))  # null or a value, as the certificate has it
    return [] if free or isinstance(answer, wanted) else [f"{path} is {answer!r}, not of {wanted.__name__}"]


@pytest.fixture
def verisign(people: People) -> Authority:
    return an_authority(people.root, name="verisign", roles=[people.team])


@pytest.fixture
def one(people: People, verisign: Authority) -> Certificate:
    return a_certificate(people.alice, verisign, cn="test.example.net")


def sent(client: Any, method: str, address: str, body: Any) -> Any:
    answer = getattr(client, method)(f"{URL}{address}", body, format="json")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_comparing_finds_what_differs() -> None:
    assert compare({"a": 1, "b": [{"c": None}]}, {"a": "x", "b": [{"c": 1, "d": 2}], "e": {}}) == [
        ".e is missing", ".a is 1, not of str", ".b[0].d is missing", ".b[0].c is None, not of int",
    ]  # fmt: skip
    assert compare({"a": {}}, {"a": []}) == [".a is no list: {}"]
    assert compare([], {}) == [" is no object: []"]


def test_every_example_is_tried() -> None:
    here = Path(__file__).read_text()
    assert [path.stem for path in GOLDEN.iterdir() if f'"{path.stem}"' not in here] == []


def test_one_and_all(people: People, one: Certificate) -> None:
    client = api(people.charlie)
    assert compare(client.get(f"{URL}/{one.pk}").json(), golden("certificate.get.response")) == []
    page = client.get(f"{URL}?sortBy=id&sortDir=asc&page=1&count=10&filter=cn;test.example").json()
    assert compare(page, golden("certificates.get.response")) == []


def test_create(people: People, verisign: Authority, one: Certificate) -> None:
    now = datetime.now(UTC)
    start, end = (f"{moment:%Y-%m-%dT%H:%M:%S}.000Z" for moment in (now, now + timedelta(days=300)))
    body = {
        **golden("certificates.post.request"),
        "replacements": [{"id": one.pk}],
        "validityStart": start,
        "validityEnd": end,
    }
    made = sent(api(people.alice), "post", "", body)
    assert compare(made, golden("certificates.post.response")) == []
    assert made["notAfter"] == end.replace(".000Z", "+00:00")
    assert [name["name"] for name in made["domains"]] == [
        "test.example.net",
        "*.test.example.net",
        "www.test.example.net",
    ]
    assert [other["id"] for other in made["replaces"]] == [one.pk]
    subject = Certificate.objects.get(pk=made["id"])
    assert (subject.organization, subject.location, subject.state, subject.organizational_unit, subject.country) == (
        "Netflix, Inc.", "Los Gatos", "California", "Operations", "US",
    )  # fmt: skip


def test_update(people: People, one: Certificate) -> None:
    changed = sent(api(people.alice), "put", f"/{one.pk}", golden("certificate.put.request"))
    assert compare(changed, golden("certificate.put.response")) == []
    assert (changed["owner"], changed["active"], changed["destinations"]) == ("jimbob@example.org", False, [])


def test_upload(people: People) -> None:
    leaf, root = material().leaf, material().root
    texts = {"publicCert": leaf.pem, "intermediateCert": root.pem, "privateKey": leaf.key_pem}
    if leaf.certificate.issuer != root.certificate.subject:
        texts["intermediateCert"] = material().intermediate.pem
    made = sent(api(people.alice), "post", "/upload", golden("certificates.upload.request") | texts)
    example = golden("certificates.upload.response")
    example["authority"] = None  # whoever uploads does not say which one it was
    assert compare({**made, "authority": None}, example) == []
    assert (made["name"], made["hasPrivateKey"]) == ("cert1", True)


def test_key_and_export(people: People, one: Certificate) -> None:
    client = api(people.alice)
    assert compare(client.get(f"{URL}/{one.pk}/key").json(), golden("certificate.key.response")) == []
    exported = sent(client, "post", f"/{one.pk}/export", golden("certificate.export.request"))
    assert compare(exported, golden("certificate.export.response")) == []
    assert (exported["extension"], base64.b64decode(exported["data"])[:4]) == ("jks", bytes.fromhex("feedfeed"))


def test_replacements_and_those_of_a_notification(people: People, verisign: Authority, one: Certificate) -> None:
    newer = a_certificate(people.alice, verisign, cn="test.example.net", replaces=[one])
    client = api(people.charlie)
    assert (
        compare(client.get(f"{URL}/{newer.pk}/replacements").json(), golden("certificate.replacements.response")) == []
    )
    notification = service.get(newer.pk).notifications.first()
    listed = client.get(f"/api/1/notifications/{notification.pk}/certificates").json()
    assert compare(listed, golden("notification.certificates.response")) == []

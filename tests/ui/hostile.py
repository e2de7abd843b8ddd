"""What strangers may put into certificates, and people into everything that they may name: as much as the rules let in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cryptography import x509

from pki.names import printable
from tests.pki_material import as_pem, certificate, name, p256
from tests.security.odd_certificates import MARKUP, everywhere, with_names
from tests.ui.product import Site

OWNER = "='{{7*7}}'|x+@example.org"  # as hostile as an address may be
TEXTS = (
    *(MARKUP[kind] for kind in ("script", "attribute", "template", "formula", "header", "terminal", "right to left")),
    "W" * 128,
)
"""For whatever has a name: one of each sort, and one that no line can be broken in."""

# What no form lets in, and a source, a CA or a plugin may say: rows as those write them.
SEEN = """
import json, sys
from django.utils.timezone import now
from accounts.service import system_user
from certificates.models import Certificate, Order
from lifecycle.models import Alarm, Endpoint, EndpointRotation
from lifecycle.sighting import Tally, see
from notifications.models import Notice
from notifications.service import by_mail, raise_notice
from pki.names import printable
from plugins.values import FoundEndpoint
from stores.models import Source
found = json.loads({texts!r})
certificates = list(Certificate.objects.filter(owner={owner!r}))
source = Source.objects.get(label="hostile files")
for number, text in enumerate(found):
    certificate = certificates[number % len(certificates)]
    see(source, FoundEndpoint(host=text, port=443 + number, kind=text, certificate=certificate.parsed, policy=text,
        ciphers=(text,), aliases=(text, text), reference=text), Tally(), now=now())
    endpoint = Endpoint.objects.get(port=443 + number, source=source)
    Endpoint.objects.filter(pk=endpoint.pk).update(problems=[printable(text)], checked_at=now())
    EndpointRotation.objects.create(endpoint=endpoint, certificate=certificate, last_error=printable(text), state="failed")
    Alarm.objects.create(kind="endpoint", topic=f"x:{{number}}", label=str(endpoint), url="/endpoints/",
        owner={owner!r}, error=printable(text), since=now())
    [address] = by_mail("watch@example.org")
    raise_notice(address.notice("certificate-expiring", str(number), label=str(endpoint), url="/", topic=f"y:{{number}}"))
    Notice.objects.filter(dedupe__contains="watch@").update(facts={{"error": text, "places": [text], "who": text}})
Order.objects.update(last_error=found[0])
"""


def monsters() -> dict[str, str]:
    """Certificates as PEM, by what is wrong with them."""
    uris = (x509.UniformResourceIdentifier(uri) for uri in ("javascript:alert(1)", "data:text/html,<script>x</script>"))
    return {
        **{kind: everywhere(text) for kind, text in MARKUP.items()},
        "scripts as addresses": with_names(*uris, cn="uris.example.org"),
        "no line break": as_pem(certificate(name("W" * 64), p256())),
        "a long label": with_names(x509.DNSName(".".join(["w" * 60] * 4)), cn="long.example.org"),
    }


def giants() -> dict[str, str]:
    """Each nearly as large as what may be imported at once."""
    names = [x509.DNSName(f"{number:05}.many.example.org") for number in range(10_000)]
    blob = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x04\x84\x00\x10\x00\x00" + b"<" * 2**20
    )
    return {
        "10,000 names": with_names(*names, cn="many.example.org"),
        "an extension of a megabyte": as_pem(certificate(name("big.example.org"), p256(), extensions=[(blob, False)])),
    }


def visible(text: str) -> str:
    """For a description: those are people's own words, and shown as they are."""
    return printable(text).replace("\\r\\n", "\r\n")


def furnish(site: Site) -> list[str]:
    """Everything with a hostile name that the API takes; the pages that show it. What is refused says why."""
    pages = []
    for number, text in enumerate(TEXTS):
        for path, page, body in _wanted(site, number, text):
            answer = site.api.ask("POST", path, **body)
            assert answer.status_code in {200, 400}, f"{path} {body}: {answer.status_code} {answer.text[:500]}"
            if answer.status_code == 200 and page:
                pages.append(page.format(answer.json()["id"]))
    return pages


def _wanted(site: Site, number: int, text: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The address of the API, that of the page, and what is said."""
    sftp = {"host": "192.0.2.1", "hostKey": "SHA256:" + "A" * 43, "password": text, "destinationPath": f"/{text}"}
    mail = {"interval": 1, "unit": "days", "recipients": OWNER}
    dns = {"slug": "rfc2136-dns", "pluginOptions": {"server": "192.0.2.1", "keyName": "x", "keySecret": "c2VjcmV0"}}
    slack = {"interval": 1, "unit": "days", "webhook": "https://hooks.slack.com/services/x", "username": text}
    said = {"description": visible(text), "active": False}
    yield "destinations", "/destinations/{}", {"label": text, **said, "plugin": _plugin("sftp-destination", sftp)}
    yield "sources", "/sources/{}", {"label": text, **said, "plugin": _plugin("tls-source", {"hosts": "192.0.2.1"})}
    yield "notifications", "/notifications/{}", {"label": text, **said, "plugin": _plugin("email-notification", mail)}
    yield (
        "notifications",
        "/notifications/{}",
        {"label": f"s{text}", **said, "plugin": _plugin("slack-notification", slack)},
    )
    yield "dns_providers", "/dns-providers/{}", {"name": text, **said, "providerType": dns}
    yield "roles", "/roles/{}", {"name": text, "description": visible(text)}
    yield "users", "/people/{}", {"username": text, "email": f"x{number}@example.org", "password": "Everybody's 1st!"}
    yield "policies", "", {"name": text, "days": 7}
    yield "keys", "", {"name": text, "ttl": 90}
    yield "domains", "", {"name": text, "sensitive": True}
    about = {"owner": OWNER, "description": visible(text)}
    yield "authorities", "/authorities/{}", {"name": text, "commonName": text[:64], "organization": text[:64], **about}
    subject = {"organization": text[:64], "organizationalUnit": text[:64], "location": text[:64], "state": text[:64]}
    order = {"commonName": f"ordered-{number}.example.org", "authority": {"id": site.issuing}, **about, **subject}
    yield "certificates", "/certificates/{}", order


def _plugin(slug: str, options: dict[str, Any]) -> dict[str, Any]:
    return {"slug": slug, "pluginOptions": options}


def seen(site: Site) -> None:
    """Write down what a source and a CA said."""
    code = SEEN.format(texts=json.dumps(TEXTS), owner=OWNER)
    done = site.place.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr

"""Ordering: what is allowed, what comes out, and that nothing is left behind when it is refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.db import IntegrityError

from authorities.models import Issuance, Profile
from certificates import service
from certificates.models import Certificate, Domain, Order
from core import keys as key_store
from core.audit import Event, acting_as
from core.errors import Forbidden, Invalid, Unavailable
from core.models import AuditEntry, IdempotentAnswer, StoredKey
from pki import keys, requests
from pki.extensions import PURPOSES, BasicConstraints, Extensions, KeyUsage
from pki.names import NameType, parse
from pki.subjects import Subject
from tests.factories import a_certificate, an_authority

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC).replace(microsecond=0)


def dns(*values):
    return {"sub_alt_names": {"names": [{"name_type": "DNSName", "value": value} for value in values]}}


def a_csr(*names, cn="www.example.org", key=None, **extensions):
    key = key or keys.generate(keys.KEY_SPECS["ECCPRIME256V1"])
    wanted = Extensions(names=tuple(parse(NameType.DNS, name) for name in names), **extensions)
    return requests.build(Subject(common_name=cn).to_name(), wanted, key), key


def left_behind():
    return Order.objects.count(), Certificate.objects.filter(root_authority=None).count(), StoredKey.objects.count()


def refused(call, *, field):
    before = left_behind()
    with pytest.raises(Invalid) as caught:
        call()
    assert left_behind() == before
    reasons = caught.value.reasons
    for part in field.split("."):
        assert part in reasons, caught.value.reasons
        reasons = reasons[part]
    return reasons


class TestWhatComesOut:
    def test_names_key_and_chain(self, people, root_ca, issuing_ca):
        made = service.create(
            by=people.alice,
            authority=issuing_ca,
            owner="Web@Example.org",
            common_name="example.org",
            extensions=dns("www.example.org", "*.example.org"),
        )
        names = made.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["example.org", "www.example.org", "*.example.org"]
        assert (made.owner, made.cn, made.san, made.authority, made.user) == (
            "web@example.org", "example.org", True, issuing_ca, people.alice,
        )  # fmt: skip
        assert made.chain == issuing_ca.body + root_ca.body
        assert keys.belongs(key_store.signer(made.private_key), made.public_key)
        assert made.name.startswith("SAN-example.org-IssuingCA-")

    def test_the_ledger_knew_it_before_it_was_signed(self, people, root_ca):
        made = a_certificate(people.alice, root_ca)
        entry = Issuance.objects.get(authority=root_ca, serial=made.serial)
        assert entry.not_after == made.not_after
        order = made.order
        assert order.state == Order.State.DONE
        assert x509.load_der_x509_certificate(bytes(order.draft)).tbs_certificate_bytes == (
            made.parsed.tbs_certificate_bytes
        )

    def test_each_step_is_in_the_audit_log(self, people, root_ca):
        a_certificate(people.alice, root_ca)
        events = set(AuditEntry.objects.filter(actor=people.alice).values_list("event", flat=True))
        assert events == {
            Event.CERTIFICATE_ORDERED, Event.ROLE_CREATED, Event.NOTIFICATION_CREATED, Event.CERTIFICATE_ISSUED,
        }  # fmt: skip

    def test_the_default_validity_is_the_profiles(self, people, root_ca):
        made = a_certificate(people.alice, root_ca)
        assert made.validity_range == timedelta(days=365)

    def test_and_fits_into_the_authority(self, people, db):
        short = an_authority(people.root, name="Short", validity_start=NOW, validity_end=NOW + timedelta(days=30))
        made = a_certificate(people.root, short, now=NOW)
        assert made.not_after == short.not_after

    @pytest.mark.parametrize("key_type", sorted(keys.KEY_SPECS))
    def test_every_key_type(self, people, root_ca, key_type):
        made = a_certificate(people.alice, root_ca, key_type=key_type)
        assert made.key_type == key_type

    def test_the_client_profile(self, people, root_ca):
        made = service.create(
            by=people.alice, authority=root_ca, owner="a@example.org", common_name="Alice Smith", profile="client"
        )
        usage = made.parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        assert made.domains.count() == 0

    def test_domains_are_shared_rows(self, people, root_ca):
        a_certificate(people.alice, root_ca)
        a_certificate(people.alice, root_ca)
        assert Domain.objects.filter(name="www.example.org").count() == 1

    def test_the_second_of_a_day_gets_the_serial_into_its_name(self, people, root_ca):
        first, second = a_certificate(people.alice, root_ca), a_certificate(people.alice, root_ca)
        assert second.name == f"{first.name}-{second.serial_hex}"

    def test_replacing_silences_the_old_one(self, people, root_ca):
        old = a_certificate(people.alice, root_ca)
        new = a_certificate(people.alice, root_ca, replaces=[old])
        old.refresh_from_db()
        assert (old.notify, list(old.replaced.all()), old.phase) == (False, [new], "replaced")

    def test_a_parent_that_is_an_intermediate_of_an_intermediate(self, people, root_ca):
        middle = an_authority(people.root, name="Middle", parent=root_ca, path_length=1)
        lower = an_authority(people.root, name="Lower", parent=middle)
        made = a_certificate(people.root, lower)
        assert len(made.issuers) == 3


class TestWithCsr:
    def test_the_key_stays_with_the_requester(self, people, root_ca):
        csr, key = a_csr("www.example.org")
        made = service.create(by=people.alice, authority=root_ca, owner="a@example.org", csr=csr)
        assert made.private_key is None
        assert keys.belongs(key, made.public_key)
        assert [domain.name for domain in made.domains.all()] == ["www.example.org"]

    @pytest.mark.parametrize(
        ("extensions", "field"),
        [
            ({"basic_constraints": BasicConstraints(ca=True)}, "extensions.basic_constraints"),
            ({"key_usage": frozenset({KeyUsage.KEY_CERT_SIGN})}, "extensions.key_usage"),
            ({"key_usage": frozenset({KeyUsage.CRL_SIGN})}, "extensions.key_usage"),
            ({"extended_key_usage": frozenset({PURPOSES["ocsp_signing"]})}, "extensions.extended_key_usage"),
            ({"extended_key_usage": frozenset({PURPOSES["any"]})}, "extensions.extended_key_usage"),
            ({"extended_key_usage": frozenset({PURPOSES["code_signing"]})}, "extensions.extended_key_usage"),
        ],
        ids=["CA:TRUE", "keyCertSign", "cRLSign", "OCSPSigning", "any", "code signing"],
    )
    def test_it_can_never_obtain_an_authoritys_rights(self, people, root_ca, extensions, field):
        csr, _ = a_csr("www.example.org", **extensions)
        refused(
            lambda: service.create(by=people.root, authority=root_ca, owner="a@example.org", csr=csr),
            field=field,
        )

    def test_nor_may_the_order_itself(self, people, root_ca):
        wanted = {**dns("www.example.org"), "basic_constraints": {"ca": True}}
        refused(lambda: a_certificate(people.root, root_ca, extensions=wanted), field="extensions.basic_constraints")

    def test_even_if_somebody_edited_the_profile(self, people, root_ca):
        Profile.objects.filter(name="server").update(key_usage=["digital_signature", "key_cert_sign"])
        csr, _ = a_csr("www.example.org", key_usage=frozenset({KeyUsage.KEY_CERT_SIGN}))
        refused(
            lambda: service.create(by=people.root, authority=root_ca, owner="a@example.org", csr=csr),
            field="extensions.key_usage",
        )

    def test_names_that_the_profile_does_not_allow(self, people, root_ca):
        key = keys.generate(keys.KEY_SPECS["ECCPRIME256V1"])
        wanted = Extensions(names=(parse(NameType.EMAIL, "ceo@example.org"),))
        csr = requests.build(Subject(common_name="www.example.org").to_name(), wanted, key)
        given = {"authority": root_ca, "owner": "a@example.org", "csr": csr, "profile": "server"}
        refused(
            lambda: service.create(by=people.alice, **given),
            field="extensions.sub_alt_names.names",
        )

    def test_a_broken_signature(self, people, root_ca):
        csr, _ = a_csr("www.example.org")
        der = bytearray(x509.load_pem_x509_csr(csr.encode()).public_bytes(Encoding.DER))
        der[-1] ^= 1
        text = base64.encodebytes(bytes(der)).decode()
        broken = f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"
        refused(
            lambda: service.create(by=people.alice, authority=root_ca, owner="a@example.org", csr=broken), field="csr"
        )


class TestRefusals:
    def test_who_may_not_use_the_authority(self, people, root_ca):
        with pytest.raises(Forbidden, match="You are not authorized to use the authority: Root"):
            a_certificate(people.charlie, root_ca)
        assert not Order.objects.exists()

    def test_read_only_people(self, people, root_ca):
        people.dora.roles.add(people.team)
        with pytest.raises(Forbidden, match="You are not authorized to create a new certificate"):
            a_certificate(people.dora, root_ca)

    def test_an_inactive_authority(self, people, root_ca):
        root_ca.active = False
        root_ca.save()
        assert refused(lambda: a_certificate(people.alice, root_ca), field="authority") == "The authority is inactive."

    def test_replacing_what_is_not_ones_own(self, people, root_ca):
        foreign = a_certificate(people.root, root_ca, owner="ops@example.org")
        with pytest.raises(Forbidden, match="not authorized to perform replace_certificate"):
            a_certificate(people.bob, root_ca, replaces=[foreign])

    def test_domains_outside_the_allowed(self, people, root_ca, settings):
        settings.LEMUR_ALLOWED_DOMAINS = [r"(.+\.)?example\.org$"]
        a_certificate(people.alice, root_ca)
        refused(lambda: a_certificate(people.alice, root_ca, cn="WWW.Example.NET"), field="common_name")
        refused(
            lambda: a_certificate(people.alice, root_ca, extensions=dns("example.net")),
            field="extensions.sub_alt_names.names",
        )

    def test_sensitive_domains_in_any_spelling(self, people, root_ca, settings):
        Domain.objects.create(name="bank.example.org", sensitive=True)
        refused(lambda: a_certificate(people.alice, root_ca, cn="BANK.example.org"), field="common_name")
        settings.SENSITIVE_DOMAIN_ROLES = ["team-web"]
        assert a_certificate(people.alice, root_ca, cn="BANK.example.org")

    @pytest.mark.parametrize(
        ("cn", "field"), [("www.example.org", "extensions.sub_alt_names.names"), ("2001:DB8::1", "common_name")]
    )
    def test_sensitive_addresses_in_any_spelling(self, people, root_ca, settings, cn, field):
        settings.LEMUR_ALLOWED_DOMAINS = [r"(.+\.)?example\.org$", "2001:"]
        service.create_domain("2001:db8::1", sensitive=True, by=people.root)
        asked = Extensions(names=(parse("IPAddress", "2001:0DB8:0::0001"),))
        refused(lambda: a_certificate(people.alice, root_ca, cn=cn, extensions=asked), field=field)
        assert a_certificate(people.root, root_ca, cn=cn, extensions=asked)
        free = Extensions(names=(parse("IPAddress", "192.0.2.1"),))
        assert a_certificate(people.alice, root_ca, cn="www.example.org", extensions=free)

    def test_a_profile_that_is_not_offered(self, people, root_ca):
        root_ca.profiles.set(Profile.objects.filter(name="client"))
        sentence = refused(lambda: a_certificate(people.alice, root_ca, profile="server"), field="profile")
        assert sentence == "Root does not offer the profile 'server'. It offers: client."

    @pytest.mark.parametrize(
        ("start", "end", "field"),
        [(-4000, 10, "validity_start"), (0, 40_000, "validity_end"), (10, 5, "Schema"), (0, 900, "validity_end")],
        ids=["before the authority", "after the authority", "backwards", "longer than the profile"],
    )
    def test_validity(self, people, root_ca, start, end, field):
        with pytest.raises(Invalid):
            a_certificate(
                people.alice,
                root_ca,
                validity_start=NOW + timedelta(days=start),
                validity_end=NOW + timedelta(days=end),
            )
        assert not Order.objects.exists()

    def test_too_many_names(self, people, root_ca, settings):
        settings.MAX_NAMES_IN_ORDER = 3
        refused(
            lambda: a_certificate(people.alice, root_ca, extensions=dns("a.example", "b.example", "c.example")),
            field="extensions.sub_alt_names.names",
        )

    def test_a_server_without_names(self, people, root_ca):
        refused(lambda: a_certificate(people.alice, root_ca, cn="Mail Server"), field="extensions.sub_alt_names.names")
        refused(lambda: a_certificate(people.alice, root_ca, cn=""), field="Schema")

    def test_an_unknown_field_is_ignored(self, people, root_ca):
        assert a_certificate(people.alice, root_ca, colour="blue").cn == "www.example.org"

    def test_an_end_that_nobody_asked_for_is_on_no_weekend(self, people, root_ca, settings):
        settings.LEMUR_ALLOW_WEEKEND_EXPIRATION = False
        days = 300 + (5 - (datetime.now(UTC) + timedelta(days=300)).weekday()) % 7
        Profile.objects.filter(name="server").update(default_days=days)
        made = a_certificate(people.alice, root_ca)
        assert (made.not_after.weekday(), (made.not_after - made.not_before).days) == (4, days - 1)


def an_answer(user):
    """The key of a request: asked for twice, it is the same."""
    return IdempotentAnswer.objects.get_or_create(user=user, key="k", defaults={"lease_until": datetime.now(UTC)})[0].pk


class TestDyingInBetween:
    def test_an_order_that_nobody_finished_is_taken_up(self, people, root_ca, monkeypatch):
        monkeypatch.setenv("FAILPOINTS", "issue.before=raise")
        with pytest.raises(RuntimeError):
            a_certificate(people.alice, root_ca)
        monkeypatch.delenv("FAILPOINTS")
        order = Order.objects.get()
        assert service.fulfil(order.pk) is None, "its lease has not run out"
        made = service.fulfil(order.pk, now=datetime.now(UTC) + timedelta(minutes=5))
        assert made.order == order
        assert service.fulfil(order.pk, now=datetime.now(UTC) + timedelta(days=1)) is None
        assert Certificate.objects.filter(authority=root_ca).count() == 1

    def test_asking_again_with_the_same_key_takes_it_up_too(self, people, root_ca, monkeypatch):
        monkeypatch.setenv("FAILPOINTS", "issue.after=raise")
        with acting_as(idempotency=an_answer(people.alice)), pytest.raises(RuntimeError):
            a_certificate(people.alice, root_ca)
        monkeypatch.delenv("FAILPOINTS")
        later = datetime.now(UTC) + timedelta(minutes=5)
        with acting_as(idempotency=an_answer(people.alice)):
            made = a_certificate(people.alice, root_ca, now=later)
            assert a_certificate(people.alice, root_ca, now=later) == made
        assert Certificate.objects.filter(authority=root_ca).count() == 1

    def test_a_ca_whose_key_cannot_be_opened(self, people, root_ca):
        from authorities import service as authorities

        authorities._material.cache_clear()
        StoredKey.objects.filter(pk=root_ca.private_key.removeprefix("key:")).update(reference=b"\x01" * 100)
        with pytest.raises(Unavailable, match="cannot be opened"):
            a_certificate(people.alice, root_ca)
        assert not Order.objects.exists()


class TestTheSeedsHelpers:
    def test_create_csr(self, db):
        csr, key = service.create_csr(
            owner="joe@example.org",
            common_name="www.example.org",
            organization="Example, Inc.",
            country="US",
            key_type="RSA2048",
            extensions=dns("www.example.org"),
        )
        request = requests.read(csr)
        assert request.key_type == "RSA2048"
        assert key.startswith("-----BEGIN RSA PRIVATE KEY-----")
        assert keys.belongs(keys.load_private_key(key), request.public_key)
        assert not StoredKey.objects.exists()

    def test_mint_gives_five_values_and_loses_nothing(self, people, root_ca):
        with acting_as(user=people.alice):
            body, key, chain, external_id, csr = service.mint(
                authority=root_ca, owner="a@example.org", common_name="www.example.org"
            )
        assert (chain, external_id) == (root_ca.body, None)
        assert key.startswith("key:")
        assert requests.read(csr)
        order = Order.objects.get()
        made = service.fulfil(order.pk, now=datetime.now(UTC) + timedelta(minutes=5))
        assert x509.load_pem_x509_certificate(body.encode()).serial_number == int(made.serial)


def test_what_the_database_refuses_is_not_taken_for_a_second_renewal(people, root_ca, monkeypatch):
    def refuse(*args, **kwargs):
        raise IntegrityError("two lines with one serial")

    monkeypatch.setattr(Order, "save", refuse)
    with pytest.raises(IntegrityError, match="one serial"):
        a_certificate(people.alice, root_ca)

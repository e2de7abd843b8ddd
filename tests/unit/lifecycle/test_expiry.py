"""Who is told that a certificate ends: each threshold once, whenever we look, and nobody about what does not matter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from certificates.models import Certificate, Deployment
from certificates.models.certificate import Status
from core.connectors import NewConnector
from lifecycle import expiry
from lifecycle.expiry import notify_expiring
from lifecycle.models import Endpoint
from lifecycle.tasks import notify_expiring as task
from notifications import service as notifications
from notifications.models import Notice
from stores.models import Destination, Source
from tests.ending import ending, mail_before, many_ending
from tests.unit.notifications.conftest import _as_it_was, mailbox  # noqa: F401  a real mail server

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOW = clock().replace(microsecond=0)
WEB, ALICE, TEAM = "web@example.org", "alice@example.org", "security@example.org"


@pytest.fixture(autouse=True)
def _team(settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL = [TEAM]


def told(**narrowed):
    """Whom, of what, for which threshold, in which state."""
    rows = Notice.objects.filter(**narrowed).order_by("pk")
    return sorted((one.recipient, one.subject_label, one.dedupe.split(":")[2], one.state) for one in rows)


class TestOnce:
    def test_a_threshold_that_was_crossed(self, people):
        ending(people.alice, NOW + 9 * DAY, told=[mail_before(people.alice, 10)])
        assert notify_expiring(now=NOW) == 3
        assert told() == [(who, "www.example.org", "10d", "waiting") for who in (ALICE, TEAM, WEB)]
        assert notify_expiring(now=NOW + timedelta(hours=1)) == 0
        assert len(told()) == 3

    def test_not_before(self, people):
        ending(people.alice, NOW + 10 * DAY, told=[mail_before(people.alice, 10)])
        assert notify_expiring(now=NOW - timedelta(seconds=1)) == 0
        assert notify_expiring(now=NOW) == 3

    def test_each_threshold_in_its_time(self, people):
        watches = [mail_before(people.alice, days) for days in (30, 10, 2)]
        ending(people.alice, NOW + 31 * DAY, told=watches)
        assert [notify_expiring(now=NOW + day * DAY) for day in range(33)] == [
            3 if day in (1, 21, 29) else 0 for day in range(33)
        ]
        assert {state for *_, state in told()} == {"waiting"}

    def test_after_days_of_outage_the_nearest_is_told_and_the_wider_ones_are_superseded(self, people):
        watches = [mail_before(people.alice, days) for days in (30, 10, 2)]
        ending(people.alice, NOW + 9 * DAY, told=watches)
        assert notify_expiring(now=NOW) == 3
        assert told(recipient=WEB) == [
            (WEB, "www.example.org", "10d", "waiting"),
            (WEB, "www.example.org", "30d", "done"),
        ]
        assert not Notice.objects.filter(sent_at__isnull=False).exists()

    def test_what_is_wider_than_what_was_told_is_not_told_later(self, people):
        certificate = ending(people.alice, NOW + 9 * DAY, told=[mail_before(people.alice, 10)])
        notify_expiring(now=NOW)
        certificate.notifications.add(mail_before(people.alice, 20))
        assert notify_expiring(now=NOW) == 0
        certificate.notifications.add(mail_before(people.alice, 20, to="new@example.org"))
        assert notify_expiring(now=NOW) == 1

    def test_two_weeks_are_fourteen_days(self, people):
        watches = [mail_before(people.alice, 2, "weeks"), mail_before(people.alice, 14)]
        ending(people.alice, NOW + DAY, told=watches)
        assert notify_expiring(now=NOW) == 3

    def test_a_new_owner_is_told_what_the_old_one_was(self, people):
        certificate = ending(people.alice, NOW + DAY, told=[mail_before(people.alice, 10)])
        notify_expiring(now=NOW)
        Certificate.objects.filter(pk=certificate.pk).update(owner="new@example.org")
        assert notify_expiring(now=NOW) == 1

    def test_page_by_page(self, people, monkeypatch):
        monkeypatch.setattr(expiry, "PAGE", 2)
        spans = [(f"www{n}.example.org", NOW - DAY * 300, NOW + DAY * (n // 3 + 1)) for n in range(7)]
        many_ending(people.alice, spans, told=[mail_before(people.alice, 10)])
        assert notify_expiring(now=NOW) == 21
        assert notify_expiring(now=NOW) == 0


class TestShortLives:
    """Thresholds as a share of the lifetime; and days for what lives no longer than that."""

    @pytest.mark.parametrize(
        ("lifetime", "percent", "left"),
        [
            (timedelta(days=6), 33, timedelta(days=6) * 0.33),
            (timedelta(hours=1), 50, timedelta(minutes=30)),
            (timedelta(days=398), 10, timedelta(days=39.8)),
            (timedelta(days=3650), 10, timedelta(days=90)),
        ],
    )
    def test_a_share(self, people, lifetime, percent, left):
        ending(people.alice, NOW + left, lifetime=lifetime, told=[mail_before(people.alice, percent, "percent")])
        assert notify_expiring(now=NOW - timedelta(seconds=1)) == 0
        assert notify_expiring(now=NOW) == 3
        assert told(recipient=WEB) == [(WEB, "www.example.org", f"{percent}%", "waiting")]

    @pytest.mark.parametrize("lifetime", [timedelta(days=6), timedelta(hours=1)])
    def test_nobody_is_told_on_the_day_of_its_birth(self, people, lifetime):
        """With the defaults, 30, 15 and 2 days: it is once, in the last third."""
        certificate = ending(people.alice, NOW + lifetime, lifetime=lifetime)
        certificate.notifications.set(notifications.default_notifications(ALICE, people.alice))
        assert notify_expiring(now=NOW) == 0
        assert notify_expiring(now=NOW + lifetime * 0.66) == 0
        assert notify_expiring(now=NOW + lifetime * 0.67) == 2, "the owner and the security team"
        assert notify_expiring(now=NOW + lifetime * 0.99) == 0


class TestNobody:
    @pytest.fixture
    def hers(self, people):
        return ending(people.alice, NOW + DAY, told=[mail_before(people.alice, 10)])

    @pytest.mark.parametrize(
        "columns",
        [
            {"notify": False},
            {"deleted": True},
            {"demo": True},
            {"status": Status.REVOKED},
            {"not_after": NOW},
            {"not_after": NOW - DAY},
        ],
        ids=["muted", "deleted", "demo", "revoked", "over", "over for a day"],
    )
    def test_about_what_is_muted_gone_or_over(self, hers, columns):
        Certificate.objects.filter(pk=hers.pk).update(**columns)
        assert notify_expiring(now=NOW) == 0

    def test_about_what_was_replaced(self, people, hers):
        successor = ending(people.alice, NOW + 300 * DAY)
        successor.replaces.add(hers)
        assert notify_expiring(now=NOW) == 0
        Certificate.objects.filter(pk=successor.pk).update(status=Status.REVOKED)
        assert notify_expiring(now=NOW) == 3, "the successor is of no use"

    @pytest.mark.parametrize(("pattern", "number"), [("WWW.example", 0), ("www%org", 0), ("other", 3), ("ww_", 3)])
    def test_about_names_that_are_left_out(self, hers, settings, pattern, number):
        settings.EXCLUDE_CN_FROM_NOTIFICATION = ["nothing", pattern]
        assert notify_expiring(now=NOW) == number

    def test_through_what_is_switched_off(self, people, hers):
        notifications.update(hers.notifications.get(), by=people.alice, active=False)
        assert notify_expiring(now=NOW) == 0

    def test_what_cannot_be_opened_stops_nobody_else(self, people, hers):
        broken = mail_before(people.alice, 20, to="gone@example.org")
        hers.notifications.add(broken)
        type(broken).objects.filter(pk=broken.pk).update(plugin="gone")
        assert notify_expiring(now=NOW) == 3
        wider = Notice.objects.filter(dedupe__contains=":20d:").values_list("recipient", flat=True)
        assert sorted(wider) == [ALICE, TEAM], "of the broken one, the owner and the team hear all the same"


class TestWhom:
    """Contract 12.1: whom the notification names, the security team and the owner, each once."""

    def test_without_doubles(self, people):
        watches = [mail_before(people.alice, 10, to=f"ALICE@example.org,{TEAM}"), mail_before(people.alice, 10)]
        ending(people.alice, NOW + DAY, told=watches)
        notify_expiring(now=NOW)
        assert [who for who, *_ in told()] == ["ALICE@example.org", TEAM, WEB]

    def test_of_another_channel_the_owner_and_the_team_have_mail_as_well(self, people):
        ops = notifications.create(
            NewConnector(
                label="ops",
                plugin="webhook-notification",
                options={"interval": 10, "unit": "days", "url": "https://example.org/", "secret": "a" * 44},
            ),
            by=people.alice,
        )
        ending(people.alice, NOW + DAY, told=[ops])
        notify_expiring(now=NOW)
        assert sorted(Notice.objects.values_list("channel", "recipient", "notification")) == [
            ("email-notification", ALICE, None),
            ("email-notification", TEAM, None),
            (f"webhook-notification:{ops.pk}", "ops", ops.pk),
        ]

    def test_one_message_for_all_of_a_run(self, people, mailbox, monkeypatch):  # noqa: F811
        monkeypatch.setattr(expiry, "PAGE", 2)
        spans = [(f"www{n}.example.org", NOW - DAY * 300, NOW + DAY * (n + 1)) for n in range(5)]
        many_ending(people.alice, spans, told=[mail_before(people.alice, 10)])
        written = expiry.raise_notice

        def told_meanwhile(*notices: Notice) -> None:
            written(*notices)
            assert notifications.waiting_recipients(NOW) == [], "not before all are written"

        monkeypatch.setattr(expiry, "raise_notice", told_meanwhile)
        notify_expiring(now=NOW)
        for recipient, channel in notifications.waiting_recipients(NOW):
            assert notifications.tell(recipient, channel, now=NOW)
        assert sorted(mail.recipients for mail in mailbox.received) == [[ALICE], [TEAM], [WEB]]
        assert {mail.message["Subject"] for mail in mailbox.received} == {"Lemur: 5 certificates end soon"}

    def test_what_a_run_that_died_has_written_is_told_when_its_lease_is_over(self, people, monkeypatch):
        monkeypatch.setattr(expiry, "release", lambda *_, **__: 1 / 0)
        ending(people.alice, NOW + DAY, told=[mail_before(people.alice, 10)])
        with pytest.raises(ZeroDivisionError):
            notify_expiring(now=NOW)
        assert notifications.waiting_recipients(NOW + timedelta(minutes=9)) == []
        assert len(notifications.waiting_recipients(NOW + timedelta(minutes=11))) == 3


class TestFacts:
    def test_where_it_is_in_use(self, people):
        certificate = ending(people.alice, NOW + DAY, told=[mail_before(people.alice, 10)], rotation=True)
        source = Source.objects.create(label="scan", plugin="odd-source")
        for port in range(441, 447):
            Endpoint.objects.create(
                name="e", dnsname="www.example.org", port=port, type="tls", source=source, certificate=certificate
            )
        there = Destination.objects.create(label="Web servers", plugin="odd-destination")
        Deployment.objects.create(certificate=certificate, destination=there, state="done")
        notify_expiring(now=NOW)
        notice = Notice.objects.filter(recipient=WEB).get()
        assert notice.facts == {
            "ends": (NOW + DAY).isoformat(),
            "threshold": "10d",
            "places": [f"www.example.org:{port}" for port in range(441, 446)],
            "more_places": 2,
            "renews": True,
        }
        assert (notice.topic, notice.subject_url) == (
            f"certificates.certificate:{certificate.pk}",
            certificate.get_absolute_url(),
        )


class TestAuthorities:
    """A year and half a year before the certificate of an authority ends, its owner and the security team."""

    def test_twice(self, people, root_ca):
        own = root_ca.own_certificates.get()
        for left, thresholds in ((366, []), (364, ["365d"]), (300, []), (179, ["180d"]), (20, [])):
            before = set(told())
            notify_expiring(now=own.not_after - left * DAY)
            fresh = sorted(set(told()) - before)
            assert [threshold for _, _, threshold, _ in fresh] == thresholds * 2, left
        assert {who for who, *_ in told()} == {"pki@example.org", TEAM}
        assert set(Notice.objects.values_list("kind", flat=True)) == {"authority-expiring"}


class TestStillServed:
    """What was muted or replaced is told of all the same, while an endpoint serves it."""

    @pytest.fixture
    def served(self, people):
        certificate = ending(people.alice, NOW + 13 * DAY, told=[mail_before(people.alice, 30)])
        source = Source.objects.create(label="scan", plugin="odd-source")
        Endpoint.objects.create(
            name="e", dnsname="www.example.org", port=443, type="tls", source=source, certificate=certificate
        )
        return certificate

    def kinds(self):
        return sorted(set(Notice.objects.values_list("kind", flat=True)))

    def test_what_is_watched_is_told_as_usual(self, served):
        notify_expiring(now=NOW)
        assert self.kinds() == ["certificate-expiring"]

    def test_muted(self, served):
        Certificate.objects.filter(pk=served.pk).update(notify=False)
        notify_expiring(now=NOW)
        assert self.kinds() == ["certificate-expiring-deployed"]
        assert [who for who, *_ in told()] == [ALICE, TEAM]

    def test_replaced(self, people, served):
        ending(people.alice, NOW + 300 * DAY).replaces.add(served)
        notify_expiring(now=NOW)
        assert self.kinds() == ["certificate-expiring-deployed"]

    def test_not_sooner_than_the_setting_says(self, served, settings):
        settings.LEMUR_EXPIRING_DEPLOYED_CERT_THRESHOLD_DAYS = 12
        Certificate.objects.filter(pk=served.pk).update(notify=False)
        assert notify_expiring(now=NOW) == 0


def test_the_task(people):
    ending(people.alice, clock() + DAY, told=[mail_before(people.alice, 10)])
    task()
    assert len(told()) == 3


def test_what_is_not_due_costs_nothing(people, django_assert_max_num_queries):
    spans = [(f"www{n}.example.org", NOW - DAY, NOW + 200 * DAY) for n in range(50)]
    many_ending(people.alice, spans, told=[mail_before(people.alice, 10)])
    with django_assert_max_num_queries(8):
        assert notify_expiring(now=NOW) == 0

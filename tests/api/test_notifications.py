"""Notifications over the API (contract 9.5, 11 and 7.3)."""

from __future__ import annotations

import pytest

from certificates import service as certificates
from notifications.models import Notification
from tests.factories import a_certificate
from tests.notifying import OPTIONS, PLUGIN, a_notification
from tests.people import api

pytestmark = pytest.mark.django_db

URL = "/api/1/notifications"
LISTED = [{"name": name, "value": value} for name, value in OPTIONS.items()]
BODY = {"label": "web", "description": "For the web", "plugin": {"slug": PLUGIN, "pluginOptions": LISTED}}


@pytest.fixture
def leaf(people, root_ca):
    made = a_certificate(people.alice, root_ca, cn="leaf.example.org")
    Notification.objects.all().delete()  # its owner's defaults, which are not what these tests are about
    return made


def post(person, body=BODY, **changes):
    return api(person).post(URL, {**body, **changes}, format="json")


def put(person, pk, **body):
    return api(person).put(f"{URL}/{pk}", body, format="json")


def about(person, pk):
    return [item["cn"] for item in api(person).get(f"{URL}/{pk}/certificates").json()["items"]]


def test_a_new_one_as_lemur_shows_it(people):
    answer = post(people.alice)
    assert answer.status_code == 200
    body = dict(answer.json())
    pk = body.pop("id")
    options = body.pop("options")
    assert body.pop("plugin") == {
        "slug": PLUGIN, "title": "Email", "description": "Mail through the server of this installation (EMAIL_URL).",
        "pluginOptions": options,
    }  # fmt: skip
    assert body == {"label": "web", "description": "For the web", "active": True}
    assert {option["name"]: option["value"] for option in options} == OPTIONS
    assert [option["name"] for option in options if option["required"]] == ["interval", "unit", "recipients"]
    assert options[1]["available"] == ["days", "weeks", "months", "percent"]
    assert api(people.dora).get(f"{URL}/{pk}").json() == answer.json()


def test_what_was_shown_can_be_sent_back(people):
    shown = post(people.alice).json()
    assert put(people.alice, shown["id"], **shown).json() == shown


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"label": None}, {"label": "Field may not be null."}),
        ({"label": ""}, {"label": "This field may not be blank."}),
        ({"label": "x" * 129}, {"label": "Ensure this field has no more than 128 characters."}),
        ({"label": "a\u2028b"}, {"label": "A label is one line of visible characters."}),
        ({"active": "perhaps"}, {"active": "Not a valid boolean."}),
        ({"plugin": "email"}, {"plugin": {"_schema": "Invalid data. Expected a dictionary, but got str."}}),
        ({"plugin": {}}, {"plugin": {"slug": "Missing data for required field."}}),
        ({"plugin": {"slug": "pigeon"}},
         {"plugin": {"_schema": "Unable to find plugin. Slug: pigeon Reason: There is no notification plugin 'pigeon'; "
                     "there are: email-notification, slack-notification, webhook-notification."}}),
        ({"plugin": {"slug": PLUGIN}}, {"plugin": {"pluginOptions": {
            "interval": "Option 'interval' is required.", "recipients": "Option 'recipients' is required.",
            "unit": "Option 'unit' is required."}}}),
        ({"plugin": {"slug": PLUGIN, "pluginOptions": {**OPTIONS, "interval": 91}}},
         {"plugin": {"pluginOptions": "Notification cannot be more than 90 days into the future."}}),
        ({"plugin": {"slug": PLUGIN, "pluginOptions": {**OPTIONS, "interval": 4, "unit": "months"}}},
         {"plugin": {"pluginOptions": "Notification cannot be more than 90 days into the future."}}),
        ({"plugin": {"slug": PLUGIN, "pluginOptions": {**OPTIONS, "unit": "month"}}}, {"plugin": {"pluginOptions": {
            "unit": "Option 'unit' doesn't match available options: 'days', 'weeks', 'months' or 'percent'."}}}),
        ({"plugin": {"slug": PLUGIN, "pluginOptions": {**OPTIONS, "colour": "red"}}}, {"plugin": {"pluginOptions": {
            "colour": "There is no option 'colour'; there are: interval, unit, recipients."}}}),
        ({"plugin": {"slug": PLUGIN, "pluginOptions": 7}}, {"plugin": {"pluginOptions":
            'Options are an object, or a list of objects with a "name" and a "value".'}}),
        ({"certificates": [{"id": 99}]}, {"certificates": {
            "_schema": "Unable to find <class 'certificates.models.certificate.Certificate'> with id: 99"}}),
        ({"certificates": {"id": 99}}, {"certificates": "Not a valid list."}),
        ({"addedCertificates": [7]}, {"addedCertificates": {"_schema": "Associated object require a name or id."}}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_field(people, changes, reasons):
    answer = post(people.alice, **changes)
    assert (answer.status_code, answer.json()) == (400, {"message": "Validation Error.", "reasons": reasons})
    assert not Notification.objects.exists()


def test_what_is_missing(people):
    answer = api(people.alice).post(URL, {"description": "x"}, format="json")
    missing = "Missing data for required field."
    assert answer.json()["reasons"] == {"label": missing, "plugin": missing}


def test_the_same_label_twice_is_a_conflict(people):
    post(people.alice)
    answer = post(people.bob)
    assert (answer.status_code, answer.json()) == (
        409, {"message": "There is already a notification called web."},
    )  # fmt: skip


def test_sent_again_with_the_same_key_it_is_made_once(people):
    first, second = (
        api(people.alice).post(URL, BODY, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert Notification.objects.count() == 1


def test_its_certificates(people, leaf):
    pk = post(people.alice, certificates=[{"id": leaf.pk}]).json()["id"]
    assert about(people.dora, pk) == ["leaf.example.org"]
    assert put(people.alice, pk, removedCertificates=[{"name": leaf.name}]).status_code == 200
    assert about(people.dora, pk) == []
    put(people.alice, pk, addedCertificates=[{"id": leaf.pk}])
    put(people.alice, pk, certificates=[], label="renamed")
    assert about(people.dora, pk) == ["leaf.example.org"]
    put(people.alice, pk, added_certificates=[{"id": leaf.pk}], removed_certificates=[{"id": leaf.pk}])
    assert about(people.dora, pk) == []
    put(people.alice, pk, certificates=[{"id": leaf.pk}])
    assert about(people.dora, pk) == ["leaf.example.org"]


def test_certificates_of_others(people, leaf, root_ca):
    foreign = a_certificate(people.root, root_ca, cn="foreign.example.org", owner="strangers@example.org")
    answer = post(people.alice, certificates=[{"id": foreign.pk}])
    assert (answer.status_code, answer.json()["message"]) == (
        403, "You are not authorized to update this certificate",
    )  # fmt: skip
    assert not Notification.objects.filter(label="web").exists()


@pytest.mark.parametrize(
    ("query", "expected", "total"),
    [
        ("", ["other.example.org", "leaf.example.org"], 2),
        ("filter=cn;leaf", ["leaf.example.org"], 1),
        ("owner=alice@example.org&sortBy=cn&sortDir=asc", ["leaf.example.org", "other.example.org"], 2),
        ("timeRange=1", [], 0),
        ("show=mine&count=1", ["other.example.org"], 2),
        ("active=false", [], 0),
    ],
)
def test_the_list_of_its_certificates_has_the_parameters_of_all_certificates(
    people, leaf, root_ca, query, expected, total
):
    other = a_certificate(people.alice, root_ca, cn="other.example.org")
    a_certificate(people.alice, root_ca, cn="third.example.org")
    mine = a_notification(people.alice)
    certificates.watch(mine, add=[leaf, other], by=people.alice)
    answer = api(people.alice).get(f"{URL}/{mine.pk}/certificates?{query}").json()
    assert ([item["cn"] for item in answer["items"]], answer["total"]) == (expected, total)


def test_the_list_of_an_unknown_one_is_empty(people):
    answer = api(people.alice).get(f"{URL}/987654321/certificates")
    assert (answer.status_code, answer.json()) == (200, {"items": [], "total": 0})
    assert api(people.alice).get(f"{URL}/987654321").json() == {"message": "No data found"}
    assert api(people.alice).get(f"{URL}/x").status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["c", "b", "a"]),
        ("filter=active;true", ["c", "a"]),
        ("filter=active;false", ["b"]),
        ("active=true&sortBy=label&sortDir=asc", ["a", "c"]),
        ("filter=label;B", ["b"]),
        ("filter=description;about%20c", ["c"]),
        ("filter=plugin;email&count=1", ["c"]),
        ("q=about", ["c", "b", "a"]),
    ],
)
def test_lists(people, query, expected):
    for label in "abc":
        a_notification(people.alice, label=label, description=f"about {label}", active=label != "b")
    answer = api(people.bob).get(f"{URL}?{query}")
    assert [item["label"] for item in answer.json()["items"]] == expected


@pytest.mark.parametrize(
    "query", ["filter=active;perhaps", "filter=secrets;x", "filter=x", "sortBy=options&sortDir=asc", "page=0"]
)
def test_nonsense_is_a_400(people, query):
    assert api(people.bob).get(f"{URL}?{query}").status_code == 400


def test_a_list_costs_the_same_whatever_its_length(people, django_assert_max_num_queries):
    for number in range(30):
        a_notification(people.alice, label=f"n{number}")
    client = api(people.bob)
    with django_assert_max_num_queries(8):
        assert len(client.get(f"{URL}?count=30").json()["items"]) == 30


def test_deleting_one_even_if_it_never_existed(people):
    mine = a_notification(people.alice)
    assert api(people.bob).delete(f"{URL}/{mine.pk}").status_code == 403
    for _ in range(2):
        answer = api(people.alice).delete(f"{URL}/{mine.pk}")
        assert (answer.status_code, answer.json()) == (200, {"result": True})
    assert api(people.dora).delete(f"{URL}/{mine.pk}").status_code == 403
    assert not Notification.objects.exists()


def test_a_plugin_that_is_gone_does_not_hide_the_notification(people):
    mine = a_notification(people.alice)
    Notification.objects.filter(pk=mine.pk).update(plugin="aws-sns", options={"topicName": "x"})
    shown = api(people.alice).get(f"{URL}/{mine.pk}").json()
    assert [(option["name"], option["type"], option["value"]) for option in shown["options"]] == [
        ("topicName", "str", "x")
    ]
    assert "There is no notification plugin 'aws-sns'" in shown["plugin"]["description"]
    assert put(people.alice, mine.pk, active=False).json()["active"] is False

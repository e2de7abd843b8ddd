"""Users, roles and credentials over the API (contract 11), with what was a 500 of Lemur's."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from accounts import service
from accounts.models import ADMIN, ApiKey, Role, User
from core.audit import Event
from core.models import AuditEntry
from tests.factories import a_certificate
from tests.people import PASSWORD, api

pytestmark = pytest.mark.django_db

SECRET = "Sesame open 5?"
NEW = {"username": "eve", "email": "Eve@Example.org", "password": SECRET}


def put(client, address, **body):
    return client.put(f"/api/1/{address}", body, format="json")


def post(client, address, **body):
    return client.post(f"/api/1/{address}", body, format="json")


def role_called(name: str) -> Role:
    return Role.objects.get(name=name)


@pytest.fixture
def root(people):
    return api(people.root)


def test_nobody_else_lets_log_in_here(db):
    answer = APIClient().get("/api/1/auth/providers")
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_user_is_added_and_logs_in(people, root):
    answer = post(root, "users", **NEW, roles=[{"id": people.team.pk}])
    made = answer.json()
    assert answer.status_code == 200
    assert set(made) == {"id", "username", "email", "active", "profilePicture", "roles"}
    assert (made["email"], made["active"], made["profilePicture"]) == ("eve@example.org", True, None)
    assert [role["name"] for role in made["roles"]] == ["team-web"]
    assert root.get(f"/api/1/users/{made['id']}").json() == made
    assert post(APIClient(), "auth/login", username="eve", password=SECRET).status_code == 200


def test_a_user_may_begin_switched_off(people, root):
    assert post(root, "users", **NEW, active=False).json()["active"] is False
    assert post(APIClient(), "auth/login", username="eve", password=SECRET).status_code == 403


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("username", "alice", 409),
        ("username", "ALICE", 409),
        ("email", "alice@example.org", 409),
        ("email", "ALICE@example.org", 409),
        ("username", "a b", 400),
        ("username", "", 400),
        ("username", "a" * 151, 400),
        ("username", {"a": 1}, 400),
        ("username", None, 400),
        ("username", "\u202eevil", 400),
        ("email", "nobody", 400),
        ("email", 7, 400),
        ("email", "e@" + "x" * 130 + ".org", 400),
        ("password", "Short 1!", 400),
        ("password", "no capital letter 1!", 400),
        ("password", "NO SMALL LETTER 1!", 400),
        ("password", "No Digit In Here!", 400),
        ("password", "No Special Sign 1", 400),
        ("password", ["x"], 400),
        ("password", "A1!" + "x" * 1024, 400),
        ("active", "perhaps", 400),
        ("roles", [{"id": 987654321}], 400),
        ("roles", [{"id": "x" * 5000}], 400),
        ("roles", [{"name": "nobody's"}], 400),
        ("roles", {"id": 1}, 400),
        ("roles", [[1]], 400),
        ("roles", [{"id": 1}] * 1001, 400),
    ],
)
def test_a_bad_user_is_refused_at_the_field(people, root, field, value, status):
    answer = post(root, "users", **{**NEW, field: value})
    assert (answer.status_code, list(answer.json()["reasons"])) == (status, [field])
    assert not User.objects.filter(username="eve").exists()
    answer = put(root, f"users/{people.bob.pk}", **{field: value})
    assert (answer.status_code, list(answer.json()["reasons"])) == (status, [field])


def test_what_a_put_leaves_out_stays(people, root):
    answer = put(root, f"users/{people.bob.pk}", email="bob@example.com")
    assert answer.json()["email"] == "bob@example.com"
    assert [role["name"] for role in answer.json()["roles"]] == ["team-web"]
    assert post(APIClient(), "auth/login", username="bob", password=PASSWORD).status_code == 200
    answer = put(root, f"users/{people.bob.pk}", username="robert", roles=[], password=SECRET)
    assert (answer.json()["username"], answer.json()["roles"]) == ("robert", [])
    assert post(APIClient(), "auth/login", username="robert", password=SECRET).status_code == 200


def test_who_is_switched_off_or_loses_a_role_has_no_right_from_that_moment(people, root, root_ca):
    bob, olga = api(people.bob), api(people.olga)
    certificate = f"certificates/{a_certificate(people.alice, root_ca, roles=[people.team]).pk}"
    assert put(bob, certificate, description="mine").status_code == 200
    put(root, f"users/{people.bob.pk}", roles=[])
    assert put(bob, certificate, description="still").status_code == 403
    put(root, f"users/{people.olga.pk}", active=False)
    assert olga.get("/api/1/auth/me").json() == {"message": "Token has been revoked"}
    put(root, f"users/{people.olga.pk}", active=True)
    assert olga.get("/api/1/auth/me").status_code == 403


def test_the_last_administrator_stays(people, root):
    other = service.create_user(username="adam", email="adam@example.org", roles=[role_called(ADMIN)], by=people.root)
    put(root, f"users/{other.pk}", active=False)
    message = "This is the last administrator; make somebody else one first."
    members = f"roles/{role_called(ADMIN).pk}"
    system = {"id": service.system_user().pk}
    for answer in (
        put(root, f"users/{people.root.pk}", active=False),
        put(root, f"users/{people.root.pk}", roles=[]),
        put(root, members, users=[system]),
    ):
        assert (answer.status_code, answer.json()) == (409, {"message": message})
    assert put(root, members, users=[]).status_code == 409  # system does the background work
    put(root, f"users/{other.pk}", active=True)
    assert put(root, f"users/{people.root.pk}", roles=[]).status_code == 200
    assert root.get("/api/1/users").status_code == 200
    assert post(root, "roles", name="late").status_code == 403


def test_nobody_touches_who_does_the_background_work(people, root):
    system = service.system_user().pk
    assert put(root, f"users/{system}", active=False).status_code == 403
    assert post(root, "keys", name="x", user={"id": system}).status_code == 403


def test_in_strict_mode_everybody_has_a_role_that_says_what_they_may(people, root, settings):
    settings.LEMUR_STRICT_ROLE_ENFORCEMENT = True
    for answer in (post(root, "users", **NEW), put(root, f"users/{people.bob.pk}", roles=[{"id": people.team.pk}])):
        assert (answer.status_code, list(answer.json()["reasons"])) == (400, ["roles"])
    assert post(root, "users", **NEW, roles=[{"name": "operator"}]).status_code == 200


def test_users_are_found_and_sorted(people, root):
    def names(query):
        return [one["username"] for one in root.get(f"/api/1/users?{query}").json()["items"]]

    assert names("filter=username;LIC") == ["alice"]
    assert names("filter=email;bob@") == ["bob"]
    assert names("sortBy=username&sortDir=asc&count=2") == ["alice", "bob"]
    assert names("active=false") == []
    refused = root.get("/api/1/users?filter=password;x")
    assert (refused.status_code, refused.json()["message"]) == (
        400,
        "The field 'password' is not sortable or filterable",
    )
    assert root.get("/api/1/users?sortBy=password&sortDir=asc").status_code == 400


def test_roles_of_a_user_and_users_of_a_role(people, root):
    answer = root.get(f"/api/1/users/{people.bob.pk}/roles").json()
    assert (answer["total"], answer["items"][0]["name"]) == (1, "team-web")
    answer = root.get(f"/api/1/roles/{people.team.pk}/users?sortBy=username&sortDir=asc").json()
    assert [one["username"] for one in answer["items"]] == ["alice", "bob"]
    assert root.get("/api/1/users/987654321/roles").status_code == 404
    assert root.get("/api/1/roles/987654321/users").status_code == 404


def test_a_role_is_added_with_members_authorities_and_a_shared_log_in(people, root, root_ca):
    answer = post(
        root, "roles", name="dba", description="Databases", username="oracle", password=SECRET,
        users=[{"id": people.charlie.pk}], authorities=[{"id": root_ca.pk}],
    )  # fmt: skip
    made = answer.json()
    assert answer.status_code == 200
    assert set(made) == {"id", "name", "description", "thirdParty", "users", "authorities"}
    assert made["thirdParty"] is False
    assert [one["username"] for one in made["users"]] == ["charlie"]
    assert made["authorities"] == [{"id": root_ca.pk, "name": "Root"}]
    assert post(api(people.charlie), "certificates", owner="charlie@example.org", commonName="x.example.org",
                authority={"id": root_ca.pk}).status_code == 200  # fmt: skip
    assert SECRET.encode() not in bytes(Role.objects.get(pk=made["id"]).password)


def test_a_shared_log_in_is_for_members_and_each_reading_is_written_down(people, root):
    put(root, f"roles/{people.team.pk}", username="oracle", password=SECRET)
    address = f"/api/1/roles/{people.team.pk}/credentials"
    for client in (root, api(people.bob)):
        assert client.get(address).json() == {"username": "oracle", "password": SECRET}
    seen = AuditEntry.objects.filter(event=Event.CREDENTIALS_REVEALED)
    assert {entry.actor for entry in seen} == {people.root, people.bob}
    refused = api(people.charlie).get(address)
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "You are not authorized to view the credentials for this role.",
    )
    assert SECRET not in str(list(AuditEntry.objects.values()))
    put(root, f"roles/{people.team.pk}", password="")
    assert root.get(address).json() == {"username": "oracle", "password": None}
    assert seen.count() == 2


def test_a_shared_log_in_is_sealed_again_with_new_keys(people, root, settings):
    put(root, f"roles/{people.team.pk}", password=SECRET)
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = "bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0="
    assert root.get(f"/api/1/roles/{people.team.pk}/credentials").status_code == 503
    settings.ENCRYPTION_KEYS += "," + old
    call_command("rewrap_keys")
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS.partition(",")[0]
    assert root.get(f"/api/1/roles/{people.team.pk}/credentials").json()["password"] == SECRET


def test_a_single_role_is_for_its_members(people, root):
    address = f"/api/1/roles/{people.team.pk}"
    assert api(people.bob).get(address).status_code == root.get(address).status_code == 200
    answer = api(people.charlie).get(address)
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "You are not allowed to view a role which you are not a member of.",
    )


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("name", "team-web", 409),
        ("name", "Admin", 409),
        ("name", "", 400),
        ("name", " ", 400),
        ("name", "a" * 129, 400),
        ("name", "a\nb", 400),
        ("name", "\u202eevil", 400),
        ("name", 7.5, 200),
        ("name", ["x"], 400),
        ("description", "d" * 256, 400),
        ("username", "u" * 129, 400),
        ("password", "p" * 1025, 400),
        ("users", [{"id": 987654321}], 400),
        ("users", "everybody", 400),
        ("users", [{"id": 1}] * 1001, 400),
        ("authorities", [{"id": 987654321}], 400),
        ("authorities", [None], 400),
    ],
)
def test_a_bad_role_is_refused_at_the_field(people, root, field, value, status):
    other = service.create_role("other", by=people.root)
    for answer in (
        post(root, "roles", **{"name": "new", field: value}),
        put(root, f"roles/{other.pk}", **{field: value}),
    ):
        if status != 200:
            assert (answer.status_code, list(answer.json()["reasons"])) == (status, [field])
            assert not Role.objects.filter(name="new").exists()
    if status == 409:
        assert f"Duplicate found! Could not create: Key (name)=({value}) already exists." == answer.json()["message"]


def test_members_are_given_and_taken(people, root):
    address = f"roles/{people.team.pk}"
    answer = put(root, address, users=[{"id": people.bob.pk}, {"id": people.charlie.pk}])
    assert [one["username"] for one in answer.json()["users"]] == ["bob", "charlie"]
    events = [(e.event, e.target_name) for e in AuditEntry.objects.order_by("-id")[:2]]
    assert events == [(Event.ROLE_GRANTED, "charlie"), (Event.ROLE_WITHDRAWN, "alice")]
    assert len(put(root, address, description="x").json()["users"]) == 2


def test_a_role_that_is_used_is_not_deleted(people, root, root_ca):
    a_certificate(people.alice, root_ca, roles=[people.team])
    answer = root.delete(f"/api/1/roles/{people.team.pk}")
    assert (answer.status_code, answer.json()["message"]) == (
        409,
        "The role team-web is in use by 2 users, 1 authority, 2 certificates; take it away there first.",
    )
    answer = root.delete(f"/api/1/roles/{role_called(ADMIN).pk}")
    assert (answer.status_code, "built in" in answer.json()["message"]) == (409, True)
    unused = service.create_role("unused", by=people.root)
    assert api(people.alice).delete(f"/api/1/roles/{unused.pk}").status_code == 403
    assert root.delete(f"/api/1/roles/{unused.pk}").json() == {"result": True}
    assert root.delete(f"/api/1/roles/{unused.pk}").json() == {"result": True}
    assert api(people.alice).delete(f"/api/1/roles/{unused.pk}").status_code == 403
    assert AuditEntry.objects.filter(event=Event.ROLE_DELETED, target_name="unused").exists()


def test_a_role_that_a_setting_names_is_not_deleted(people, root, settings):
    settings.SENSITIVE_DOMAIN_ROLES = ["guards"]
    answer = root.delete(f"/api/1/roles/{service.create_role('guards', by=people.root).pk}")
    assert (answer.status_code, "SENSITIVE_DOMAIN_ROLES" in answer.json()["message"]) == (409, True)


def test_a_built_in_role_keeps_its_name(people, root):
    address = f"roles/{role_called(ADMIN).pk}"
    assert put(root, address, name="boss").status_code == 409
    assert put(root, address, name="admin", description="Rules").json()["description"] == "Rules"


def test_a_request_that_is_sent_twice_adds_one(people, root):
    for address, body in (("users", NEW), ("roles", {"name": "new"})):
        answers = [
            root.post(f"/api/1/{address}", body, format="json", headers={"Idempotency-Key": address}) for _ in range(2)
        ]
        assert answers[0].json() == answers[1].json()
        assert answers[1].headers["Idempotent-Replayed"] == "true"


def test_a_key_acts_for_its_user_and_is_shown_once(people):
    alice = api(people.alice)
    answer = post(alice, "keys", name="deploy", ttl=30, scope="read")
    made = answer.json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert (made["name"], made["ttl"], made["scope"], made["revoked"]) == ("deploy", 30, "read", False)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made['jwt']}")
    assert client.get("/api/1/auth/me").json()["username"] == "alice"
    assert post(client, "keys", name="more").status_code == 403
    address = f"/api/1/keys/{made['id']}"
    assert alice.get(address).json()["jwt"] is None
    described = alice.get(f"{address}/described").json()
    assert described["user"]["username"] == "alice"
    assert abs(described["issuedAt"] - ApiKey.objects.get(pk=made["id"]).created_at.timestamp()) < 1
    assert alice.delete(address).json() == {"result": True}
    gone = alice.get(address)
    assert (gone.status_code, gone.json()["message"]) == (404, "This token does not exist!")
    assert client.get("/api/1/auth/me").json() == {"message": "Token is invalid"}


def test_a_key_is_changed_and_revoked_for_good(people):
    alice = api(people.alice)
    made = post(alice, "keys", name="deploy").json()
    assert made["ttl"] == -1
    user = {"id": people.alice.pk, "username": "alice", "email": "alice@example.org"}
    answer = put(alice, f"keys/{made['id']}", id=made["id"], user=user, name="new", ttl=7, revoked=False)
    assert (answer.json()["name"], answer.json()["ttl"]) == ("new", 7)
    assert put(alice, f"keys/{made['id']}", revoked=True).json()["revoked"] is True
    answer = put(alice, f"keys/{made['id']}", revoked=False)
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, ["revoked"])
    events = AuditEntry.objects.filter(target_type="accounts.apikey").values_list("event", flat=True)
    assert list(events) == ["apikey.revoked", "apikey.updated", "apikey.created"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "a" * 129), ("name", "a\u0007b"), ("name", None), ("ttl", 0), ("ttl", -2),
        ("ttl", 36501), ("ttl", 10**30), ("ttl", "soon"), ("scope", "everything"), ("user", {"id": 987654321}),
        ("user", 7),
    ],
)  # fmt: skip
def test_a_bad_key_is_refused_at_the_field(people, field, value):
    alice = api(people.alice)
    answer = post(alice, "keys", **{"name": "x", field: value})
    assert (answer.status_code, list(answer.json()["reasons"])) == (400, [field])
    assert not ApiKey.objects.filter(kind=ApiKey.Kind.KEY).exists()


def test_other_peoples_keys(people, root):
    alice, bob = api(people.alice), api(people.bob)
    key = post(alice, "keys", name="hers").json()["id"]
    for address in (f"keys/{key}", f"users/{people.alice.pk}/keys/{key}"):
        assert bob.get(f"/api/1/{address}").json()["message"] == "You are not authorized to view this token!"
        assert bob.get(f"/api/1/{address}").status_code == 403
        assert put(bob, address, name="mine").status_code == 403
        assert bob.delete(f"/api/1/{address}").status_code == 403
        assert root.get(f"/api/1/{address}").status_code == 200
    assert bob.get(f"/api/1/keys/{key}/described").status_code == 403
    assert bob.get("/api/1/keys").json()["total"] == 0
    assert bob.get(f"/api/1/users/{people.alice.pk}/keys").json()["items"] == []
    assert root.get("/api/1/keys").json()["total"] == 1
    answer = post(bob, f"users/{people.alice.pk}/keys", name="x")
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "You are not authorized to create tokens for: alice",
    )
    made = post(root, f"users/{people.alice.pk}/keys", name="for her").json()
    assert (made["user"]["username"], bool(made["jwt"])) == ("alice", True)
    assert root.get(f"/api/1/users/{people.bob.pk}/keys/{key}").status_code == 404
    assert root.get("/api/1/users/987654321/keys").status_code == 404
    assert post(root, "users/987654321/keys", name="x").status_code == 404


def test_a_key_is_not_made_twice(people):
    alice = api(people.alice)
    first, second = (
        alice.post("/api/1/keys", {"name": "x"}, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (200, 409)
    assert ApiKey.objects.filter(name="x").count() == 1


def test_a_log_in_is_no_api_key(people):
    alice = api(people.alice)
    assert alice.get("/api/1/keys").json() == {"items": [], "total": 0}
    token = ApiKey.objects.get(user=people.alice)
    assert alice.get(f"/api/1/keys/{token.pk}").status_code == 404


@pytest.mark.parametrize("address", ["users", "roles", "keys", "logs"])
@pytest.mark.parametrize("query", ["count=2", "count=0", "page=99"])
def test_lists_take_a_fixed_number_of_statements(people, root, root_ca, address, query, django_assert_max_num_queries):
    for number in range(4):
        service.create_role(f"r{number}", by=people.root)
        service.create_api_key(user=people.root, name="k", by=people.root)
    with django_assert_max_num_queries(7):
        assert root.get(f"/api/1/{address}?{query}").status_code == 200


def test_the_log_of_requests_says_from_where(people, root):
    post(root, "roles", name="new")
    context = AuditEntry.objects.get(event=Event.ROLE_CREATED, target_name="new").context
    assert context["kind"] == "request"
    assert context["address"] == "127.0.0.1"
    assert context["request_id"]
    assert context["api_key"]

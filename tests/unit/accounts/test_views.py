"""Pages of people, roles, one's own account and the audit log."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts import service
from accounts.models import ADMIN, ApiKey, Role, User
from core.audit import Event
from core.models import AuditEntry
from tests.people import PASSWORD

pytestmark = pytest.mark.django_db

SECRET = "Sesame open 5?"
HOSTILE = '<script>alert(1)</script>\u202e"'


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root(people):
    return browser(people.root)


def text(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def errors(answer):
    return answer.context["form"].errors


def test_everybody_sees_people_and_administrators_may_change_them(people, root):
    for client, may in ((root, True), (browser(people.charlie), False)):
        answer = client.get("/people/?q=ali")
        assert ("alice" in text(answer), "bob" in text(answer)) == (True, False)
        assert ("Add a person" in text(answer)) == may
        assert ("/edit" in text(client.get(f"/people/{people.alice.pk}"))) == may
        assert (client.get("/people/new").status_code == 200) == may
        assert (client.get(f"/people/{people.alice.pk}/edit").status_code == 200) == may


def test_a_search_answers_htmx_with_the_rows(people, root):
    for address in ("/people/?q=ali", "/roles/?q=team", "/audit/?q=alice"):
        answer = root.get(address, headers={"HX-Request": "true"})
        assert "<html" not in text(answer)
        assert 'id="listing"' in text(answer)


def test_a_person_is_added(people, root):
    fields = {"username": "eve", "email": "Eve@example.org", "password": SECRET, "roles": [people.team.pk]}
    answer = root.post("/people/new", fields, follow=True)
    assert "The person was added." in text(answer)
    assert "eve@example.org" in text(answer)
    assert service.log_in("eve", SECRET, address="127.0.0.1").role_names == {"team-web"}
    refused = root.post("/people/new", {**fields, "username": "alice", "password": "x"})
    assert (refused.status_code, list(errors(refused))) == (409, ["username"])
    refused = root.post("/people/new", {**fields, "username": "adam", "email": "a@example.org", "password": "x"})
    assert (refused.status_code, list(errors(refused))) == (400, ["password"])
    assert SECRET not in text(refused)


def test_a_person_is_edited_and_switched_off(people, root):
    address = f"/people/{people.bob.pk}/edit"
    bob = browser(people.bob)
    assert bob.get("/").status_code == 200
    fields = {"username": "bob", "email": "bob@example.com", "roles": []}
    assert "Switched off" in text(root.post(address, fields, follow=True))
    found = User.objects.get(pk=people.bob.pk)
    assert (found.email, found.is_active, list(found.roles.all())) == ("bob@example.com", False, [])
    assert bob.get("/").status_code == 302
    assert found.check_password(PASSWORD)
    root.post(address, {**fields, "is_active": "on", "password": SECRET})
    assert service.log_in("bob", SECRET, address="127.0.0.1")


def test_the_last_administrator_is_told_so(people, root):
    fields = {"username": "root", "email": "root@example.org", "roles": [], "is_active": "on"}
    answer = root.post(f"/people/{people.root.pk}/edit", fields)
    assert answer.status_code == 409
    assert "This is the last administrator; make somebody else one first." in text(answer)
    assert people.root.roles.filter(name=ADMIN).exists()


def test_roles_lead_to_their_page_for_members(people, root):
    address = f"/roles/{people.team.pk}"
    for client, may in ((root, True), (browser(people.bob), True), (browser(people.charlie), False)):
        assert (f'href="{address}"' in text(client.get("/roles/"))) == may
        assert client.get(address).status_code == (200 if may else 403)


def test_a_role_is_added_edited_and_deleted(people, root, root_ca):
    fields = {"name": "dba", "description": HOSTILE, "authorities": [root_ca.pk], "username": "sys", "password": SECRET}
    answer = root.post("/roles/new", fields, follow=True)
    assert "The role was added." in text(answer)
    assert "<script>alert" not in text(answer)
    assert SECRET not in text(answer)
    role = Role.objects.get(name="dba")
    assert list(role.authorities.all()) == [root_ca]
    stored = bytes(role.password)
    root.post(f"/roles/{role.pk}/edit", {**fields, "name": "dbas", "authorities": [], "password": ""})
    role.refresh_from_db()
    assert (role.name, bytes(role.password), role.authorities.count()) == ("dbas", stored, 0)
    root.post(f"/roles/{role.pk}/edit", {**fields, "name": "dbas", "authorities": [], "password": "", "forget": "on"})
    role.refresh_from_db()
    assert role.password is None
    assert "Nothing uses this role" in text(root.get(f"/roles/{role.pk}/delete"))
    assert "The role was deleted." in text(root.post(f"/roles/{role.pk}/delete", {"sure": "yes"}, follow=True))


def test_a_role_in_use_is_not_deleted(people, root):
    address = f"/roles/{people.team.pk}/delete"
    assert "in use by 2 users" in text(root.get(address))
    answer = root.post(address, {"sure": "yes"})
    assert (answer.status_code, "take it away there first" in text(answer)) == (409, True)


def test_members_come_by_name_or_address_and_go(people, root):
    address = f"/roles/{people.team.pk}/members"
    root.post(address, {"add": "charlie\nOlga@example.org\n", "remove": [people.bob.pk]})
    assert set(people.team.users.values_list("username", flat=True)) == {"alice", "charlie", "olga"}
    refused = root.post(address, {"add": "nobody at all"})
    assert (refused.status_code, errors(refused)["add"]) == (400, ["There is nobody called nobody at all."])
    refused = root.post(address, {"add": "\n".join(f"n{number}" for number in range(1001))})
    assert errors(refused)["add"] == ["No more than 1000 people at once."]
    assert errors(root.post(address, {"add": "\n"}))["__all__"] == ["Say who joins the role, or who leaves it."]
    admins = Role.objects.get(name=ADMIN)
    answer = root.post(f"/roles/{admins.pk}/members", {"remove": [people.root.pk]})
    assert (answer.status_code, "last administrator" in text(answer)) == (409, True)


def test_a_shared_log_in_is_shown_after_a_question_and_that_is_written_down(people, root):
    service.update_role(people.team, username="oracle", password=SECRET, by=people.root)
    bob, address = browser(people.bob), f"/roles/{people.team.pk}/credentials"
    assert SECRET not in text(bob.get(address))
    assert not AuditEntry.objects.filter(event=Event.CREDENTIALS_REVEALED).exists()
    answer = bob.post(address)
    assert SECRET in text(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert AuditEntry.objects.filter(event=Event.CREDENTIALS_REVEALED, actor=people.bob).exists()
    assert browser(people.charlie).post(address).status_code == 403


def test_an_api_key_is_shown_once_even_if_the_form_is_sent_again(people):
    bob = browser(people.bob)
    page = re.search(r'name="once" value="([^"]+)"', text(bob.get("/account/keys/new")))
    assert page
    fields = {"name": "deploy", "days": "30", "scope": "read", "once": page[1]}
    answer = bob.post("/account/keys/new", fields)
    token = re.search(r'<pre id="token"[^>]*>([^<]+)</pre>', text(answer))
    assert token
    key = service.use_token(token[1])
    assert (key.user, key.scope, key.days) == (people.bob, "read", 30)
    again = bob.post("/account/keys/new", fields)
    assert (again.status_code, ApiKey.objects.filter(name="deploy").count()) == (409, 1)
    assert token[1] not in text(bob.get("/account"))
    bob.post(f"/account/keys/{key.pk}/revoke")
    assert "Revoked" in text(bob.get("/account"))


def test_keys_of_others_are_revoked_by_administrators_alone(people, root):
    key, _ = service.create_api_key(user=people.alice, name="hers", by=people.alice)
    address = f"/account/keys/{key.pk}/revoke"
    assert browser(people.bob).post(address).status_code == 404
    assert root.post(address)["Location"] == f"/people/{people.alice.pk}"
    key.refresh_from_db()
    assert key.revoked


def test_who_only_reads_makes_no_key(people):
    dora = browser(people.dora)
    assert "Make an API key" not in text(dora.get("/account"))
    assert dora.get("/account/keys/new").status_code == 403


def test_a_password_is_changed_by_the_rules(people):
    bob, other = browser(people.bob), browser(people.bob)
    fields = {"old_password": PASSWORD, "new_password1": SECRET, "new_password2": SECRET}
    weak = dict.fromkeys(("new_password1", "new_password2"), "all small letters")
    assert "a digit" in str(errors(bob.post("/account/password", {**fields, **weak})))
    assert "was changed" in text(bob.post("/account/password", fields, follow=True))
    assert bob.get("/account").status_code == 200
    assert other.get("/account").status_code == 302


def test_the_audit_log_is_narrowed(people, root):
    service.create_role("dba", by=people.olga if people.olga.is_administrator else people.root)
    answer = root.get("/audit/?event=role.created&actor=root")
    assert {entry.target_name for entry in answer.context["listing"].items} >= {"dba"}
    assert {entry.event for entry in answer.context["listing"].items} == {"role.created"}
    assert root.get("/audit/?since=2999-01-01").context["listing"].total == 0
    assert "No entry matches" in text(root.get("/audit/?actor=nobody"))
    assert root.get("/audit/?event=nonsense").status_code == 400


@pytest.mark.parametrize("address", ["/people/", "/roles/", "/audit/", "/account"])
def test_pages_take_a_fixed_number_of_statements(people, root, address, django_assert_max_num_queries):
    for number in range(12):
        service.create_role(f"r{number}", by=people.root)
        service.create_api_key(user=people.root, name="k", by=people.root)
    with django_assert_max_num_queries(12):
        assert root.get(address).status_code == 200

"""Settings that say what stands for what."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from lemur_site import pairs


def test_ids():
    assert pairs.of_ids("X", ["3=7", " 4 = 7 "]) == {3: 7, 4: 7}
    assert pairs.of_ids("X", []) == {}


@pytest.mark.parametrize("value", ["3", "3=", "=7", "3=x", "3=7=8", "-3=7", ""])
def test_anything_else(value):
    with pytest.raises(ImproperlyConfigured, match="X must be ids"):
        pairs.of_ids("X", [value])


def test_one_has_one_successor():
    with pytest.raises(ImproperlyConfigured, match="'3=8'"):
        pairs.of_ids("X", ["3=7", "3=8"])


def test_commands():
    given = ["nginx=systemctl reload nginx", " haproxy = sh -c 'kill -USR2 \"$1\"' x "]
    assert pairs.of_commands("X", given) == {
        "nginx": ["systemctl", "reload", "nginx"],
        "haproxy": ["sh", "-c", 'kill -USR2 "$1"', "x"],
    }
    assert pairs.of_commands("X", []) == {}


@pytest.mark.parametrize("value", ["nginx", "nginx=", "=reload", "two words=true", "a='open", ""])
def test_what_is_no_command(value):
    with pytest.raises(ImproperlyConfigured, match="X must be names"):
        pairs.of_commands("X", [value])


def test_a_name_stands_for_one_command():
    with pytest.raises(ImproperlyConfigured, match="'a=false'"):
        pairs.of_commands("X", ["a=true", "a=false"])


def test_groups_with_a_role_each():
    assert pairs.of_roles("OIDC_ROLES", ["pki=admin", " cn=devs = team-web "]) == [
        ("pki", "admin"),
        ("cn=devs", "team-web"),
    ]


@pytest.mark.parametrize("value", ["admin", "=admin", "group=", ""])
def test_a_group_without_a_role_is_told(value):
    with pytest.raises(ImproperlyConfigured, match="OIDC_ROLES must be groups with a role each"):
        pairs.of_roles("OIDC_ROLES", [value])

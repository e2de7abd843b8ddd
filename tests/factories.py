"""Objects for tests, made through the services and never by hand."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from authorities.models import Authority
from certificates import service
from certificates.models import Certificate
from certificates.service.authority import CaSpec, NewAuthority


def an_authority(by: User, *, name: str = "Root", parent: Authority | None = None, **fields: Any) -> Authority:
    """A P-256 authority: a root, or an intermediate with ``parent``."""
    roles = fields.pop("roles", ())
    new = NewAuthority(name=name, owner=fields.pop("owner", "pki@example.org"), parent=parent, roles=tuple(roles))
    return service.create_authority(new, CaSpec(common_name=f"{name} CA", **fields), by=by)


def a_certificate(by: User, authority: Authority, *, cn: str = "www.example.org", **fields: Any) -> Certificate:
    """A P-256 certificate for one name."""
    made = service.create(by=by, authority=authority, common_name=cn, owner=fields.pop("owner", by.email), **fields)
    assert isinstance(made, Certificate)
    return made

"""Remote CAs, for processes that have no other: one that answers later, one that refuses, one that revokes, one that says when to renew."""

from __future__ import annotations

from typing import ClassVar

from plugins import Pending, Permanent
from plugins.registry import Entry
from tests.odd_issuer import OddIssuer, RemoteCa, SuggestingCa


class Slow(OddIssuer):
    """Has an order in work, for ever."""

    slug = "slow-issuer"
    answer: ClassVar[object] = Pending("ca-17", None)


class Refusing(OddIssuer):
    """Will never issue what it is asked for."""

    slug = "refusing-issuer"
    answer: ClassVar[object] = Permanent("not on our list")


class Revoking(RemoteCa):
    """Agrees to every revocation."""

    slug = "revoking-issuer"


KINDS = (Slow, Refusing, Revoking, SuggestingCa)
ENTRIES = {one.slug: Entry(one.slug, "issuer", f"{__name__}:{one.__name__}", "tests") for one in KINDS}

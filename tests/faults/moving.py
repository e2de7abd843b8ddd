"""What a move out of Lemur commits, as single transactions: without a Lemur, with rows as its reader gives them."""

from __future__ import annotations

from functools import partial

from cryptography.hazmat.primitives.asymmetric import ec
from django.utils.timezone import now as clock

from accounts.service import system_user
from certificates import service
from certificates.models import Certificate
from core.keys import store
from lifecycle.models import Moved
from lifecycle.moving import people, rows, run
from lifecycle.moving.certificates import Links
from lifecycle.moving.desk import Desk, Weight
from lifecycle.moving.late import Late
from lifecycle.moving.reading import KEY_STAYED, prepare
from lifecycle.moving.report import Report
from lifecycle.moving.vault import Vault
from tests import pki_material

THEIRS = 9000
LATE = ec.derive_private_key(9000, ec.SECP256R1())  # the same in every process


def desk() -> Desk:
    return Desk("lemur", by=system_user(), vault=Vault([]), now=clock())


def without_its_key() -> None:
    """A certificate that came over, and its key did not."""
    body = pki_material.as_pem(pki_material.certificate(pki_material.name("late.example.org"), LATE))
    made = service.upload(by=system_user(), body=body, owner="alice@example.org")
    notes = [[Weight.LOST, f"{KEY_STAYED}none of the encryption keys given opens it."]]
    Moved.objects.create(origin="lemur", kind="certificate", theirs=THEIRS, ours=made.pk, notes=notes)


def batch() -> None:
    policies = partial(people.policies, [rows.Policy(id=THEIRS, name="moved", days=5)], desk())
    run._commit(policies, desk(), Report("lemur"))


def certificates() -> None:
    body = pki_material.material().rsa_leaf.pem
    theirs = rows.Certificate(id=THEIRS + 1, body=body, name="moved", owner="alice@example.org")
    run._commit_certificates(prepare([theirs], desk()), Links(), desk(), Report("lemur"))


def keys() -> None:
    moved = Moved.objects.get()
    row = Certificate.objects.get(pk=moved.ours)
    run._commit_keys([Late(moved, row, store(LATE))], {}, {}, desk())


def replacements() -> None:
    pairs = list(Certificate.objects.order_by("-pk").values_list("pk", flat=True)[:2])
    run._commit_replacements([(pairs[0], pairs[1])], desk())

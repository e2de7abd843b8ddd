"""pkilint, which knows the standards better than we do, has nothing to say about what is published."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.utils.timezone import now as clock

from authorities import publishing
from authorities.models import Crl, Responder
from authorities.service import update
from certificates import service
from tests.api.test_revocation import question
from tests.factories import a_certificate

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

TOOLS = Path(sys.executable).parent


def lint(*arguments: str) -> str:
    done = subprocess.run([TOOLS / arguments[0], *arguments[1:]], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout.strip()


def test_list_answer_and_responder(people, root_ca, tmp_path):
    update(root_ca, by=people.root, pki_base_url="http://pki.example.org")
    leaf, other = (a_certificate(people.alice, root_ca, cn=f"{name}.example.org") for name in ("a", "b"))
    service.revoke(leaf, by=people.alice, reason="keyCompromise")
    service.revoke(other, by=people.alice)
    crl, answer, responder = (tmp_path / name for name in ("crl", "answer", "responder"))
    crl.write_bytes(bytes(Crl.objects.latest("number").der))
    answer.write_bytes(publishing.answer(root_ca.pk, question(leaf, root_ca), now=clock()).der)
    responder.write_text(Responder.objects.get().body)
    quiet = ("-s", "NOTICE")
    assert lint("lint_crl", "lint", "-t", "CRL", "-p", "PKIX", *quiet, str(crl)) == ""
    assert lint("lint_crl", "lint", "-t", "CRL", "-p", "BR", *quiet, str(crl)) == ""
    assert lint("lint_ocsp_response", "lint", *quiet, str(answer)) == ""
    assert lint("lint_pkix_cert", "lint", *quiet, str(responder)) == ""

"""One-time passwords, by the vectors of RFC 6238 and against its section 5.2: none is taken twice."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from accounts import totp

SECRET = b"12345678901234567890"
# RFC 6238, appendix B: the rows for SHA-1, their last six digits.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("at", "code"), VECTORS)
def test_the_vectors_of_the_rfc(at, code):
    assert totp.matching_period(SECRET, code, now=at) == at // 30


def test_the_clocks_may_differ_by_a_period_and_no_more():
    matched = [totp.matching_period(SECRET, "005924", now=1234567890 + 30 * periods) for periods in (-2, -1, 0, 1, 2)]
    assert matched == [None, 41152263, 41152263, 41152263, None]


@pytest.mark.parametrize("code", ["005 924", " 005924 ", "0 0 5 9 2 4"])
def test_spaces_are_nothing_but_take_no_code_twice(code):
    assert totp.matching_period(SECRET, code, now=1234567890) == 41152263
    assert totp.matching_period(SECRET, code, now=1234567890, after=41152263) is None


@pytest.mark.parametrize("code", ["", "5924", "0059240", "00592a", "００５９２４", "\0" * 6, "x" * 1000, "005924é"])
def test_what_is_no_code(code):
    assert totp.matching_period(SECRET, code, now=1234567890) is None


def test_what_an_app_is_told():
    uri = urlsplit(totp.address(SECRET, account="alice", issuer="Lemur"))
    query = {name: values[0] for name, values in parse_qs(uri.query).items()}
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Lemur:alice")
    assert query == {
        "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "issuer": "Lemur", "digits": "6", "period": "30", "algorithm": "SHA1"
    }  # fmt: skip


def test_secrets_differ():
    assert len({totp.new_secret() for _ in range(100)}) == 100

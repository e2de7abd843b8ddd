"""Bodies that are no JSON, or the wrong JSON, to every request of the API that takes one: refused, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.conf import settings

from tests.security.bad_input import ABOUT_LOGINS, FORM, JSON, Answer, Door, doors
from tests.security.world import World

pytestmark = pytest.mark.django_db

Bad = Callable[[dict], bytes]
# Here no body says what an empty object says.
BODY_OPTIONAL = {"POST /api/1/certificates/{}/reissue"}


def valid(body: dict) -> str:
    return json.dumps(body)


def with_member(text: str) -> Bad:
    """The valid body with one member more, written as given."""
    return lambda body: (valid(body)[:-1] + f", {text}}}").encode()


def first_twice(body: dict) -> bytes:
    name = next(iter(body))
    return (valid(body)[:-1] + f', "{name}": {json.dumps(body[name])}}}').encode()


# Each is refused by every request, though all that the request needs may be there.
NOT_READABLE: dict[str, Bad] = {
    "no JSON": lambda body: b"owner=alice",
    "nothing but a bracket": lambda body: b"{",
    "cut in the middle": lambda body: valid(body)[: len(valid(body)) // 2].encode(),
    "cut before the end": lambda body: valid(body)[:-1].encode(),
    "two documents": lambda body: (valid(body) * 2).encode(),
    "comma at the end": lambda body: (valid(body)[:-1] + ",}").encode(),
    "single quotes": lambda body: str(body).encode(),
    "comment": lambda body: (valid(body) + "// done").encode(),
    "byte order mark": lambda body: b"\xef\xbb\xbf" + valid(body).encode(),
    "UTF-16": lambda body: valid(body).encode("utf-16"),
    "UTF-32": lambda body: valid(body).encode("utf-32-be"),
    "Latin-1": lambda body: with_member('"note": "é"')(body).decode().encode("latin-1"),
    "overlong UTF-8": lambda body: valid(body).encode().replace(b'"', b'"\xc0\xaf', 1),
    "NUL byte": lambda body: valid(body).encode() + b"\0",
    "raw line break in a text": with_member('"note": "a\nb"'),
    "escaped NUL in a value": with_member('"note": "a\\u0000b"'),
    "escaped NUL in a name": with_member('"no\\u0000te": 1'),
    "half a surrogate pair": with_member('"note": "\\ud83d"'),
    "the other half": with_member('"note": ["\\ude00"]'),
    "not a number": with_member('"note": NaN'),
    "infinity": with_member('"note": Infinity'),
    "minus infinity": with_member('"note": [-Infinity]'),
    "a number beyond floating point": with_member('"note": 1e999'),
    "a number of 5,000 digits": with_member('"note": ' + "9" * 5_000),
    "leading zero": with_member('"note": 007'),
    "hexadecimal": with_member('"note": 0x10'),
    "10,000 lists deep": with_member('"note": ' + "[" * 10_000 + "]" * 10_000),
    "10,000 objects deep": with_member('"note": ' + '{"a":' * 10_000 + "1" + "}" * 10_000),
    "900 lists deep": with_member('"note": ' + "[" * 900 + "]" * 900),
    "400 objects deep": with_member('"note": ' + '{"a":' * 400 + "1" + "}" * 400),
    "the first name twice": first_twice,
    "a name twice further down": with_member('"note": [{"a": 1, "a": 2}]'),
}
# JSON, but no object.
NO_OBJECT = ("[]", "null", "true", "0", "-1", "1.5", '"text"', '[{"owner": "alice@example.org"}]', "[[[]]]", "[null]")


def wrong_with(answer: Answer, one: Door, *statuses: int) -> str:
    """Failed log-ins are remembered, so that there cannot be too many of them."""
    if one.address.endswith("/login") and answer.grown <= ABOUT_LOGINS:
        answer = Answer(answer.response, frozenset(), answer.seconds)
    return answer.refused(*statuses)


def test_each_door_takes_the_body_that_the_others_spoil(world: World) -> None:
    """Else that a spoiled one is refused would mean nothing."""
    for name, one in doors(world).items():
        assert one.ask(one.body).status == 200, name


@pytest.mark.parametrize("spoil", NOT_READABLE.values(), ids=NOT_READABLE)
def test_what_is_no_json(spoil: Bad, world: World) -> None:
    wrong = {name: wrong_with(one.ask(spoil(one.body)), one) for name, one in doors(world).items()}
    assert not any(wrong.values()), wrong


@pytest.mark.parametrize("text", NO_OBJECT)
def test_what_is_no_object(text: str, world: World) -> None:
    wrong = {name: wrong_with(one.ask(text.encode()), one) for name, one in doors(world).items()}
    assert not any(wrong.values()), wrong


def test_it_says_where_the_json_is_broken(world: World) -> None:
    for one in doors(world).values():
        assert "line 1 column 2" in one.ask(b"{").reasons


def test_no_body(world: World) -> None:
    for name, one in doors(world).items():
        answer = one.ask(b"")
        if name in BODY_OPTIONAL:
            assert answer.status == 200, one
        else:
            assert (answer.status, answer.grown) == (400, frozenset()), one


@pytest.mark.parametrize(
    "content_type", ["text/plain", FORM, "application/xml", "text/html", "application/x-pem-file", "a", "", "\x7f"]
)
def test_another_content_type(content_type: str, world: World) -> None:
    """A browser sends these across sites without asking first, so JSON under them is no JSON."""
    wrong = {name: one.ask(one.body, content_type).refused(415) for name, one in doors(world).items()}
    assert not any(wrong.values()), wrong


def test_forms_to_the_api(world: World) -> None:
    for one in doors(world).values():
        form = b'--x\r\nContent-Disposition: form-data; name="owner"\r\n\r\na@example.org\r\n--x--\r\n'
        assert not one.ask(form, "multipart/form-data; boundary=x").refused(415), one


def test_a_hundred_thousand_names(world: World) -> None:
    """Unknown ones are ignored, as Lemur does; they only must not cost much."""
    many = ", ".join(f'"name{number}": {number}' for number in range(100_000))
    for name in ("POST /api/1/certificates", "POST /api/1/certificates/upload", "PUT /api/1/certificates/{}"):
        one = doors(world)[name]
        assert not one.ask(with_member(many)(one.body)).sane(), one


def test_an_idempotency_key_makes_it_no_different(world: World) -> None:
    """The body is read a second time then, to be compared."""
    for spoil in NOT_READABLE.values():
        for name, one in doors(world).items():
            if "POST" in name and not one.address.endswith(("login", "export")):
                answer = one.ask(spoil(one.body), JSON, **{"Idempotency-Key": "once"})
                assert not wrong_with(answer, one), name


def test_bodies_beyond_the_limit(world: World) -> None:
    """Whatever is in them; the limit holds before anything is read."""
    for one in doors(world).values():
        body = {**one.body, "padding": "x" * settings.MAX_BODY}
        answer = one.ask(body)
        assert not answer.refused(400, 413, saying=f"{settings.MAX_BODY:,}"), one

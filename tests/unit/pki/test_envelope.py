import base64
import contextlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.envelope import OVERHEAD, Kek, Keyring, new_key
from pki.errors import PkiError, SealError

OLD, NEW = os.urandom(32), os.urandom(32)
CONTEXT = "authorities.authority.options:7f1c"


@settings(max_examples=100, deadline=None)
@given(secret=st.binary(max_size=4096), context=st.text(max_size=80))
def test_what_is_sealed_opens_again(secret, context):
    ring = Keyring([OLD])
    box = ring.seal(secret, context)
    assert ring.unseal(box, context) == secret
    assert len(box) == len(secret) + OVERHEAD
    assert not ring.needs_rewrap(box)
    assert ring.rewrap(box) == box


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_octet_anywhere_is_noticed(data):
    ring = Keyring([OLD])
    box = bytearray(ring.seal(b"secret key", CONTEXT))
    box[data.draw(st.integers(0, len(box) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealError):
        ring.unseal(bytes(box), CONTEXT)


@settings(max_examples=200, deadline=None)
@given(box=st.binary(max_size=200), version=st.booleans())
def test_junk_never_raises_anything_else(box, version):
    ring = Keyring([OLD])
    junk = b"\x01" + Kek.of(OLD).id + box if version else box
    for attempt in (lambda: ring.unseal(junk, CONTEXT), lambda: ring.rewrap(junk), lambda: ring.needs_rewrap(junk)):
        with contextlib.suppress(PkiError):
            attempt()


def test_the_same_secret_never_looks_the_same():
    ring = Keyring([OLD])
    boxes = {ring.seal(b"", CONTEXT) for _ in range(50)}
    assert len(boxes) == 50
    assert len({box[9:49] for box in boxes}) == 50, "every secret has a data key of its own"


def test_the_box_begins_with_version_and_key_id():
    box = Keyring([OLD]).seal(b"x", CONTEXT)
    assert box[0] == 1
    assert box[1:9] == Kek.of(OLD).id


def test_a_box_does_not_open_in_another_row():
    ring = Keyring([OLD])
    box = ring.seal(b"secret", "core.connector.options:1")
    with pytest.raises(SealError, match="altered or belongs to another row"):
        ring.unseal(box, "core.connector.options:2")


def test_a_missing_key_is_told_from_an_altered_box():
    box = Keyring([OLD]).seal(b"secret", CONTEXT)
    with pytest.raises(SealError, match=f"not in ENCRYPTION_KEYS .id {Kek.of(OLD).id.hex()}"):
        Keyring([NEW]).unseal(box, CONTEXT)


def test_the_first_key_seals_and_all_open():
    box = Keyring([OLD]).seal(b"secret", CONTEXT)
    both = Keyring([NEW, OLD])
    assert both.unseal(box, CONTEXT) == b"secret"
    assert both.needs_rewrap(box)
    assert both.seal(b"secret", CONTEXT)[1:9] == Kek.of(NEW).id


def test_rewrap_moves_to_the_first_key_and_leaves_the_secret_as_it_is():
    box = Keyring([OLD]).seal(b"secret", CONTEXT)
    moved = Keyring([NEW, OLD]).rewrap(box)
    assert moved[49:] == box[49:]
    assert moved[1:49] != box[1:49]
    only_new = Keyring([NEW])
    assert only_new.unseal(moved, CONTEXT) == b"secret"
    assert not only_new.needs_rewrap(moved)


def test_rewrap_needs_the_key_the_box_was_sealed_with():
    with pytest.raises(SealError, match="not in ENCRYPTION_KEYS"):
        Keyring([NEW]).rewrap(Keyring([OLD]).seal(b"secret", CONTEXT))


def test_boxes_come_from_the_database_as_memoryview():
    ring = Keyring([OLD])
    box = ring.seal(b"secret", CONTEXT)
    assert ring.unseal(memoryview(box), CONTEXT) == b"secret"
    assert Keyring([NEW, OLD]).rewrap(memoryview(box))[49:] == box[49:]


def test_a_later_format_is_named():
    box = b"\x02" + Keyring([OLD]).seal(b"secret", CONTEXT)[1:]
    with pytest.raises(SealError, match="format 2"):
        Keyring([OLD]).unseal(box, CONTEXT)


def test_too_short_a_box_is_no_box():
    with pytest.raises(SealError, match="76 bytes are too few"):
        Keyring([OLD]).unseal(b"\x01" * 76, CONTEXT)


@pytest.mark.parametrize("joiner", [",", "\n", "\r\n", " , ", "\n\n"])
def test_keys_stand_on_lines_or_between_commas(joiner):
    texts = [new_key(), base64.b64encode(OLD).decode(), new_key()]
    ring = Keyring.parse(joiner.join(texts) + "\n")
    assert ring.seal(b"", "")[1:9] == Kek.of(base64.urlsafe_b64decode(texts[0])).id
    assert ring.unseal(Keyring([OLD]).seal(b"secret", CONTEXT), CONTEXT) == b"secret"


def test_new_key_is_32_random_bytes():
    keys = {new_key() for _ in range(20)}
    assert len(keys) == 20
    assert {len(base64.urlsafe_b64decode(key)) for key in keys} == {32}


@pytest.mark.parametrize(
    "bad",
    ["hunter2", "c2hvcnQ=", "%%%", base64.b64encode(OLD + b"x").decode(), "ü" * 44],
    ids=["word", "short", "no base64", "33 bytes", "no ASCII"],
)
def test_a_bad_key_is_named_by_number_and_never_quoted(bad):
    with pytest.raises(SealError, match="Key 2 in ENCRYPTION_KEYS is not 32 bytes") as caught:
        Keyring.parse(f"{new_key()}\n{bad}")
    assert bad not in str(caught.value)


@pytest.mark.parametrize("text", ["", " \n, ,\n"])
def test_no_key_at_all_is_an_error(text):
    with pytest.raises(SealError, match="no key in ENCRYPTION_KEYS"):
        Keyring.parse(text)


def test_a_key_of_another_length_is_refused():
    with pytest.raises(SealError, match="32 bytes, not 16"):
        Keyring([os.urandom(16)])


def test_no_repr_shows_a_key():
    kek = Kek.of(OLD)
    for text in (repr(kek), repr(Keyring([OLD, NEW])), str(Keyring([OLD]))):
        assert repr(OLD)[2:-1] not in text
        assert OLD.hex() not in text
    assert kek.id.hex() in repr(Keyring([OLD]))

"""The values at the border: frozen, and silent about what is secret."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

from plugins import values
from plugins.testing import sample_pki
from plugins.values import CaMaterial, Exported, Issued, IssueRequest

ALL = [v for v in vars(values).values() if is_dataclass(v) and v.__module__ == values.__name__]


@pytest.mark.parametrize("value", ALL)
def test_every_value_is_frozen(value: type) -> None:
    assert value.__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ALL)
def test_no_key_passphrase_or_file_is_part_of_a_representation(value: type) -> None:
    secret = {"key", "private_key", "passphrase", "data"}
    assert [f.name for f in fields(value) if f.name in secret and f.repr] == []


def test_a_key_is_not_shown_by_what_holds_it() -> None:
    pki = sample_pki()
    bundle = pki.bundle()
    request = pki.issue_request(pki.root.key)
    for holder, key in [(pki.root, pki.root.key), (bundle, bundle.private_key), (request, pki.intermediate.key)]:
        assert repr(key) not in repr(holder)
        assert "PrivateKey" not in repr(holder)


def test_an_exported_file_shows_its_kind_only() -> None:
    assert repr(Exported("p12", "correct horse", b"content")) == "Exported(extension='p12')"


def test_values_cannot_be_changed() -> None:
    issued = Issued("pem", ())
    with pytest.raises(FrozenInstanceError):
        issued.body = "other"  # type: ignore[misc]


def test_an_order_is_written_with_names_since_it_has_many_parts() -> None:
    with pytest.raises(TypeError):
        IssueRequest("csr", 1)  # type: ignore[misc,call-arg]


def test_the_sample_authorities_are_a_root_and_an_intermediate() -> None:
    root, intermediate = sample_pki().root, sample_pki().intermediate
    assert isinstance(root, CaMaterial)
    assert root.chain == ()
    assert intermediate.chain == (root.certificate,)

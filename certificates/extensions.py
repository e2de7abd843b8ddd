"""Lemur's extensions mapping (contract 3.4 and 9.4), in Python's spelling, to and from the values of pki."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from cryptography.x509.oid import ExtensionOID
from django.conf import settings

from core.errors import Invalid
from pki import names
from pki.errors import BadName, PkiError
from pki.extensions import PURPOSES, BasicConstraints, Custom, Extensions, KeyUsage
from pki.inspection import ExtensionFacts
from web.spelling import camel, snake

# Lemur's name of each key usage.
USAGES = {
    "use_digital_signature": KeyUsage.DIGITAL_SIGNATURE,
    "use_non_repudiation": KeyUsage.CONTENT_COMMITMENT,
    "use_key_encipherment": KeyUsage.KEY_ENCIPHERMENT,
    "use_data_encipherment": KeyUsage.DATA_ENCIPHERMENT,
    "use_key_agreement": KeyUsage.KEY_AGREEMENT,
    "use_key_cert_sign": KeyUsage.KEY_CERT_SIGN,
    "use_crl_sign": KeyUsage.CRL_SIGN,
    "use_encipher_only": KeyUsage.ENCIPHER_ONLY,
    "use_decipher_only": KeyUsage.DECIPHER_ONLY,
}
EXTENDED_USAGES = {
    "use_client_authentication": PURPOSES["client_authentication"],
    "use_server_authentication": PURPOSES["server_authentication"],
    "use_code_signing": PURPOSES["code_signing"],
    "use_email_protection": PURPOSES["email_protection"],
    "use_timestamping": PURPOSES["timestamping"],
    "use_ocsp_signing": PURPOSES["ocsp_signing"],
    "use_eap_over_lan": PURPOSES["eap_over_lan"],
    "use_eap_over_ppp": PURPOSES["eap_over_ppp"],
    "use_smart_card_logon": PURPOSES["smart_card_logon"],
}
# Lemur takes these kinds of name and drops them.
DROPPED_NAMES = {"otherName", "x400Address", "EDIPartyName"}


# Keys of these objects are values of ours, not field names; they are spelled one way on the wire and one in Python.
IRREGULAR = {
    "useCRLSign": "use_crl_sign",
    "useOCSPSigning": "use_ocsp_signing",
    "useEapOverLAN": "use_eap_over_lan",
    "useEapOverPPP": "use_eap_over_ppp",
    "includeSKI": "include_ski",
    "includeAIA": "include_aia",
    "includeCRLDP": "include_crl_dp",
    "cRLDistributionPoints": "crl_distribution_points",
    "path_length": "path_length",
}
SPELLED = {python: wire for wire, python in IRREGULAR.items()}
DEEPEST = 5


def from_wire(value: Any) -> Any:
    """The extensions object of contract 9.4 with our spelling of its keys. Raises Invalid when it is too deep."""
    # Remembered for this object alone: thousands of names have the same two keys, and strangers choose what a key is.
    return _respelled(value, cache(lambda name: IRREGULAR.get(name, snake(name))))


def to_wire(value: Any) -> Any:
    """The inverse of :func:`from_wire`."""
    return _respelled(value, lambda name: SPELLED.get(name, camel(name)))


def _respelled(value: Any, spell: Callable[[str], str]) -> Any:
    """Level by level, without a call for each part: in a process whose stack is just full a call costs a new page."""
    top = [value]
    level: list[Any] = [top]
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for whole in level:
            for place, part in whole.items() if isinstance(whole, dict) else enumerate(whole):
                if isinstance(part, dict):
                    whole[place] = dict(zip(map(spell, map(str, part)), part.values(), strict=True))
                    below.append(whole[place])
                elif isinstance(part, list):
                    whole[place] = part.copy()
                    below.append(whole[place])
        level = below
    if level:
        raise Invalid("The object is nested too deeply.")
    return top[0]


def parse(mapping: Mapping[str, Any] | Extensions | None) -> Extensions:
    """What was asked for. Raises Invalid with the path of the bad field.

    Unknown keys are ignored, as everywhere (contract 1.2): Lemur's clients ask for identifiers and addresses here,
    which the authority chooses whatever is asked.
    """
    if isinstance(mapping, Extensions):
        return mapping
    asked = _mapping(mapping or {}, "extensions")
    parts: dict[str, Any] = {}
    for name, read in PARTS.items():
        if asked.get(name) is not None:
            parts.update(read(asked[name]))
    return Extensions(**parts)


def parse_name(kind: Any, value: Any, *, field: str = "extensions.sub_alt_names.names") -> names.Name:
    """One name of the list."""
    try:
        return names.parse(_text(kind, field), _text(value, field))
    except BadName as error:
        raise Invalid.field(field, str(error)) from error


def _names(value: Any) -> dict[str, Any]:
    entries = _mapping(value, "extensions.sub_alt_names").get("names") or []
    if not isinstance(entries, list | tuple):
        raise Invalid.field("extensions.sub_alt_names.names", "Give a list of names.")
    if len(entries) > settings.MAX_NAMES_IN_ORDER:  # before each is brought into its normal form
        raise Invalid.field("extensions.sub_alt_names.names", too_many_names())
    return {"names": tuple(dict.fromkeys(name for entry in entries if (name := _name(entry)) is not None))}


def _name(entry: Any) -> names.Name | None:
    if isinstance(entry, names.Name):
        return entry
    fields = _mapping(entry, "extensions.sub_alt_names.names")
    kind = fields.get("name_type", fields.get("nameType"))
    if isinstance(kind, str) and kind in DROPPED_NAMES:
        return None
    return parse_name(kind, fields.get("value"))


def too_many_names() -> str:
    """What to say of an order with more names than are taken."""
    return f"At most {settings.MAX_NAMES_IN_ORDER} names may be asked for at once."


def _basic_constraints(value: Any) -> dict[str, Any]:
    fields = _mapping(value, "extensions.basic_constraints")
    length = fields.get("path_length")
    if length is not None and (not isinstance(length, int) or isinstance(length, bool) or length < 0):
        raise Invalid.field(
            "extensions.basic_constraints",
            "A CA certificate path_length (for BasicConstraints) must be None or an integer.",
        )
    return {
        "basic_constraints": BasicConstraints(_flag(fields.get("ca", False), "extensions.basic_constraints"), length)
    }


def _key_usage(value: Any) -> dict[str, Any]:
    usages = frozenset(_chosen(value, USAGES, "extensions.key_usage"))
    return {"key_usage": usages or None}


def _extended_key_usage(value: Any) -> dict[str, Any]:
    purposes = frozenset(_chosen(value, EXTENDED_USAGES, "extensions.extended_key_usage"))
    return {"extended_key_usage": purposes or None}


def _custom(value: Any) -> dict[str, Any]:
    if not isinstance(value, list | tuple):
        raise Invalid.field("extensions.custom", "Give a list of extensions.")
    return {"custom": tuple(map(_custom_one, value))}


def _custom_one(entry: Any) -> Custom:
    field = "extensions.custom"
    fields = _mapping(entry, field)
    encoding, text = fields.get("encoding", "b64asn1"), _text(fields.get("value"), field)
    if encoding == "b64asn1":
        try:
            value = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Invalid.field(field, "The value is not base64.") from error
    elif encoding in ("string", "ia5string"):
        value = _der_text(text, tag=0x0C if encoding == "string" else 0x16)
    else:
        raise Invalid.field(field, "The encoding must be b64asn1, string or ia5string.")
    critical = _flag(fields.get("is_critical", fields.get("isCritical", False)), field)
    return Custom(_text(fields.get("oid"), field), value, critical)


def _der_text(text: str, *, tag: int) -> bytes:
    """A UTF8String or IA5String in DER (X.690 8.1)."""
    try:
        data = text.encode("utf-8" if tag == 0x0C else "ascii")
    except UnicodeEncodeError as error:
        raise Invalid.field("extensions.custom", "An ia5string holds ASCII characters only.") from error
    length = len(data)
    if length < 0x80:
        return bytes([tag, length]) + data
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + data


PARTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "basic_constraints": _basic_constraints,
    "custom": _custom,
    "extended_key_usage": _extended_key_usage,
    "key_usage": _key_usage,
    "sub_alt_names": _names,
}


def _chosen(value: Any, known: Mapping[str, Any], field: str) -> Iterable[Any]:
    for name, wanted in _mapping(value, field).items():
        if name in known and _flag(wanted, f"{field}.{name}"):
            yield known[name]


def _mapping(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid.field(field, "Give an object with named fields.")
    return value


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise Invalid.field(field, "Give a text.")
    return value


def _flag(value: Any, field: str) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Invalid.field(field, "Not a valid boolean.")
    return value


def describe(facts: ExtensionFacts) -> dict[str, Any]:
    """The extensions of a certificate: always the names, the rest where it is present (contract 3.4).

    What is there is said to be there, also where its value has a form that Lemur's object cannot express.
    """
    shown, there = described(facts.extensions), facts.extension_oids
    if ExtensionOID.SUBJECT_KEY_IDENTIFIER.dotted_string in there:
        shown["subject_key_identifier"] = {"include_ski": True}
    if ExtensionOID.AUTHORITY_KEY_IDENTIFIER.dotted_string in there:
        shown["authority_key_identifier"] = {
            "use_key_identifier": bool(facts.authority_key_identifier),
            "use_authority_cert": bool(facts.authority_key_issuer),
        }
    if ExtensionOID.AUTHORITY_INFORMATION_ACCESS.dotted_string in there:
        shown["certificate_info_access"] = {"include_aia": True}
    if ExtensionOID.CRL_DISTRIBUTION_POINTS.dotted_string in there:
        shown["crl_distribution_points"] = {"include_crl_dp": ", ".join(facts.crl_points)}
    return shown


def described(read: Extensions) -> dict[str, Any]:
    """What may be asked for, and was."""
    shown: dict[str, Any] = {
        "sub_alt_names": {"names": [{"name_type": name.type.value, "value": name.value} for name in read.names]}
    }
    if read.basic_constraints is not None:
        constraints = read.basic_constraints
        shown["basic_constraints"] = {"ca": constraints.ca, "path_length": constraints.path_length}
    if read.key_usage is not None:
        shown["key_usage"] = {name: usage in read.key_usage for name, usage in USAGES.items()}
    if read.extended_key_usage is not None:
        shown["extended_key_usage"] = {
            name: True for name, oid in EXTENDED_USAGES.items() if oid in read.extended_key_usage
        }
    return shown


def as_invalid(error: PkiError, *, default: str) -> Invalid:
    """The same error with the field it belongs to; ``default`` where pki does not know it."""
    return Invalid.field(error.field or default, str(error))

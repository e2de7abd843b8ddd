"""Profiles: what may be issued, as a value; the check of what was asked, and what is written in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from cryptography import x509

from pki import names
from pki.errors import BadName, NotAllowed
from pki.extensions import MODELLED, PURPOSES, BasicConstraints, Extensions, KeyUsage, write
from pki.keys import KEY_SPECS
from pki.names import Name, NameType
from pki.subjects import ATTRIBUTES, Subject

_CA_USAGE: Final = frozenset({KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN})
NEVER_FOR_LEAVES: Final[frozenset[str]] = _CA_USAGE | {PURPOSES["ocsp_signing"]}
"""Usages that speak for the authority, refused to leaves even if a profile lists them; so is a CA certificate."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What may be asked for, what is written when nothing is asked, and for how long.

    `extended_key_usage` and `custom_oids` are dotted OIDs, `key_types` names as `keys.key_type` gives them,
    `subject_fields` and `subject_required` fields of `Subject`. Defaults are part of what is allowed.
    `path_length` None: no limit.
    """

    name: str
    ca: bool = False
    path_length: int | None = None
    key_usage: frozenset[KeyUsage]
    default_key_usage: frozenset[KeyUsage]
    extended_key_usage: frozenset[str]
    default_extended_key_usage: frozenset[str]
    key_types: frozenset[str] = frozenset(KEY_SPECS)
    name_types: frozenset[NameType]
    longest: timedelta
    default: timedelta
    subject_fields: frozenset[str] = frozenset(ATTRIBUTES)
    subject_required: frozenset[str] = frozenset()
    custom_oids: frozenset[str] = frozenset()


def check(profile: Profile, *, asked: Extensions, subject: x509.Name, key_type: str | None) -> None:
    """NotAllowed, with the field, for the first thing the profile does not allow.

    BadSubject and BadExtension for values that no certificate may hold, so that what passes can be settled and written.
    `asked` is what the requester wants, before the authority adds its own pointers and policies. Nothing passes because
    it is unknown here: what no rule allows is refused.
    """
    _check_key_type(profile, key_type)
    _check_subject(profile, subject)
    _check_names(profile, asked.names)
    if not profile.ca and not asked.names and Subject.from_name(subject) == Subject():
        raise NotAllowed("The certificate would name nothing: give a common name or a name.", field="common_name")
    _check_rest(profile, asked)
    write(replace(asked, names=()))
    _check_basic_constraints(profile, asked.basic_constraints)
    _check_key_usage(profile, asked.key_usage or frozenset())
    _check_extended_key_usage(profile, asked.extended_key_usage or frozenset())


def settle(profile: Profile, asked: Extensions, *, key_type: str) -> Extensions:
    """What will be written for a request that `check` let pass: defaults filled in, no name twice.

    Usages a key of this type cannot serve are dropped, asked for or not: keyEncipherment is for RSA keys alone, and
    keyAgreement not for them (RFC 8813, RFC 9295).
    """
    purposes = (asked.extended_key_usage or profile.default_extended_key_usage) - _forbidden(profile)
    return replace(
        asked,
        names=tuple(dict.fromkeys(asked.names)),
        basic_constraints=_basic_constraints(profile, asked.basic_constraints),
        key_usage=_key_usage(profile, asked.key_usage, key_type),
        extended_key_usage=purposes or None,
    )


def _basic_constraints(profile: Profile, asked: BasicConstraints | None) -> BasicConstraints:
    if not profile.ca:
        return BasicConstraints(ca=False)
    length = profile.path_length if asked is None or asked.path_length is None else asked.path_length
    return BasicConstraints(ca=True, path_length=length)


def _key_usage(profile: Profile, asked: frozenset[KeyUsage] | None, key_type: str) -> frozenset[KeyUsage] | None:
    unfit = _unfit(key_type) | _forbidden(profile)
    wanted = (asked or frozenset()) - unfit or profile.default_key_usage - unfit
    # Without them a CA certificate is useless, whatever was asked.
    return (wanted | _CA_USAGE if profile.ca else wanted) or None


def _unfit(key_type: str) -> frozenset[KeyUsage]:
    agreement = frozenset({KeyUsage.KEY_AGREEMENT, KeyUsage.ENCIPHER_ONLY, KeyUsage.DECIPHER_ONLY})
    encipherment = frozenset({KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT})
    if key_type.startswith("RSA"):
        return agreement
    return encipherment if key_type.startswith("ECC") else agreement | encipherment


def _forbidden(profile: Profile) -> frozenset[str]:
    return frozenset() if profile.ca else NEVER_FOR_LEAVES


def _check_key_type(profile: Profile, key_type: str | None) -> None:
    if key_type not in profile.key_types:
        raise NotAllowed(
            f"Profile {profile.name} does not allow {key_type or 'this type of'} keys; "
            f"it allows {_listed(profile.key_types)}.",
            field="key_type",
        )


def _check_subject(profile: Profile, subject: x509.Name) -> None:
    fields = {oid: field for field, oid in ATTRIBUTES.items()}
    seen: set[str] = set()
    for attribute in subject:
        field = fields.get(attribute.oid, "")
        if field not in profile.subject_fields:
            raise NotAllowed(
                f"Profile {profile.name} does not allow the subject attribute "
                f"{field or attribute.oid.dotted_string}; it allows {_listed(profile.subject_fields)}.",
                field=field or "subject",
            )
        # Rules about names look at one common name; a second would pass unseen.
        if field in seen:
            raise NotAllowed(f"The subject has more than one {field.replace('_', ' ')}.", field=field)
        seen.add(field)
    given = Subject.from_name(subject)
    given.to_name()
    for field in sorted(profile.subject_required):
        if not getattr(given, field):
            raise NotAllowed(f"Profile {profile.name} needs the subject attribute {field}.", field=field)


def _check_names(profile: Profile, asked: Iterable[Name]) -> None:
    for name in asked:
        if name.type not in profile.name_types:
            raise NotAllowed(
                f"Profile {profile.name} does not allow names of type {name.type}; "
                f"it allows {_listed(profile.name_types)}.",
                field=names.FIELD,
            )
        try:
            normal = names.parse(name.type, name.value)
            names.to_general_name(normal)
        except BadName as error:
            raise NotAllowed(error.message, field=names.FIELD) from error
        # Rules about names compare text: another spelling of a name would pass them unseen.
        if normal != name:
            raise NotAllowed(f'The name "{names.display(name)}" must be written "{normal.value}".', field=names.FIELD)


def _check_basic_constraints(profile: Profile, asked: BasicConstraints | None) -> None:
    field = "extensions.basic_constraints"
    if asked is None:
        return
    if asked.ca and not profile.ca:
        raise NotAllowed(f"Profile {profile.name} does not allow CA certificates.", field=field)
    if profile.ca and not asked.ca:
        raise NotAllowed(f"Profile {profile.name} is for CA certificates only.", field=field)
    if profile.path_length is not None and (asked.path_length or 0) > profile.path_length:
        raise NotAllowed(
            f"Profile {profile.name} allows a path length of at most {profile.path_length}, not {asked.path_length}.",
            field=field,
        )


def _check_key_usage(profile: Profile, asked: frozenset[KeyUsage]) -> None:
    allowed = (profile.key_usage | profile.default_key_usage) - _forbidden(profile)
    refused = [usage for usage in KeyUsage if usage in asked and usage not in allowed]
    if refused:
        raise NotAllowed(
            f"Profile {profile.name} does not allow the key usage {_listed(refused)}; it allows {_listed(allowed)}.",
            field="extensions.key_usage",
        )


def _check_extended_key_usage(profile: Profile, asked: frozenset[str]) -> None:
    allowed = (profile.extended_key_usage | profile.default_extended_key_usage) - _forbidden(profile)
    if asked - allowed:
        raise NotAllowed(
            f"Profile {profile.name} does not allow the extended key usage {_listed(map(_purpose, asked - allowed))}; "
            f"it allows {_listed(map(_purpose, allowed))}.",
            field="extensions.extended_key_usage",
        )


def _check_rest(profile: Profile, asked: Extensions) -> None:
    for custom in asked.custom:
        if custom.oid in MODELLED or custom.oid not in profile.custom_oids:
            raise NotAllowed(
                f"Profile {profile.name} does not allow the extension {custom.oid}.", field="extensions.custom"
            )
    if asked.must_staple and (profile.ca or PURPOSES["server_authentication"] not in profile.extended_key_usage):
        raise NotAllowed(f"Profile {profile.name} does not allow OCSP must-staple.", field="extensions.must_staple")
    for field in ("crl_urls", "ocsp_urls", "issuer_urls", "policies"):
        if getattr(asked, field):
            raise NotAllowed(
                f"The {field.replace('_', ' ')} of a certificate are set by its authority: leave them out.",
                field=f"extensions.{field}",
            )


def _purpose(oid: str) -> str:
    return next((name for name, known in PURPOSES.items() if known == oid), oid)


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, values))) or "none"


_SERVER: Final = frozenset({PURPOSES["server_authentication"]})
_CLIENT: Final = frozenset({PURPOSES["client_authentication"]})
_HOSTS: Final = frozenset({NameType.DNS, NameType.IP})

# keyAgreement only on request: static ECDH is gone from TLS 1.3, and ECDHE signs.
_TLS_USAGE: Final = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT, KeyUsage.KEY_AGREEMENT})

# Apple's platforms refuse TLS server certificates that live longer, those of private roots included
# ("Requirements for trusted certificates in iOS 13 and macOS 10.15").
_LONGEST_LEAF: Final = timedelta(days=825)
_YEAR: Final = timedelta(days=365)
_LEAP_YEAR: Final = timedelta(days=366)  # the longest is counted in calendar years

_SERVER_PROFILE: Final = Profile(
    name="server",
    key_usage=_TLS_USAGE,
    default_key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT}),
    extended_key_usage=_SERVER,
    default_extended_key_usage=_SERVER,
    name_types=_HOSTS,
    longest=_LONGEST_LEAF,
    default=_YEAR,
)
_INTERMEDIATE_PROFILE: Final = Profile(
    name="intermediate",
    ca=True,
    path_length=0,
    key_usage=_CA_USAGE | {KeyUsage.DIGITAL_SIGNATURE},
    default_key_usage=_CA_USAGE,
    # Restricts what the CA may issue for; "any" would lift it again, and OCSP signing needs no permission.
    extended_key_usage=frozenset(PURPOSES.values()) - {PURPOSES["any"], PURPOSES["ocsp_signing"]},
    default_extended_key_usage=frozenset(),
    name_types=frozenset(),
    subject_required=frozenset({"common_name"}),
    longest=30 * _LEAP_YEAR,
    default=5 * _YEAR,
)
BUILT_IN: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            _SERVER_PROFILE,
            replace(
                _SERVER_PROFILE,
                name="client",
                # Clients also sign documents and mail; TLS with a client certificate only signs.
                key_usage=_TLS_USAGE | {KeyUsage.CONTENT_COMMITMENT},
                default_key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
                extended_key_usage=_CLIENT,
                default_extended_key_usage=_CLIENT,
                name_types=_HOSTS | {NameType.EMAIL, NameType.URI},
            ),
            # URI names carry the SPIFFE identities of workloads, which are both ends of their connections.
            replace(
                _SERVER_PROFILE,
                name="server-and-client",
                extended_key_usage=_SERVER | _CLIENT,
                default_extended_key_usage=_SERVER | _CLIENT,
                name_types=_HOSTS | {NameType.URI},
            ),
            _INTERMEDIATE_PROFILE,
            replace(
                _INTERMEDIATE_PROFILE,
                name="root",
                path_length=None,
                extended_key_usage=frozenset(),
                longest=50 * _LEAP_YEAR,
                default=10 * _YEAR,
            ),
        )
    }
)

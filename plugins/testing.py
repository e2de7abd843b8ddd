"""What every plugin must pass: one class of tests per contract, to be subclassed by whoever writes a plugin.

    class TestMyCa(IssuerContract):
        plugin_class = MyCa
        values = {"url": "https://ca.example.org", "token": "…"}

Needs pytest. `SamplePki` makes real keys and certificates around the present moment.
"""

# ruff: noqa: S101  these are tests, shipped for others to run
from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any, ClassVar, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pki import chains, extensions, inspection, keys, profiles, requests, signing, subjects
from pki.envelope import Keyring, new_key
from pki.keys import KeySpec, PrivateKey
from pki.names import Name, NameType
from plugins import options as plugin_options
from plugins.contracts import ExportsKeys, FinishesLater, KeyCustody, Plugin
from plugins.errors import Permanent, PluginError
from plugins.options import OptionErrors
from plugins.registry import CONTRACTS
from plugins.values import Bundle, CaMaterial, CaRequest, Exported, Issued, IssueRequest


class SamplePki:
    """A root, an intermediate under it, and whatever leaves a test asks for; valid from an hour before `now`."""

    def __init__(self, key_type: str = "ECCPRIME256V1", now: datetime | None = None) -> None:
        self.spec = KeySpec.parse(key_type)
        self.not_before = (now or datetime.now(UTC)).replace(microsecond=0) - timedelta(hours=1)

    @cached_property
    def root(self) -> CaMaterial:
        return self._authority("Sample Root", parent=None)

    @cached_property
    def intermediate(self) -> CaMaterial:
        return self._authority("Sample Intermediate", parent=self.root)

    def issue_request(self, key: PrivateKey, host: str = "www.example.org") -> IssueRequest:
        """An order signed by the intermediate, filled in as the application does for issuers that sign themselves."""
        subject = subjects.Subject(common_name=host, organization="Sample Ltd").to_name()
        profile = profiles.BUILT_IN["server"]
        asked = extensions.Extensions(names=(Name(NameType.DNS, host),))
        written = profiles.settle(profile, asked, key_type=self.spec.name)
        serial, not_after = signing.random_serial(), self.not_before + timedelta(days=30)
        return IssueRequest(
            csr=requests.build(subject, asked, key),
            serial=serial,
            not_before=self.not_before,
            not_after=not_after,
            profile=profile,
            draft=self._draft(subject, key, self.intermediate, written, serial=serial, days=30),
            material=self.intermediate,
            reference="sample order",
        )

    def ca_request(self, common_name: str, parent: CaMaterial | None) -> CaRequest:
        key, subject = keys.generate(self.spec), subjects.Subject(common_name=common_name).to_name()
        written = extensions.Extensions(
            basic_constraints=extensions.BasicConstraints(ca=True),
            key_usage=frozenset({extensions.KeyUsage.KEY_CERT_SIGN, extensions.KeyUsage.CRL_SIGN}),
        )
        draft = self._draft(subject, key, parent, written, serial=signing.random_serial(), days=300)
        return CaRequest(subject=subject, key=key, draft=draft, parent=parent)

    def bundle(self, name: str = "sample", host: str = "www.example.org") -> Bundle:
        """A leaf with its key and its chain up to the root."""
        key = keys.generate(self.spec)
        request = self.issue_request(key, host)
        assert request.draft is not None
        return Bundle(
            name=name,
            certificate=signing.sign(request.draft, self.intermediate.key),
            chain=(self.intermediate.certificate, self.root.certificate),
            private_key=key,
            csr=request.csr,
        )

    def _authority(self, common_name: str, parent: CaMaterial | None) -> CaMaterial:
        request = self.ca_request(common_name, parent)
        certificate = signing.sign(request.draft, parent.key if parent else request.key)
        return CaMaterial(certificate, (parent.certificate, *parent.chain) if parent else (), request.key)

    def _draft(
        self,
        subject: x509.Name,
        key: PrivateKey,
        issuer: CaMaterial | None,
        written: extensions.Extensions,
        *,
        serial: int,
        days: int,
    ) -> x509.Certificate:
        return signing.draft(
            subject=subject,
            public_key=key.public_key(),
            issuer=issuer.certificate if issuer else None,
            signer_public_key=issuer.key.public_key() if issuer else key.public_key(),
            serial=serial,
            not_before=self.not_before,
            not_after=self.not_before + timedelta(days=days),
            extensions=written,
        )


@cache
def sample_pki() -> SamplePki:
    """One for all tests of a run, since making keys takes time."""
    return SamplePki()


PLACES: Final = {"host", "hostname", "server", "address", "port", "url", "uri", "endpoint", "webhook", "proxy"}


class PluginContract:
    """What holds for plugins of every kind. `values` are options that work, `wrong_values` some to be refused."""

    plugin_class: ClassVar[type[Plugin]]
    values: ClassVar[Mapping[str, Any]] = {}
    wrong_values: ClassVar[Mapping[str, Any]] = {}

    def make(self, **changes: Any) -> Any:
        """The plugin, configured with `values` and the changes."""
        return self.build(plugin_options.parse(self.plugin_class.Options, {**self.values, **changes}))

    def build(self, options: Any) -> Any:
        """Override for a plugin that is made from more than its options."""
        return self.plugin_class(options)

    def test_it_says_what_it_is(self) -> None:
        cls = self.plugin_class
        assert issubclass(cls, CONTRACTS[cls.kind])
        assert cls.slug == cls.slug.lower()
        assert cls.slug.replace("-", "").isalnum()
        assert cls.title.strip()

    def test_its_options_can_be_described_and_parse_back(self) -> None:
        cls = self.plugin_class.Options
        described = plugin_options.describe(cls)
        assert json.loads(json.dumps(described)) == described
        options = self.make().options
        again = plugin_options.parse(cls, plugin_options.dump(options) | plugin_options.dump_secrets(options))
        assert again == options

    def test_its_secrets_are_not_shown(self) -> None:
        plugin = self.make()
        dumped, described = plugin_options.dump(plugin.options), plugin_options.describe(plugin.Options)
        shown = f"{plugin!r} {plugin.options!r} {dumped} {described}"
        for secret in plugin_options.dump_secrets(plugin.options).values():
            assert secret not in shown

    def test_options_that_say_where_its_secrets_go_are_marked(self) -> None:
        """Whoever may change them could have the stored secrets sent to a server of their own."""
        cls = self.plugin_class.Options
        if plugin_options.secret_names(cls):
            fields = cls.model_fields.items()
            places = {field.alias or name for name, field in fields if name.rpartition("_")[2] in PLACES}
            assert places <= plugin_options.target_names(cls), "json_schema_extra=TARGET"

    def test_an_option_it_does_not_have_is_refused(self) -> None:
        with pytest.raises(OptionErrors) as caught:
            self.make(noSuchOption="1")
        assert list(caught.value.errors) == ["noSuchOption"]

    def test_wrong_options_are_refused_one_message_each(self) -> None:
        for name, value in self.wrong_values.items():
            with pytest.raises(OptionErrors) as caught:
                self.make(**{name: value})
            assert list(caught.value.errors) == [name]

    def test_checking_the_configuration_succeeds(self) -> None:
        plugin = self.make()
        before = dict(vars(plugin))
        plugin.check()
        assert vars(plugin) == before


class IssuerContract(PluginContract):
    """Override `request` when the issuer is remote and needs another CSR, `finished` when it takes several steps."""

    def request(self, key: PrivateKey) -> IssueRequest:
        return sample_pki().issue_request(key)

    def finished(self, plugin: Any, request: IssueRequest) -> Issued:
        answer = plugin.issue(request)
        if not isinstance(answer, Issued):
            assert isinstance(plugin, FinishesLater)
            pytest.fail("the issuer finishes later: override `finished`")
        return answer

    def new_key(self) -> PrivateKey:
        return keys.generate(KeySpec.parse("ECCPRIME256V1"))

    def test_it_issues_for_the_key_and_the_names_of_the_csr(self) -> None:
        key = self.new_key()
        request = self.request(key)
        certificate = inspection.load(self.finished(self.make(), request).body)
        wanted = requests.read(request.csr)
        assert keys.belongs(key, certificate.public_key())
        assert set(wanted.extensions.names) <= set(inspection.facts(certificate).names)

    def test_its_chain_leads_from_the_certificate_to_the_root(self) -> None:
        issued = self.finished(self.make(), self.request(self.new_key()))
        chain = [inspection.load(pem) for pem in issued.chain]
        chains.verify(inspection.load(issued.body), chain)
        assert inspection.facts(chain[-1]).self_signed

    def test_it_keeps_no_state(self) -> None:
        plugin = self.make()
        before = dict(vars(plugin))
        self.finished(plugin, self.request(self.new_key()))
        assert vars(plugin) == before

    def test_its_errors_are_plugin_errors(self) -> None:
        request = self.request(self.new_key())
        broken = IssueRequest(**{**vars(request), "csr": "not a CSR"})
        with pytest.raises(PluginError):
            self.make().issue(broken)


class ExporterContract(PluginContract):
    """Say in `certificates_in` and `key_in` how to look into the file; `extension` is how the file's name ends."""

    extension: ClassVar[str]
    encrypted: ClassVar[bool] = False

    def bundle(self) -> Bundle:
        return sample_pki().bundle()

    def certificates_in(self, exported: Exported) -> list[x509.Certificate]:
        """All certificates of the file, in its order."""
        raise NotImplementedError

    def key_in(self, exported: Exported) -> PrivateKey | None:
        """The private key of the file; only asked for plugins that reveal it."""
        raise NotImplementedError

    def expected(self, bundle: Bundle) -> list[x509.Certificate]:
        return [bundle.certificate, *bundle.chain]

    def test_it_writes_the_certificates(self) -> None:
        bundle = self.bundle()
        exported = self.make().export(bundle)
        assert exported.extension == self.extension
        assert self.certificates_in(exported) == self.expected(bundle)

    def test_the_key_is_there_when_it_should_be_and_only_then(self) -> None:
        bundle, plugin = self.bundle(), self.make()
        assert bundle.private_key is not None
        exported = plugin.export(bundle)
        if plugin.reveals_key:
            found = self.key_in(exported)
            assert found is not None
            assert keys.belongs(found, bundle.certificate.public_key())
        else:
            assert all(secret not in exported.data for secret in _forms_of(bundle.private_key))

    def test_without_a_key_it_refuses_or_works(self) -> None:
        bundle, plugin = self.bundle(), self.make()
        keyless = Bundle(name=bundle.name, certificate=bundle.certificate, chain=bundle.chain)
        if not plugin.needs_key:
            assert plugin.export(keyless).data
            return
        with pytest.raises(Permanent) as caught:
            plugin.export(keyless)
        assert caught.value.message == (
            f"Unable to export certificate, plugin: {plugin.slug} requires a private key but no key was found."
        )

    def test_what_is_encrypted_has_a_passphrase_of_its_own(self) -> None:
        bundle, plugin = self.bundle(), self.make()
        first, second = plugin.export(bundle), plugin.export(bundle)
        if not self.encrypted:
            assert (first.passphrase, second.passphrase) == (None, None)
            return
        assert first.passphrase != second.passphrase
        assert bundle.private_key is not None
        assert all(secret not in first.data for secret in _forms_of(bundle.private_key))

    def test_the_result_does_not_show_its_content(self) -> None:
        exported = self.make().export(self.bundle())
        assert repr(exported.data) not in repr(exported)
        assert exported.passphrase is None or exported.passphrase not in repr(exported)


class KeyCustodyContract(PluginContract):
    """`key_types` says what the custody can hold."""

    key_types: ClassVar[tuple[str, ...]] = ("ECCPRIME256V1",)
    keyring: ClassVar[Keyring] = Keyring.parse(new_key())

    def build(self, options: Any) -> Any:
        cls: Any = self.plugin_class
        return cls(self.keyring, options)

    def test_a_generated_key_signs_for_its_public_key(self) -> None:
        custody: KeyCustody = self.make()
        for name in self.key_types:
            reference, key = custody.generate(KeySpec.parse(name))
            assert keys.key_type(key.public_key()) == name
            signer = custody.signer(reference, keys.spki_sha256(key.public_key()))
            assert keys.belongs(signer, key.public_key())
            requests.read(requests.build(subjects.Subject(common_name="x").to_name(), extensions.Extensions(), signer))

    def test_a_stored_key_comes_back(self) -> None:
        custody, key = self.make(), keys.generate(KeySpec.parse(self.key_types[0]))
        reference = custody.store(key)
        assert keys.belongs(custody.signer(reference, keys.spki_sha256(key.public_key())), key.public_key())

    def test_a_reference_holds_no_readable_key(self) -> None:
        custody, key = self.make(), keys.generate(KeySpec.parse(self.key_types[0]))
        reference = custody.store(key)
        assert all(secret not in reference for secret in _forms_of(key))

    def test_a_key_opens_for_its_own_public_key_only(self) -> None:
        custody = self.make()
        reference, _ = custody.generate(KeySpec.parse(self.key_types[0]))
        _, other = custody.generate(KeySpec.parse(self.key_types[0]))
        with pytest.raises(Permanent):
            custody.signer(reference, keys.spki_sha256(other.public_key()))

    def test_an_altered_reference_is_refused(self) -> None:
        custody = self.make()
        reference, key = custody.generate(KeySpec.parse(self.key_types[0]))
        for altered in (b"", reference[:-1], reference[:-1] + bytes([reference[-1] ^ 1])):
            with pytest.raises(PluginError):
                custody.signer(altered, keys.spki_sha256(key.public_key()))

    def test_a_custody_that_exports_gives_the_key_itself(self) -> None:
        custody: KeyCustody = self.make()
        key = keys.generate(KeySpec.parse(self.key_types[0]))
        if isinstance(custody, ExportsKeys):
            revealed = custody.reveal(custody.store(key), keys.spki_sha256(key.public_key()))
            assert keys.private_key_der(revealed) == keys.private_key_der(key)


def _forms_of(key: PrivateKey) -> list[bytes]:
    """How the key would look if it stood somewhere in the clear: DER, the lines of its PEM, its secret number."""
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    numbers = getattr(key, "private_numbers", None)
    lines = [line for text in (pem, keys.private_key_pem(key).encode()) for line in text.splitlines()]
    forms = [der, *(line for line in lines if len(line) > 40 and b"-" not in line)]
    if numbers is not None:
        secret = getattr(numbers(), "private_value", None) or numbers().d
        forms.append(secret.to_bytes((secret.bit_length() + 7) // 8, "big"))
    return forms

"""pki.names: strict parsing, lenient reading, one form per name, and which hosts a wildcard covers."""

from __future__ import annotations

import ipaddress
import unicodedata
from contextlib import suppress

import pytest
from cryptography import x509
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pki import names
from pki.errors import BadName, PkiError
from pki.names import Name, NameType
from tests.endings import ends

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(lambda x: x[2:4] != "--")
TOP_LABELS = LABELS.filter(lambda label: not label.isdigit())
HOSTS = st.builds(lambda labels, top: ".".join([*labels, top]), st.lists(LABELS, max_size=4), TOP_LABELS)


class TestDns:
    @pytest.mark.parametrize(
        ("given", "normalised"),
        [
            ("www.example.com", "www.example.com"),
            ("WWW.Example.COM", "www.example.com"),
            ("example.com.", "example.com"),
            ("example.com。", "example.com"),
            ("*.example.com", "*.example.com"),
            ("*.lan", "*.lan"),
            ("localhost", "localhost"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("bu\u0308cher.example", "xn--bcher-kva.example"),
            ("*.bücher.example", "*.xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("faß.de", "xn--fa-hia.de"),
            ("1.2.3.4.example", "1.2.3.4.example"),
            ("a" * 63 + ".example", "a" * 63 + ".example"),
        ],
    )
    def test_one_form(self, given, normalised):
        assert names.normalise_dns(given) == normalised
        assert names.parse("DNSName", given) == Name(NameType.DNS, normalised)

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("", "empty"),
            (".", "empty"),
            (".example.com", "empty"),
            ("example..com", "empty"),
            ("example.com..", "empty"),
            ("*", "whole left-most label"),
            ("*.", "empty"),
            ("*.*.example.com", "whole left-most label"),
            ("www.*.example.com", "whole left-most label"),
            ("w*.example.com", "whole left-most label"),
            ("*w.example.com", "whole left-most label"),
            ("foo_bar.example.com", "underscore"),
            ("-a.example", "hyphen"),
            ("a-.example", "hyphen"),
            ("ab--cd.example", "hyphens in 3rd and 4th"),
            ("xn--a.example", "not allowed"),
            ("a b.example", "not allowed"),
            ("a\x00.example", "not allowed"),
            ("www.example.com\n", "not allowed"),
            ("\ud800.example", "not allowed"),
            ("10.0.0.1", "use IPAddress"),
            ("*.1", "use IPAddress"),
            ("a" * 64 + ".example", "too long"),
            (".".join(["a" * 49] * 6), "longer than 253"),
            ("ü" * 100_000, "longer than 253"),
        ],
    )
    def test_reasons(self, value, reason):
        with pytest.raises(BadName, match=reason) as caught:
            names.normalise_dns(value)
        assert caught.value.field == ""
        with pytest.raises(BadName) as caught:
            names.parse("DNSName", value)
        assert caught.value.field == "extensions.sub_alt_names.names"
        assert len(caught.value.message) < 500
        assert "\n" not in caught.value.message
        assert "\x00" not in caught.value.message

    @given(HOSTS, st.booleans())
    @settings(max_examples=100, deadline=None)
    def test_normalising_twice_changes_nothing(self, host, wildcard):
        once = names.normalise_dns(("*." if wildcard else "") + host.upper())
        assert once == ("*." if wildcard else "") + host
        assert names.normalise_dns(once) == once

    @pytest.mark.parametrize("unit", ["\ufdfa", "a\u0300", "\u0344", "\u1e9b\u0323", "xn--", "a."])
    def test_hostile_length_costs_no_time(self, unit):
        with ends(), pytest.raises(BadName):
            names.parse("DNSName", unit * (1_000_000 // len(unit)))


class TestParse:
    @pytest.mark.parametrize(
        ("kind", "value", "normalised"),
        [
            ("IPAddress", "192.0.2.1", "192.0.2.1"),
            ("IPAddress", "2001:DB8:0:0::1", "2001:db8::1"),
            ("IPNetwork", "192.0.2.0/24", "192.0.2.0/24"),
            ("IPNetwork", "2001:DB8::/32", "2001:db8::/32"),
            (
                "uniformResourceIdentifier",
                "HTTPS://User@Example.COM:443/A?b=C#d",
                "https://User@example.com:443/A?b=C#d",
            ),
            ("uniformResourceIdentifier", "spiffe://cluster.local/ns/a/sa/b", "spiffe://cluster.local/ns/a/sa/b"),
            ("uniformResourceIdentifier", "http://[2001:DB8::1]/", "http://[2001:db8::1]/"),
            ("uniformResourceIdentifier", "http://192.0.2.1", "http://192.0.2.1"),
            ("uniformResourceIdentifier", "URN:uuid:F81D4FAE", "urn:uuid:F81D4FAE"),
            ("uniformResourceIdentifier", "http://a.example/%C3%BC", "http://a.example/%C3%BC"),
            ("rfc822Name", "Joe.Bloggs+x@EXAMPLE.com", "Joe.Bloggs+x@example.com"),
            ("rfc822Name", "joe@bücher.example", "joe@xn--bcher-kva.example"),
            ("registeredID", "1.2.840.113549", "1.2.840.113549"),
            ("directoryName", "CN=Joe,O=Example", "CN=Joe,O=Example"),
        ],
    )
    def test_one_form(self, kind, value, normalised):
        assert names.parse(kind, value) == Name(NameType(kind), normalised)

    @pytest.mark.parametrize(
        ("kind", "value", "reason"),
        [
            ("IPAddress", "", "not an IP address"),
            ("IPAddress", "192.0.2", "not an IP address"),
            ("IPAddress", "192.0.2.1/32", "not an IP address"),
            ("IPAddress", "192.000.002.001", "not an IP address"),
            ("IPAddress", "fe80::1%eth0", "zone"),
            ("IPNetwork", "192.0.2.1/24", "not an IP network"),
            ("uniformResourceIdentifier", "", "absolute URI"),
            ("uniformResourceIdentifier", "/path", "absolute URI"),
            ("uniformResourceIdentifier", "http:", "absolute URI"),
            ("uniformResourceIdentifier", "http:///path", "no host"),
            ("uniformResourceIdentifier", "http://a b/", "absolute URI"),
            ("uniformResourceIdentifier", "http://a.example/<script>", "absolute URI"),
            ("uniformResourceIdentifier", "http://a.example/%zz", "absolute URI"),
            ("uniformResourceIdentifier", "http://a.example/\n", "absolute URI"),
            ("uniformResourceIdentifier", "http://bücher.example/", "absolute URI"),
            ("uniformResourceIdentifier", "http://*.example/", "wildcard"),
            ("uniformResourceIdentifier", "http://[192.0.2.1]/", "not a DNS name"),
            ("uniformResourceIdentifier", "http://a.example/" + "x" * 2048, "absolute URI"),
            ("rfc822Name", "joe", "e-mail address"),
            ("rfc822Name", "@example.com", "e-mail address"),
            ("rfc822Name", "joe@", "empty"),
            ("rfc822Name", "jo e@example.com", "e-mail address"),
            ("rfc822Name", "jö@example.com", "e-mail address"),
            ("rfc822Name", "Joe <joe@example.com>", "e-mail address"),
            ("rfc822Name", "joe@*.example.com", "wildcard"),
            ("rfc822Name", "x" * 65 + "@example.com", "e-mail address"),
            ("rfc822Name", "x" * 64 + "@" + ".".join(["a" * 48] * 4), "longer than 254"),
            ("registeredID", "1", "object identifier"),
            ("registeredID", "3.1", "object identifier"),
            ("registeredID", "1.40", "object identifier"),
            ("registeredID", "1.02.3", "object identifier"),
            ("registeredID", "1.2.3\n", "object identifier"),
            ("directoryName", "", "empty"),
            ("directoryName", "Joe", "directory name"),
            ("directoryName", "C=Germany", "directory name"),
            ("directoryName", "CN=\\zz", "directory name"),
            ("otherName", "1.2.3:00", "cannot be issued"),
            ("x400Address", "x", "cannot be issued"),
            ("EDIPartyName", "x", "cannot be issued"),
            ("dNSName", "a.example", "not a type of name"),
            ("", "a.example", "not a type of name"),
        ],
    )
    def test_reasons(self, kind, value, reason):
        with pytest.raises(BadName, match=reason) as caught:
            names.parse(kind, value)
        assert caught.value.field == "extensions.sub_alt_names.names"

    @given(st.text() | st.sampled_from(list(NameType)), st.text(max_size=300))
    @settings(max_examples=200, deadline=None)
    def test_any_text_raises_nothing_else_and_what_passes_is_stable(self, kind, value):
        with suppress(PkiError):
            name = names.parse(kind, value)
            assert names.parse(name.type, name.value) == name
            names.to_general_name(name)

    @given(st.sampled_from(list(NameType)), st.data())
    @settings(max_examples=200, deadline=None)
    def test_mutated_names_raise_nothing_else(self, kind, data):
        seed = data.draw(st.sampled_from(list(SEEDS.values())))
        at, piece = data.draw(st.integers(0, len(seed))), data.draw(st.text(max_size=3))
        with suppress(PkiError):
            name = names.parse(kind, seed[:at] + piece + seed[at + data.draw(st.integers(0, 2)) :])
            names.display(names.from_general_name(names.to_general_name(name)))


SEEDS = {
    NameType.DNS: "*.xn--bcher-kva.example",
    NameType.IP: "2001:db8::1",
    NameType.URI: "spiffe://cluster.local/ns/a",
    NameType.EMAIL: "joe@example.com",
    NameType.REGISTERED_ID: "1.2.840.113549",
    NameType.DIRECTORY: "CN=Joe\\, Bloggs+UID=x,O=Example,C=DE",
}


class TestGeneralNames:
    @pytest.mark.parametrize(("kind", "value"), SEEDS.items())
    def test_what_is_parsed_round_trips(self, kind, value):
        name = names.parse(kind, value)
        assert names.from_general_name(names.to_general_name(name)) == name

    @given(HOSTS)
    @settings(max_examples=50, deadline=None)
    def test_hosts_round_trip(self, host):
        name = names.parse(NameType.DNS, host)
        assert names.from_general_name(names.to_general_name(name)) == name

    @given(st.ip_addresses())
    @settings(max_examples=50, deadline=None)
    def test_addresses_round_trip(self, address):
        assume("%" not in str(address))
        name = names.parse(NameType.IP, str(address))
        assert names.to_general_name(name) == x509.IPAddress(address)
        assert names.from_general_name(x509.IPAddress(address)) == name

    @pytest.mark.parametrize(
        ("general_name", "expected"),
        [
            (x509.DNSName("Foo_Bar.Example."), Name(NameType.DNS, "foo_bar.example.")),
            (x509.DNSName(""), Name(NameType.DNS, "")),
            (x509.RFC822Name("Joe@EXAMPLE.com"), Name(NameType.EMAIL, "Joe@example.com")),
            (x509.UniformResourceIdentifier("not a uri"), Name(NameType.URI, "not a uri")),
            (x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), Name(NameType.NETWORK, "10.0.0.0/8")),
            (
                x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x01a"),
                Name(NameType.OTHER, "1.3.6.1.4.1.311.20.2.3:0c0161"),
            ),
        ],
    )
    def test_names_in_the_wild_are_kept_as_they_are(self, general_name, expected):
        assert names.from_general_name(general_name) == expected

    @pytest.mark.parametrize("kind", [NameType.NETWORK, NameType.OTHER, NameType.X400, NameType.EDI])
    def test_some_types_are_not_written(self, kind):
        with pytest.raises(BadName, match=f"type {kind} cannot be issued"):
            names.to_general_name(Name(kind, "192.0.2.0/24"))

    @pytest.mark.parametrize("kind", SEEDS)
    def test_malformed_values_are_not_written(self, kind):
        with pytest.raises(BadName, match="cannot be written"):
            names.to_general_name(Name(kind, "ü\x00"))


class TestDisplay:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("www.example.com", "www.example.com"),
            ("xn--bcher-kva.example", "bücher.example (xn--bcher-kva.example)"),
            ("*.xn--bcher-kva.example", "*.bücher.example (*.xn--bcher-kva.example)"),
            ("xn--a.example", "xn--a.example"),
            ("foo_bar.example", "foo_bar.example"),
            ("a\n\u202eb\u2028", "a\\n\\u202eb\\u2028"),
        ],
    )
    def test_dns(self, value, shown):
        assert names.display(Name(NameType.DNS, value)) == shown

    @given(st.sampled_from(list(NameType)), st.text())
    @settings(max_examples=50, deadline=None)
    def test_any_value_is_shown_on_one_line(self, kind, value):
        shown = names.display(Name(kind, value))
        assert len(shown.splitlines()) <= 1
        assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in shown)


class TestCovers:
    @pytest.mark.parametrize(
        ("pattern", "host", "covered"),
        [
            ("www.example.com", "www.example.com", True),
            ("WWW.example.com", "www.EXAMPLE.com.", True),
            ("www.example.com", "example.com", False),
            ("*.example.com", "www.example.com", True),
            ("*.example.com", "WWW.Example.Com", True),
            ("*.example.com", "example.com", False),
            ("*.example.com", ".example.com", False),
            ("*.example.com", "a.b.example.com", False),
            ("*.example.com", "*.example.com", True),
            ("*.example.com", "www.example.org", False),
            ("*.bücher.example", "www.xn--bcher-kva.example", True),
            ("w*.example.com", "www.example.com", False),
            ("*w.example.com", "www.example.com", False),
            ("www.*.com", "www.example.com", False),
            ("*", "localhost", False),
            ("*.0.0.1", "10.0.0.1", False),
            ("foo_bar.example.com", "foo_bar.example.com", True),
            ("*.example.com", "foo_bar.example.com", True),
            ("", "", False),
            ("*.", "a.", False),
        ],
    )
    def test_rfc_9525(self, pattern, host, covered):
        assert names.covers(pattern, host) is covered

    @given(LABELS, HOSTS)
    @settings(max_examples=50, deadline=None)
    def test_a_wildcard_covers_exactly_one_label(self, label, parent):
        assert names.covers(f"*.{parent}", f"{label}.{parent}")
        assert not names.covers(f"*.{parent}", f"a.{label}.{parent}")
        assert not names.covers(f"*.{parent}", parent)

    @given(st.text(max_size=50), st.text(max_size=50))
    @settings(max_examples=50, deadline=None)
    def test_never_raises(self, pattern, host):
        assert names.covers(pattern, host) in {True, False}


def test_names_sort_by_type_then_value():
    ordered = [Name(NameType.DNS, "a"), Name(NameType.DNS, "b"), Name(NameType.IP, "::1")]
    assert sorted({*ordered}) == ordered
    assert str(ordered[0]) == "DNSName:a"

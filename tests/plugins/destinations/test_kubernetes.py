"""kubernetes-destination against a fake of our own (see tests/servers/kubernetes.py): what it writes, and over what."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki import inspection, keys
from plugins import Bundle, Misconfigured, Permanent, Temporary, network, parse
from plugins.destinations.kubernetes import KubernetesDestination
from plugins.testing import sample_pki
from plugins.testing_stores import DestinationContract
from tests.pki_material import material
from tests.servers.kubernetes import FakeCluster, kubernetes_server
from tests.servers.sftp import free_port

SECRET = "wrong-Horse-7-battery"
NAMESPACE = "default"


@pytest.fixture(scope="module")
def _running() -> Iterator[tuple[FakeCluster, dict[str, object]]]:
    with kubernetes_server() as running:
        yield running


@pytest.fixture
def cluster(_running: tuple[FakeCluster, dict[str, object]]) -> FakeCluster:
    made, _ = _running
    made.secrets.clear()
    made.allowed, made.meddle = {"get", "create", "update", "delete"}, None
    return made


@pytest.fixture
def options(_running: tuple[FakeCluster, dict[str, object]]) -> dict[str, object]:
    return _running[1]


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our servers listen."""
    monkeypatch.setattr(network, "_allowed", (ip_network("127.0.0.0/8"),))


def destination(options: dict[str, object], **changes: Any) -> KubernetesDestination:
    return KubernetesDestination(parse(KubernetesDestination.Options, {**options, **changes}))


def data(cluster: FakeCluster, name: str) -> dict[str, bytes]:
    found = cluster.secrets.get((NAMESPACE, name), {}).get("data", {})
    return {key: base64.b64decode(value) for key, value in found.items()}


class Contract(DestinationContract):
    plugin_class = KubernetesDestination
    files = ("tls.crt", "tls.key")
    wrong_values = {
        "kubernetesURL": "http://cluster",
        "kubernetesNamespace": "Upper",
        "kubernetesServerCertificate": "no certificate",
        "secretNameFormat": "{OU}",
        "secretFormat": "JKS",
    }
    changes: dict[str, object] = {}

    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: FakeCluster, options: dict[str, object]) -> None:
        self.cluster = cluster
        self.values = {**options, **self.changes}  # type: ignore[misc]

    def there(self, name: str) -> list[x509.Certificate]:
        found = data(self.cluster, name)
        return x509.load_pem_x509_certificates(
            b"".join(found[one] for one in self.files if one.endswith("crt") and found)
        )

    def key_there(self, name: str) -> Any:
        [file] = [one for one in self.files if one.endswith("key")]
        return load_pem_private_key(data(self.cluster, name)[file], None)

    def refused(self) -> Any:
        return self.make(kubernetesAuthToken=SECRET)

    def unreachable(self) -> Any:
        return self.make(kubernetesURL=f"https://127.0.0.1:{free_port()}")


class TestTls(Contract):
    def there(self, name: str) -> list[x509.Certificate]:
        found = data(self.cluster, name)
        return x509.load_pem_x509_certificates(found["tls.crt"]) if found else []


class TestFull(Contract):
    files = ("service.crt", "ca.crt", "service.key")
    changes = {"secretFormat": "Full"}

    def there(self, name: str) -> list[x509.Certificate]:
        found = data(self.cluster, name)
        return x509.load_pem_x509_certificates(found["service.crt"] + found["ca.crt"]) if found else []


class TestCertificate(TestTls):
    changes = {"secretFormat": "Certificate"}

    def key_there(self, name: str) -> Any:
        assert list(data(self.cluster, name)) == ["tls.crt"]


def test_what_a_secret_looks_like(cluster: FakeCluster, options: dict[str, object]) -> None:
    bundle = sample_pki().bundle("WILDCARD.example.org")
    destination(options, secretNameFormat="certs-{common_name}").upload(bundle)
    [secret] = cluster.secrets.values()
    assert (secret["metadata"]["name"], secret["type"]) == ("certs-wildcard.example.org", "kubernetes.io/tls")
    assert secret["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "lemur"}
    found = data(cluster, "certs-wildcard.example.org")
    assert found["tls.crt"].decode() == inspection.pem(bundle.certificate) + inspection.pem(bundle.chain[0])
    assert sorted(found) == ["tls.crt", "tls.key"]


def test_what_else_is_in_a_secret_stays(cluster: FakeCluster, options: dict[str, object]) -> None:
    old, new, made = sample_pki().bundle("kept"), sample_pki().bundle("kept"), destination(options)
    made.upload(old)
    secret = cluster.secrets[NAMESPACE, "kept"]
    labels = {"team": "web"}
    cluster.keep(
        NAMESPACE,
        {**secret, "metadata": {**secret["metadata"], "labels": labels}, "data": {**secret["data"], "ca.crt": "eA=="}},
    )
    made.upload(new)
    assert cluster.secrets[NAMESPACE, "kept"]["metadata"]["labels"] == labels
    assert data(cluster, "kept")["ca.crt"] == b"x"
    assert made.held("kept") == inspection.fingerprint(new.certificate)


def test_a_secret_that_changes_meanwhile_is_read_again(cluster: FakeCluster, options: dict[str, object]) -> None:
    old, new, made = sample_pki().bundle("race"), sample_pki().bundle("race"), destination(options)

    def meddle(there: FakeCluster) -> None:
        there.meddle = None
        if secret := there.secrets.get((NAMESPACE, "race")):
            there.keep(NAMESPACE, {**secret, "data": {**secret["data"], "note": "eA=="}})
        else:
            made.upload(old)

    cluster.meddle = meddle
    made.upload(new)
    assert made.held("race") == inspection.fingerprint(new.certificate)
    cluster.meddle = meddle
    made.upload(old)
    assert (made.held("race"), data(cluster, "race")["note"]) == (inspection.fingerprint(old.certificate), b"x")
    cluster.meddle = meddle
    made.remove(old)
    assert not cluster.secrets


def test_one_that_changes_all_the_time_is_worth_another_try(cluster: FakeCluster, options: dict[str, object]) -> None:
    made = destination(options)
    made.upload(sample_pki().bundle("busy"))
    cluster.meddle = lambda there: there.keep(NAMESPACE, there.secrets[NAMESPACE, "busy"])
    with pytest.raises(Temporary, match="all the time"):
        made.upload(sample_pki().bundle("busy"))


def test_a_secret_of_another_type_is_left_alone(cluster: FakeCluster, options: dict[str, object]) -> None:
    destination(options, secretFormat="Full").upload(sample_pki().bundle("typed"))
    with pytest.raises(Permanent, match=r"is of type Opaque, not kubernetes\.io/tls"):
        destination(options).upload(sample_pki().bundle("typed"))


def test_an_account_that_may_not(cluster: FakeCluster, options: dict[str, object]) -> None:
    cluster.allowed = {"get"}
    with pytest.raises(Misconfigured, match="may not create and update secrets in default"):
        destination(options).check()
    with pytest.raises(Misconfigured, match="secrets is forbidden"):
        destination(options).upload(sample_pki().bundle("forbidden"))


def test_a_server_that_proves_itself_by_another_root(cluster: FakeCluster, options: dict[str, object]) -> None:
    for roots in (None, material().other_root.pem):
        with pytest.raises(Misconfigured, match=r"could not be reached: .*certificate verify failed"):
            destination(options, kubernetesServerCertificate=roots).check()


@pytest.mark.parametrize("name", ["a_b", "a..b", "-a", "a/b", "", "x" * 254])
def test_names_that_are_none_for_a_secret(cluster: FakeCluster, options: dict[str, object], name: str) -> None:
    bundle = Bundle(**{**vars(sample_pki().bundle()), "name": name})
    with pytest.raises(Permanent, match="cannot be the name of a secret"):
        destination(options).upload(bundle)


def test_what_is_no_certificate_is_not_taken_for_nothing(cluster: FakeCluster, options: dict[str, object]) -> None:
    bundle, made = sample_pki().bundle("garbage"), destination(options)
    made.upload(bundle)
    secret = cluster.secrets[NAMESPACE, "garbage"]
    for text in ("AAAA", "eHg="):
        cluster.keep(NAMESPACE, {**secret, "data": {**secret["data"], "tls.crt": text}})
        assert made.held("garbage") == ""
    made.remove(bundle)
    assert cluster.secrets


def test_the_whole_pair_is_written(cluster: FakeCluster, options: dict[str, object]) -> None:
    bundle = sample_pki().bundle("combined")
    destination(options, secretFormat="Full").upload(bundle)
    text = data(cluster, "combined")["combined.pem"]
    key = load_pem_private_key(text[text.index(b"-----BEGIN EC PRIVATE") :], None)
    assert keys.belongs(key, x509.load_pem_x509_certificate(text).public_key())  # type: ignore[arg-type]

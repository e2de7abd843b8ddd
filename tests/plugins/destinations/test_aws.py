"""aws-destination, aws-acm-dest and aws-s3 against moto, which imitates AWS, and is more lenient than it in many ways."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki import chains, inspection
from plugins import Bundle, Misconfigured, Permanent, network, parse
from plugins.destinations import aws as destinations
from plugins.destinations.aws import TAG, AcmDestination, IamDestination, S3Destination, iam_name
from plugins.testing import sample_pki
from plugins.testing_stores import DestinationContract
from tests.servers.moto import Moto, moto_server
from tests.servers.sftp import free_port

ACCOUNT, OTHER = "123456789012", "222222222222"  # the first is the one that moto's keys belong to
BUCKET = "lemur-certificates"


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with moto_server() as running:
        running.client("s3").create_bucket(Bucket=BUCKET)
        yield running


@pytest.fixture(scope="module")
def strict() -> Iterator[Moto]:
    """One that lets nobody in."""
    with moto_server(INITIAL_NO_AUTH_ACTION_COUNT="0") as running:
        yield running


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our servers listen."""
    monkeypatch.setattr(network, "_allowed", (ip_network("127.0.0.0/8"),))


class AwsContract(DestinationContract):
    shows_keys = False
    more: dict[str, object] = {}

    @pytest.fixture(autouse=True)
    def _running(self, moto: Moto, strict: Moto) -> None:
        self.moto, self.strict = moto, strict
        self.values = moto.options(accountNumber=ACCOUNT, **self.more)  # type: ignore[misc]

    def key_there(self, name: str) -> Any:
        return None

    def refused(self) -> Any:
        return self.make(endpointUrl=self.strict.url)

    def unreachable(self) -> Any:
        return self.make(endpointUrl=f"http://127.0.0.1:{free_port()}")

    def test_another_account_is_another_place(self) -> None:
        self.make(accountNumber=OTHER).upload(self.bundle("elsewhere"))
        assert self.there("elsewhere") == []


class TestIam(AwsContract):
    plugin_class = IamDestination
    wrong_values = {"accountNumber": "123", "path": "x", "endpointUrl": "ftp://aws"}

    def there(self, name: str) -> list[x509.Certificate]:
        iam = self.moto.client("iam")
        names = [
            one["ServerCertificateName"] for one in iam.list_server_certificates()["ServerCertificateMetadataList"]
        ]
        mine = [one for one in names if one.rpartition("-")[0] == name]
        if not mine:
            return []
        found = iam.get_server_certificate(ServerCertificateName=mine[-1])["ServerCertificate"]
        return x509.load_pem_x509_certificates(f"{found['CertificateBody']}\n{found['CertificateChain']}".encode())

    def test_each_certificate_has_a_name_of_its_own(self) -> None:
        old, new, made = self.bundle("successor"), self.bundle("successor"), self.make(path="/web/")
        made.upload(old)
        made.upload(new)
        iam = self.moto.client("iam")
        for bundle in (old, new):
            found = iam.get_server_certificate(ServerCertificateName=iam_name(bundle))["ServerCertificate"]
            assert found["ServerCertificateMetadata"]["Path"] == "/web/"
            assert x509.load_pem_x509_certificate(found["CertificateBody"].encode()) == bundle.certificate

    def test_names_fit(self) -> None:
        assert len(iam_name(self.bundle("x" * 200))) == 128
        with pytest.raises(Permanent, match="cannot be the name"):
            iam_name(self.bundle("../x"))

    def test_another_one_under_this_name_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(destinations, "iam_name", lambda bundle: "occupied")
        self.make().upload(self.bundle())
        monkeypatch.setattr(destinations.aws_store, "iam_certificate", lambda *_: None)
        with pytest.raises(Permanent, match="holds another one under occupied"):
            self.make().upload(self.bundle())


class TestAcm(AwsContract):
    plugin_class = AcmDestination
    wrong_values = {"accountNumber": "123", "region": "Europe"}
    more = {"region": "eu-west-1"}

    def arns(self, name: str) -> list[str]:
        acm = self.moto.client("acm", "eu-west-1")
        arns = [
            one["CertificateArn"]
            for one in acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]
        ]
        tags = {arn: acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] for arn in arns}
        return [arn for arn in arns if {"Key": TAG, "Value": name} in tags[arn]]

    def there(self, name: str) -> list[x509.Certificate]:
        arns = self.arns(name)
        if not arns:
            return []
        [arn] = arns
        found = self.moto.client("acm", "eu-west-1").get_certificate(CertificateArn=arn)
        leaf, *others = x509.load_pem_x509_certificates(f"{found['Certificate']}\n{found['CertificateChain']}".encode())
        return [leaf, *chains.order(leaf, others)]  # moto adds a root of Amazon's

    def test_a_successor_takes_the_place(self) -> None:
        made = self.make()
        made.upload(self.bundle("placed"))
        before = self.arns("placed")
        made.upload(self.bundle("placed"))
        assert self.arns("placed") == before

    def test_what_is_in_use_stays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """That moto would delete it; AWS does not."""
        bundle, made = self.bundle("used"), self.make()
        made.upload(bundle)
        acm = self.moto.client("acm", "eu-west-1")
        use = _Using(acm)
        monkeypatch.setattr(AcmDestination, "_acm", lambda _: use)
        with pytest.raises(Permanent, match="in use by arn:aws:elasticloadbalancing:x"):
            made.remove(bundle)
        assert self.there("used")


class _Using:
    """ACM, in which everything is in use."""

    def __init__(self, acm: Any) -> None:
        self.acm = acm

    def __getattr__(self, name: str) -> Any:
        return getattr(self.acm, name)

    def describe_certificate(self, **given: Any) -> Any:
        return {"Certificate": {"InUseBy": ["arn:aws:elasticloadbalancing:x"]}}


class TestS3(AwsContract):
    plugin_class = S3Destination
    wrong_values = {"bucket": "A", "prefix": "/x", "region": "Europe"}
    more = {"bucket": BUCKET, "prefix": "certs/"}
    shows_keys = True

    def text(self, name: str) -> bytes:
        s3 = self.moto.client("s3")
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
        key = f"certs/{name}.pem"
        return bytes(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) if key in keys else b""

    def there(self, name: str) -> list[x509.Certificate]:
        text = self.text(name).partition(b"-----BEGIN EC PRIVATE")[0]
        return x509.load_pem_x509_certificates(text) if text else []

    def key_there(self, name: str) -> Any:
        text = self.text(name)
        return load_pem_private_key(text[text.index(b"-----BEGIN EC PRIVATE") :], None)

    def test_another_account_is_another_place(self) -> None:
        """The bucket belongs to the first one."""
        with pytest.raises((Misconfigured, Permanent)):
            self.make(bucket="nobodys-bucket").upload(self.bundle("elsewhere"))

    def test_it_is_encrypted_there(self) -> None:
        self.make().upload(self.bundle("sealed"))
        self.make(encrypt=False).upload(self.bundle("open"))
        heads = {
            name: self.moto.client("s3").head_object(Bucket=BUCKET, Key=f"certs/{name}.pem")
            for name in ("sealed", "open")
        }
        assert heads["sealed"]["ServerSideEncryption"] == "AES256"
        assert "ServerSideEncryption" not in heads["open"]

    def test_a_bucket_that_is_not_there(self) -> None:
        with pytest.raises(Permanent, match="S3"):
            self.make(bucket="nobodys-bucket").check()

    def test_several_for_one_account(self) -> None:
        assert S3Destination.several_per_account
        assert not IamDestination.several_per_account


def test_addresses_that_are_not_contacted(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_allowed", ())
    made = IamDestination(parse(IamDestination.Options, moto.options(accountNumber=ACCOUNT)))
    with pytest.raises(Misconfigured, match="OUTBOUND_ALLOW can permit it"):
        made.check()


def test_a_bundle_without_a_chain(moto: Moto) -> None:
    bundle = sample_pki().bundle("no-chain")
    alone = Bundle(**{**vars(bundle), "chain": ()})
    for plugin in (IamDestination, AcmDestination):
        plugin(parse(plugin.Options, moto.options(accountNumber=ACCOUNT))).upload(alone)
    made = AcmDestination(parse(AcmDestination.Options, moto.options(accountNumber=ACCOUNT)))
    assert made.held("no-chain") == inspection.fingerprint(bundle.certificate)

"""aws-source against moto, which imitates AWS: certificates, load balancers, and what is removed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificate

from pki import containers, inspection, keys
from plugins import Bundle, FoundCertificate, FoundEndpoint, Permanent, Temporary, aws_store, network, parse
from plugins.aws import Account
from plugins.sources.aws import AwsSource
from plugins.testing import sample_pki
from plugins.testing_stores import CleaningContract, EndpointContract
from tests.servers.moto import Moto, moto_server
from tests.servers.sftp import free_port

ACCOUNT, REGION = "123456789012", "us-east-1"
REGIONS, all_regions = [REGION, "eu-west-1", "ap-southeast-2"], aws_store.regions


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with moto_server() as running:
        running.client("ec2").describe_regions()  # it loads a service when that is first asked, which takes its time
        for service in ("elb", "elbv2"):
            running.client(service).describe_load_balancers()
        yield running


@pytest.fixture(autouse=True)
def _few_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `regions` says itself has a test of its own."""
    monkeypatch.setattr(aws_store, "regions", lambda _: REGIONS)


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our servers listen."""
    monkeypatch.setattr(network, "_allowed", (ip_network("127.0.0.0/8"),))


def pem(bundle: Bundle) -> dict[str, str]:
    return {
        "CertificateBody": inspection.pem(bundle.certificate),
        "CertificateChain": containers.pem_bundle(bundle.chain[0], ()).decode(),
        "PrivateKey": keys.private_key_pem(bundle.private_key),  # type: ignore[arg-type]
    }


def in_iam(moto: Moto, bundle: Bundle, path: str = "/") -> str:
    name = f"{bundle.name}-{secrets.token_hex(4)}"
    made = moto.client("iam").upload_server_certificate(ServerCertificateName=name, Path=path, **pem(bundle))
    return str(made["ServerCertificateMetadata"]["Arn"])


def in_acm(moto: Moto, bundle: Bundle, region: str = REGION) -> str:
    given = pem(bundle)
    made = moto.client("acm", region).import_certificate(
        Certificate=given["CertificateBody"], PrivateKey=given["PrivateKey"], CertificateChain=given["CertificateChain"]
    )
    return str(made["CertificateArn"])


def application_balancer(moto: Moto, arn: str, region: str = REGION) -> tuple[str, int, str]:
    """Host, port, and the listener's ARN."""
    ec2, elb, name = moto.client("ec2", region), moto.client("elbv2", region), f"lb-{secrets.token_hex(4)}"
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{region}{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]
    made = elb.create_load_balancer(Name=name, Subnets=subnets)["LoadBalancers"][0]
    group = elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    listener = elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTPS", Port=443, SslPolicy="ELBSecurityPolicy-2016-08",
        Certificates=[{"CertificateArn": arn}], DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Listeners"][0]  # fmt: skip
    return made["DNSName"], 443, listener["ListenerArn"]


def classic_balancer(moto: Moto, arn: str) -> tuple[str, int]:
    name = f"classic-{secrets.token_hex(4)}"
    listener = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstancePort": 80, "SSLCertificateId": arn}
    made = moto.client("elb").create_load_balancer(
        LoadBalancerName=name, Listeners=[listener], AvailabilityZones=[f"{REGION}a"]
    )
    return made["DNSName"], 443


def source(moto: Moto, **changes: Any) -> AwsSource:
    return AwsSource(parse(AwsSource.Options, moto.options(accountNumber=ACCOUNT, regions=REGION, **changes)))


class Contract(EndpointContract, CleaningContract):
    plugin_class = AwsSource
    wrong_values = {"accountNumber": "123", "regions": "Europe", "path": "x", "endpointType": "cloudfront"}

    @pytest.fixture(autouse=True)
    def _running(self, moto: Moto) -> None:
        self.moto = moto
        self.values = moto.options(accountNumber=ACCOUNT, regions=REGION)  # type: ignore[misc]

    def put(self, bundle: Bundle) -> None:
        in_iam(self.moto, bundle)

    def spoil(self) -> None:
        """That moto takes it; AWS does not."""
        self.moto.client("iam").upload_server_certificate(
            ServerCertificateName=f"spoiled-{secrets.token_hex(4)}",
            CertificateBody="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            PrivateKey="x",
        )

    def broken(self) -> Any:
        return self.make(endpointUrl=f"http://127.0.0.1:{free_port()}")

    def use(self, bundle: Bundle) -> None:
        self.serve(bundle)

    def body(self, arn: str) -> str:
        name = arn.rpartition("/")[2]
        return str(
            self.moto.client("iam").get_server_certificate(ServerCertificateName=name)["ServerCertificate"][
                "CertificateBody"
            ]
        )

    def fingerprint(self, arn: str) -> str:
        return inspection.fingerprint(load_pem_x509_certificate(self.body(arn).encode()))


class TestWithApplicationBalancers(Contract):
    def serve(self, bundle: Bundle) -> tuple[str, int]:
        return application_balancer(self.moto, in_iam(self.moto, bundle))[:2]

    def served(self, endpoint: FoundEndpoint) -> str:
        arn = endpoint.reference.partition("/")[2]
        [listener] = self.moto.client("elbv2").describe_listeners(ListenerArns=[arn])["Listeners"]
        return self.fingerprint(listener["Certificates"][0]["CertificateArn"])

    def test_what_an_endpoint_says(self) -> None:
        found = self.seen(sample_pki().bundle("described"))
        assert (found.kind, found.policy) == ("elbv2", "ELBSecurityPolicy-2016-08")
        assert "ECDHE-ECDSA-AES128-GCM-SHA256" in found.ciphers
        assert found.aliases[0].startswith("lb-")


class TestWithClassicBalancers(Contract):
    def serve(self, bundle: Bundle) -> tuple[str, int]:
        return classic_balancer(self.moto, in_iam(self.moto, bundle))

    def served(self, endpoint: FoundEndpoint) -> str:
        name = endpoint.reference.partition("/")[2]
        [found] = self.moto.client("elb").describe_load_balancers(LoadBalancerNames=[name])["LoadBalancerDescriptions"]
        return self.fingerprint(found["ListenerDescriptions"][0]["Listener"]["SSLCertificateId"])


def found_in(made: AwsSource, bundle: Bundle) -> FoundCertificate:
    return next(one for one in made.certificates() if one.certificate == bundle.certificate)


def test_acm_is_read_in_each_region(moto: Moto) -> None:
    bundle = sample_pki().bundle("abroad")
    arn = in_acm(moto, bundle, "eu-west-1")
    assert bundle.certificate not in [one.certificate for one in source(moto).certificates()]
    for regions in ("us-east-1, eu-west-1", None):
        made = AwsSource(parse(AwsSource.Options, moto.options(accountNumber=ACCOUNT, regions=regions)))
        found = found_in(made, bundle)
        assert (found.external_id, found.chain) == (arn, (bundle.chain[0],))


def test_a_path_of_iam(moto: Moto) -> None:
    inside, outside = sample_pki().bundle("inside"), sample_pki().bundle("outside")
    in_iam(moto, inside, "/web/")
    in_iam(moto, outside, "/mail/")
    found = [one.certificate for one in source(moto, path="/web/").certificates()]
    assert inside.certificate in found
    assert outside.certificate not in found


def test_a_listener_takes_a_certificate_of_acm(moto: Moto) -> None:
    old, new, made = sample_pki().bundle("iam"), sample_pki().bundle("acm"), source(moto)
    host, port, listener = application_balancer(moto, in_iam(moto, old))
    arn = in_acm(moto, new)
    [endpoint] = [one for one in made.endpoints() if (one.host, one.port) == (host, port)]
    made.swap(endpoint, new)
    [there] = moto.client("elbv2").describe_listeners(ListenerArns=[listener])["Listeners"]
    assert there["Certificates"][0]["CertificateArn"] == arn
    with pytest.raises(Temporary, match="deliver it there first"):
        made.swap(endpoint, sample_pki().bundle("nowhere"))
    with pytest.raises(Permanent, match="no load balancer"):
        made.swap(FoundEndpoint(host="x", port=1, kind="iam"), new)


def test_certificates_for_other_names_are_in_use_too(moto: Moto) -> None:
    one, other = sample_pki().bundle("default"), sample_pki().bundle("by-name")
    *_, listener = application_balancer(moto, in_iam(moto, one))
    arn = in_iam(moto, other)
    moto.client("elbv2").add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": arn}])
    with pytest.raises(Permanent, match="in use by lb-"):
        source(moto).clean(found_in(source(moto), other))


def test_a_balancer_in_another_region_counts(moto: Moto) -> None:
    bundle = sample_pki().bundle("far-away")
    application_balancer(moto, in_iam(moto, bundle), "ap-southeast-2")
    with pytest.raises(Permanent, match="in ap-southeast-2"):
        source(moto).clean(found_in(source(moto), bundle))


def test_what_is_removed_from_acm(moto: Moto) -> None:
    unused, used, made = sample_pki().bundle("unused"), sample_pki().bundle("used"), source(moto)
    in_acm(moto, unused)
    application_balancer(moto, in_acm(moto, used))
    found = found_in(made, unused)
    made.clean(found)
    made.clean(found)
    assert unused.certificate not in [one.certificate for one in made.certificates()]
    with pytest.raises(Permanent, match="in use by arn:aws:elasticloadbalancing"):
        made.clean(found_in(made, used))


@pytest.mark.parametrize("arn", ["", "x", "arn:aws:iam::123456789012:server-certificate/cloudfront/x"])
def test_what_is_not_removed(moto: Moto, arn: str) -> None:
    found = FoundCertificate(certificate=sample_pki().bundle().certificate, external_id=arn)
    with pytest.raises(Permanent):
        source(moto).clean(found)


def test_without_endpoints(moto: Moto) -> None:
    assert list(source(moto, endpointType="none").endpoints()) == []


def test_all_regions_of_the_account(moto: Moto) -> None:
    found = all_regions(Account(source(moto).options, region=REGION))
    assert set(REGIONS) < set(found)

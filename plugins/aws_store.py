"""Certificates in an AWS account: those of IAM, of ACM, and the load balancers that use them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError
from cryptography import x509
from pydantic import Field

from pki import chains, containers
from pki.errors import PkiError
from pki.keys import private_key_pem
from plugins.aws import Account, AwsOptions
from plugins.errors import Permanent, refusing
from plugins.values import Bundle

GLOBAL: Final = "us-east-1"
"""Where services without regions are asked."""
REGION: Final = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
IAM_PATH: Final = r"^/([A-Za-z0-9._-]+/)*$"
# ACM lists RSA keys of up to 2048 bits alone, unless it is told otherwise.
_KEY_TYPES: Final = [
    "RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1",
]  # fmt: skip


class AccountOptions(AwsOptions):
    """Options by Lemur's names."""

    account_id: str = Field(
        pattern=r"^[0-9]{12}$", alias="accountNumber", description="The account (12 digits) whose role is taken."
    )


@dataclass(frozen=True)
class Kept:
    """A certificate of the account. `body` and `chain` are PEM, as they are there."""

    arn: str
    name: str
    body: str
    chain: str

    def parsed(self) -> list[x509.Certificate]:
        """The certificate, then what of its chain leads on; nothing if it cannot be read."""
        try:
            leaf, *others = chains.split(f"{self.body}\n{self.chain}", limit=containers.MOST_CERTIFICATES)
        except (PkiError, ValueError):
            return []
        return [leaf, *chains.order(leaf, others)]


@dataclass(frozen=True)
class Listener:
    """A port of a load balancer. `arns` are the certificates it uses, the one without SNI first."""

    kind: str
    region: str
    name: str
    host: str
    port: int
    arns: tuple[str, ...]
    reference: str
    policy: str = ""
    ciphers: tuple[str, ...] = ()


def parts(bundle: Bundle, slug: str) -> tuple[bytes, bytes, bytes]:
    """Certificate, chain without the root, and key as AWS takes them."""
    if bundle.private_key is None:
        raise Permanent(f"'{bundle.name}' cannot be delivered to {slug} without its private key.")
    with refusing(f"'{bundle.name}' cannot be written as PEM"):
        chain = b"".join(containers.pem_bundle(one, ()) for one in chains.without_root(bundle.chain))
        return containers.pem_bundle(bundle.certificate, ()), chain, private_key_pem(bundle.private_key).encode()


def iam_certificates(account: Account, path: str = "/") -> Iterator[Kept]:
    iam = account.client("iam", region=GLOBAL)
    for page in iam.get_paginator("list_server_certificates").paginate(PathPrefix=path):
        for one in page["ServerCertificateMetadataList"]:
            found = iam_certificate(iam, one["ServerCertificateName"]) if one["Path"].startswith(path) else None
            if found is not None:
                yield found


def iam_certificate(iam: Any, name: str) -> Kept | None:
    found = unless(lambda: iam.get_server_certificate(ServerCertificateName=name), "NoSuchEntity")
    if found is None:
        return None
    one = found["ServerCertificate"]
    arn = one["ServerCertificateMetadata"]["Arn"]
    return Kept(arn, name, one["CertificateBody"], one.get("CertificateChain") or "")


def acm_summaries(acm: Any) -> Iterator[dict[str, Any]]:
    """What ACM says of each certificate that was imported."""
    for page in acm.get_paginator("list_certificates").paginate(Includes={"keyTypes": _KEY_TYPES}):
        yield from (one for one in page["CertificateSummaryList"] if one.get("Type", "IMPORTED") == "IMPORTED")


def acm_certificate(acm: Any, arn: str) -> Kept | None:
    found = unless(lambda: acm.get_certificate(CertificateArn=arn), "ResourceNotFoundException")
    return None if found is None else Kept(arn, arn, found["Certificate"], found.get("CertificateChain") or "")


def acm_certificates(account: Account, region: str) -> Iterator[Kept]:
    acm = account.client("acm", region=region)
    for one in acm_summaries(acm):
        found = acm_certificate(acm, one["CertificateArn"])
        if found is not None:
            yield found


def regions(account: Account) -> list[str]:
    """All that the account may use."""
    found = account.client("ec2", region=GLOBAL).describe_regions()
    return sorted(one["RegionName"] for one in found["Regions"])


def listeners(account: Account, region: str) -> Iterator[Listener]:
    yield from _application(account.client("elbv2", region=region), region)
    yield from _classic(account.client("elb", region=region), region)


def _application(elb: Any, region: str) -> Iterator[Listener]:
    """Application and network load balancers."""
    policies: dict[str, tuple[str, ...]] = {}
    for page in elb.get_paginator("describe_load_balancers").paginate():
        for balancer in page["LoadBalancers"]:
            found = elb.get_paginator("describe_listeners").paginate(LoadBalancerArn=balancer["LoadBalancerArn"])
            for listener in (one for each in found for one in each["Listeners"] if one.get("Certificates")):
                policy = listener.get("SslPolicy", "")
                if policy and policy not in policies:
                    policies[policy] = _ciphers(elb, policy)
                yield Listener(
                    kind="elbv2",
                    region=region,
                    name=balancer["LoadBalancerName"],
                    host=balancer["DNSName"],
                    port=listener["Port"],
                    arns=_arns(elb, listener),
                    reference=listener["ListenerArn"],
                    policy=policy,
                    ciphers=policies.get(policy, ()),
                )


def _arns(elb: Any, listener: dict[str, Any]) -> tuple[str, ...]:
    default = [one["CertificateArn"] for one in listener["Certificates"]]
    pages = elb.get_paginator("describe_listener_certificates").paginate(ListenerArn=listener["ListenerArn"])
    by_name = [one["CertificateArn"] for page in pages for one in page["Certificates"]]
    return tuple(dict.fromkeys([*default, *by_name]))


def _ciphers(elb: Any, policy: str) -> tuple[str, ...]:
    found = elb.describe_ssl_policies(Names=[policy])["SslPolicies"]
    return tuple(cipher["Name"] for one in found for cipher in one["Ciphers"])


def _classic(elb: Any, region: str) -> Iterator[Listener]:
    for page in elb.get_paginator("describe_load_balancers").paginate():
        for balancer in page["LoadBalancerDescriptions"]:
            for described in balancer["ListenerDescriptions"]:
                one: dict[str, Any] = described["Listener"]
                if one.get("SSLCertificateId"):
                    yield Listener(
                        kind="elb",
                        region=region,
                        name=balancer["LoadBalancerName"],
                        host=balancer["DNSName"],
                        port=one["LoadBalancerPort"],
                        arns=(one["SSLCertificateId"],),
                        reference=balancer["LoadBalancerName"],
                        policy=next(iter(described.get("PolicyNames", [])), ""),
                    )


def unless(call: Any, *codes: str) -> Any:
    """What the call returns; None if AWS answers with one of these codes."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise

"""Certificates of an AWS account in IAM and ACM, and the load balancers that serve them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from pki import inspection
from plugins import aws, aws_store
from plugins.aws import Account
from plugins.aws_store import GLOBAL, IAM_PATH, REGION, AccountOptions, Kept, Listener
from plugins.contracts import Cleans, SeesEndpoints, Source, SwapsEndpoints
from plugins.errors import Permanent, Temporary
from plugins.values import Bundle, FoundCertificate, FoundEndpoint

log = logging.getLogger(__name__)

CLOUDFRONT = "/cloudfront/"


def _regions(text: str) -> str:
    names = _split(text)
    if wrong := next((name for name in names if not re.fullmatch(REGION, name)), None):
        raise ValueError(f"'{wrong[:40]}' is no region such as eu-west-1")
    return ",".join(names)


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(filter(None, re.split(r"[\s,]+", text))))


class AwsSource(Source, SeesEndpoints, SwapsEndpoints, Cleans):
    """Of a listener that uses several certificates by SNI, the endpoint is the one that is served without it."""

    slug = "aws-source"
    title = "AWS"
    description = "Certificates of IAM and ACM, and the load balancers that serve them."

    class Options(AccountOptions):
        regions: Annotated[str, AfterValidator(_regions)] = Field(
            "", max_length=500, description="Where to look, with commas between them; everywhere, if there is none."
        )
        path: str = Field(
            "/", pattern=IAM_PATH, max_length=512, description="Only certificates of IAM below this path."
        )
        endpoint_type: Literal["elb", "none"] = Field("elb", description="elb: load balancers of every kind.")

    options: Options

    def check(self) -> None:
        """Take the role, and list certificates."""
        with aws.explained("IAM"):
            aws.client("iam", self.options, region=GLOBAL).list_server_certificates(MaxItems=1)

    def certificates(self) -> Iterator[FoundCertificate]:
        with aws.explained("AWS"):
            for one in self._kept(self._account()):
                certificates = one.parsed()
                if certificates:
                    leaf, *chain = certificates
                    yield FoundCertificate(
                        certificate=leaf, chain=tuple(chain), name=one.name, external_id=one.arn, where=one.arn
                    )
                else:
                    log.warning("source.certificate_left_out", extra={"arn": one.arn})

    def endpoints(self) -> Iterator[FoundEndpoint]:
        if self.options.endpoint_type == "none":
            return
        with aws.explained("AWS"):
            account = self._account()
            known = {one.arn: one.parsed() for one in self._kept(account)}
            for region in self._regions(account):
                for listener in aws_store.listeners(account, region):
                    yield _endpoint(listener, known.get(listener.arns[0], []))

    def swap(self, endpoint: FoundEndpoint, bundle: Bundle) -> None:
        """Temporary while the account does not have the certificate, where this load balancer can use it."""
        region, _, reference = endpoint.reference.partition("/")
        if endpoint.kind not in ("elb", "elbv2"):
            raise Permanent(f"'{endpoint.kind[:40]}' is no load balancer of AWS.")
        with aws.explained("AWS"):
            account = self._account()
            there = self._kept(account, [region])
            arn = next((one.arn for one in there if one.parsed()[:1] == [bundle.certificate]), None)
            if arn is None:
                raise Temporary(f"Neither IAM nor ACM in {region} has this certificate; deliver it there first.")
            _attach(account.client(endpoint.kind, region=region), endpoint, reference, arn)

    def clean(self, found: FoundCertificate) -> None:
        """All regions are asked whether a load balancer uses it, since IAM itself does not say."""
        arn = found.external_id or ""
        with aws.explained("AWS"):
            if ":acm:" in arn:
                _clean_acm(self._account().client("acm", region=arn.split(":")[3]), arn)
            elif ":server-certificate/" in arn:
                _clean_iam(self._account(), arn)
            else:
                raise Permanent(f"'{arn[:200]}' is no certificate of IAM or ACM.")

    def _account(self) -> Account:
        return Account(self.options, region=GLOBAL)

    def _kept(self, account: Account, regions: list[str] | None = None) -> Iterator[Kept]:
        yield from aws_store.iam_certificates(account, self.options.path)
        for region in self._regions(account) if regions is None else regions:
            yield from aws_store.acm_certificates(account, region)

    def _regions(self, account: Account) -> list[str]:
        return _split(self.options.regions) or aws_store.regions(account)


def _attach(elb: Any, endpoint: FoundEndpoint, reference: str, arn: str) -> None:
    if endpoint.kind == "elbv2":
        elb.modify_listener(ListenerArn=reference, Certificates=[{"CertificateArn": arn}])
    else:
        elb.set_load_balancer_listener_ssl_certificate(
            LoadBalancerName=reference, LoadBalancerPort=endpoint.port, SSLCertificateId=arn
        )


def _clean_acm(acm: Any, arn: str) -> None:
    found = aws_store.unless(lambda: acm.describe_certificate(CertificateArn=arn), "ResourceNotFoundException")
    if found is None:
        return
    if users := found["Certificate"].get("InUseBy"):
        raise Permanent(f"It is in use by {users[0]}.")
    acm.delete_certificate(CertificateArn=arn)


def _clean_iam(account: Account, arn: str) -> None:
    if CLOUDFRONT in arn:
        raise Permanent("It may be in use by CloudFront, which is not asked; remove it there and in IAM by hand.")
    for region in aws_store.regions(account):
        for listener in aws_store.listeners(account, region):
            if arn in listener.arns:
                raise Permanent(f"It is in use by {listener.name} in {region}, port {listener.port}.")
    iam, name = account.client("iam", region=GLOBAL), arn.rpartition("/")[2]
    aws_store.unless(lambda: iam.delete_server_certificate(ServerCertificateName=name), "NoSuchEntity")


def _endpoint(listener: Listener, certificates: list[Any]) -> FoundEndpoint:
    leaf = certificates[0] if certificates else None
    return FoundEndpoint(
        host=listener.host,
        port=listener.port,
        kind=listener.kind,
        fingerprint=inspection.fingerprint(leaf) if leaf else None,
        certificate=leaf,
        chain=tuple(certificates[1:]),
        policy=listener.policy,
        ciphers=listener.ciphers,
        aliases=(listener.name,),
        reference=f"{listener.region}/{listener.reference}",
    )

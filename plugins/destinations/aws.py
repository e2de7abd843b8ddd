"""Certificates for what runs at AWS: in IAM, in ACM, and as files in S3."""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from pydantic import Field

from pki import inspection
from plugins import aws, aws_store
from plugins.aws_store import GLOBAL, IAM_PATH, REGION, AccountOptions, Kept
from plugins.contracts import Confirms, Destination, Removes, Shows
from plugins.destinations import layout
from plugins.errors import Permanent
from plugins.values import Bundle

TAG: Final = "lemur-name"
_LONGEST_NAME: Final = 128


class IamDestination(Destination):
    """IAM cannot change a certificate that it has: each gets a name of its own, which ends with its fingerprint.

    Nothing is taken away here, since IAM deletes what a load balancer still uses: that is for aws-source, which looks.
    """

    slug = "aws-destination"
    title = "AWS IAM"
    description = "Server certificates of IAM, for load balancers."

    class Options(AccountOptions):
        path: str = Field(
            "/", pattern=IAM_PATH, max_length=512, description="Path of the certificate: /, /cloudfront/."
        )

    options: Options

    def check(self) -> None:
        """Take the role, and list certificates."""
        with aws.explained("IAM"):
            aws.client("iam", self.options, region=GLOBAL).list_server_certificates(MaxItems=1)

    def upload(self, bundle: Bundle) -> None:
        body, chain, key = aws_store.parts(bundle, self.slug)
        name = iam_name(bundle)
        given = {"CertificateChain": chain.decode()} if chain else {}
        with aws.explained("IAM"):
            iam = aws.client("iam", self.options, region=GLOBAL)
            if _is(aws_store.iam_certificate(iam, name), bundle):
                return
            iam.upload_server_certificate(
                Path=self.options.path,
                ServerCertificateName=name,
                CertificateBody=body.decode(),
                PrivateKey=key.decode(),
                **given,
            )
            if not _is(aws_store.iam_certificate(iam, name), bundle):
                raise Permanent(f"IAM took the certificate, and holds another one under {name}.")


def iam_name(bundle: Bundle) -> str:
    """What it is called in IAM."""
    layout.names(bundle.name)
    end = f"-{inspection.fingerprint(bundle.certificate)[:16]}"
    return bundle.name[: _LONGEST_NAME - len(end)] + end


def _is(found: Kept | None, bundle: Bundle) -> bool:
    return found is not None and found.parsed()[:1] == [bundle.certificate]


class AcmDestination(Destination, Confirms, Shows, Removes):
    """A successor takes the place of what is there under its name (a tag): whatever uses that serves it at once."""

    slug = "aws-acm-dest"
    title = "AWS ACM"
    description = "Imported certificates of the Certificate Manager of a region."

    class Options(AccountOptions):
        region: str = Field(GLOBAL, pattern=REGION, description="The region, such as eu-west-1.")

    options: Options

    def check(self) -> None:
        """Take the role, and list certificates."""
        with aws.explained("ACM"):
            self._acm().list_certificates(MaxItems=1)

    def upload(self, bundle: Bundle) -> None:
        body, chain, key = aws_store.parts(bundle, self.slug)
        layout.names(bundle.name)
        given: dict[str, Any] = {"CertificateChain": chain} if chain else {}
        tags = [{"Key": TAG, "Value": bundle.name}]
        with aws.explained("ACM"):
            acm = self._acm()
            arn = _arn(acm, bundle.name)
            if arn is None:
                acm.import_certificate(Certificate=body, PrivateKey=key, Tags=tags, **given)
            else:
                acm.import_certificate(Certificate=body, PrivateKey=key, CertificateArn=arn, **given)
                acm.add_tags_to_certificate(CertificateArn=arn, Tags=tags)  # that AWS keeps them nobody promises

    def held(self, name: str) -> str | None:
        with aws.explained("ACM"):
            acm = self._acm()
            found = _found(acm, name)
        if found is None:
            return None
        parsed = found.parsed()
        return inspection.fingerprint(parsed[0]) if parsed else ""

    def shown(self, name: str) -> x509.Certificate | None:
        with aws.explained("ACM"):
            found = _found(self._acm(), name)
        return next(iter(found.parsed()), None) if found else None

    def remove(self, bundle: Bundle) -> None:
        """Permanent while something uses it, which ACM says itself."""
        with aws.explained("ACM"):
            acm = self._acm()
            found = _found(acm, bundle.name)
            if found is None or not _is(found, bundle):
                return
            users = acm.describe_certificate(CertificateArn=found.arn)["Certificate"].get("InUseBy")
            if users:
                raise Permanent(f"It is in use by {users[0]}; have that use another one first.")
            acm.delete_certificate(CertificateArn=found.arn)

    def _acm(self) -> Any:
        return aws.client("acm", self.options, region=self.options.region)


def _found(acm: Any, name: str) -> Kept | None:
    arn = _arn(acm, name)
    return None if arn is None else aws_store.acm_certificate(acm, arn)


def _arn(acm: Any, name: str) -> str | None:
    """Of what was imported under this name; those of the same domain are asked for their tags first."""
    domain = name.replace("WILDCARD.", "*.", 1)
    summaries = sorted(aws_store.acm_summaries(acm), key=lambda one: one.get("DomainName", "").lower() != domain)
    for one in summaries:
        tags = acm.list_tags_for_certificate(CertificateArn=one["CertificateArn"])["Tags"]
        if {"Key": TAG, "Value": name} in tags:
            return str(one["CertificateArn"])
    return None


class S3Destination(Destination, Confirms, Shows, Removes):
    """One object for each certificate, with chain and key in it, so that nobody reads halves of two."""

    slug = "aws-s3"
    title = "AWS S3"
    description = "A PEM file in a bucket, with certificate, chain and key."
    several_per_account = True

    class Options(AccountOptions):
        bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="The bucket.")
        region: str = Field(GLOBAL, pattern=REGION, description="Where the bucket is, such as eu-west-1.")
        prefix: str = Field(
            "", pattern=r"^([A-Za-z0-9._-]+/)*$", max_length=500, description="Before the name: certificates/."
        )
        encrypt: bool = Field(default=True, description="Have S3 encrypt it (SSE-S3, AES-256).")

    options: Options

    def check(self) -> None:
        """Take the role, and look whether the bucket is there."""
        with aws.explained("S3"):
            self._s3().head_bucket(Bucket=self.options.bucket)

    def upload(self, bundle: Bundle) -> None:
        [file] = layout.files(bundle, "HAProxy", slug=self.slug).values()
        encryption = {"ServerSideEncryption": "AES256"} if self.options.encrypt else {}
        with aws.explained("S3"):
            self._s3().put_object(**self._object(bundle.name), Body=file.data, **encryption)

    def held(self, name: str) -> str | None:
        content = self._content(name)
        return None if content is None else layout.fingerprint_in(content)

    def shown(self, name: str) -> x509.Certificate | None:
        return layout.certificate_in(self._content(name) or b"")

    def remove(self, bundle: Bundle) -> None:
        """Of a bucket with versions, older ones stay."""
        if self.held(bundle.name) == inspection.fingerprint(bundle.certificate):
            with aws.explained("S3"):
                self._s3().delete_object(**self._object(bundle.name))

    def _content(self, name: str) -> bytes | None:
        with aws.explained("S3"):
            found = aws_store.unless(lambda: self._s3().get_object(**self._object(name)), "NoSuchKey")
            content: bytes | None = None if found is None else found["Body"].read()
        return content

    def _s3(self) -> Any:
        return aws.client("s3", self.options, region=self.options.region)

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self.options.bucket, "Key": f"{self.options.prefix}{layout.names(name)[-1]}"}

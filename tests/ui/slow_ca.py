"""A certificate authority that takes its time: a plugin that the product of these tests finds like anybody's package.

What it does with an order is in the first part of the name that the certificate is for: "wait" is not issued yet, but
left in the folder for whoever looks there; "doubt" is accepted and fails later; "refuse" is refused; the first "slow" is
issued and those after it are not; anything else is issued.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cryptography.x509.oid import NameOID

from pki import requests
from plugins import CaRequest, CreatesAuthorities, FinishesLater, Issued, Issuer, IssueRequest, Pending, Permanent
from plugins.issuers.internal_ca import InternalCa
from plugins.options import PluginOptions

SLUG = "slow-ca"


class SlowOptions(PluginOptions):
    """Where it leaves what it issued."""

    folder: str


class SlowCa(Issuer, CreatesAuthorities, FinishesLater):
    """Signs with our own CA's means, late or not at all."""

    slug = SLUG
    title = "Slow CA"
    Options = SlowOptions
    options: SlowOptions

    def issue(self, request: IssueRequest) -> Issued | Pending:
        mood = _common_name(request).partition(".")[0]
        if mood == "refuse":
            raise Permanent("This name is not allowed here.")
        issued, left = InternalCa().issue(request), Path(self.options.folder) / f"{_common_name(request)}.pem"
        slow = mood in {"wait", "doubt"} or (mood == "slow" and left.exists())
        left.write_text(issued.body)
        if not slow:
            return issued
        return Pending(f"R-{request.reference}", timedelta(seconds=1) if mood == "doubt" else timedelta(days=1))

    def finish(self, request: IssueRequest) -> Issued | Pending:
        if _common_name(request).startswith("doubt."):
            raise Permanent("The answer was cut off.")
        return InternalCa().issue(request)

    def cancel(self, request: IssueRequest) -> None:
        """Nothing to withdraw."""

    def create_authority(self, request: CaRequest) -> Issued:
        return InternalCa().create_authority(request)


def _common_name(request: IssueRequest) -> str:
    [name] = requests.read(request.csr).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def install(folder: Path) -> str:
    """What an installer would write about a package with this plugin; returns what PYTHONPATH must hold."""
    written = folder / "slow_ca-1.0.dist-info"
    written.mkdir(parents=True)
    (written / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-ca\nVersion: 1.0\n")
    (written / "entry_points.txt").write_text(f"[lemur.plugins]\nissuer.{SLUG} = {__name__}:SlowCa\n")
    return str(folder)

"""What the outside world must look like to us: a small contract per kind of system, a registry, the built-in plugins.

For authors of plugins: subclass a contract, declare `Options`, raise the errors below, prove it with `plugins.testing`,
and offer the class as an entry point of the group `lemur.plugins`, named `issuer.my-ca`.
"""

from plugins.contracts import (
    Confirms,
    CreatesAuthorities,
    Destination,
    Exporter,
    ExportsKeys,
    FinishesLater,
    Issuer,
    KeyCustody,
    Notifier,
    Plugin,
    Removes,
    Revokes,
    Source,
)
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary
from plugins.options import TARGET, NoOptions, OptionErrors, PluginOptions, describe, parse
from plugins.registry import PluginUnavailable, registry
from plugins.values import (
    Bundle,
    CaMaterial,
    CaRequest,
    Exported,
    FoundCertificate,
    Issued,
    IssueRequest,
    Message,
    Pending,
    RevokeRequest,
)

__all__ = [
    "TARGET",
    "Bundle",
    "CaMaterial",
    "CaRequest",
    "Confirms",
    "CreatesAuthorities",
    "Destination",
    "Exported",
    "Exporter",
    "ExportsKeys",
    "FinishesLater",
    "FoundCertificate",
    "IssueRequest",
    "Issued",
    "Issuer",
    "KeyCustody",
    "Message",
    "Misconfigured",
    "NoOptions",
    "Notifier",
    "OptionErrors",
    "Pending",
    "Permanent",
    "Plugin",
    "PluginError",
    "PluginOptions",
    "PluginUnavailable",
    "Removes",
    "RevokeRequest",
    "Revokes",
    "Source",
    "Temporary",
    "describe",
    "parse",
    "registry",
]

"""What the outside world must look like to us: a small contract per kind of system, a registry, the built-in plugins.

For authors of plugins: subclass a contract, declare `Options`, raise the errors below, prove it with `plugins.testing`,
and offer the class as an entry point of the group `lemur.plugins`, named `issuer.my-ca`.
"""

from plugins.contracts import (
    CreatesAuthorities,
    Exporter,
    ExportsKeys,
    FinishesLater,
    Issuer,
    KeyCustody,
    Plugin,
    Revokes,
)
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary
from plugins.options import NoOptions, OptionErrors, PluginOptions, describe, parse
from plugins.registry import PluginUnavailable, registry
from plugins.values import Bundle, CaMaterial, CaRequest, Exported, Issued, IssueRequest, Pending, RevokeRequest

__all__ = [
    "Bundle",
    "CaMaterial",
    "CaRequest",
    "CreatesAuthorities",
    "Exported",
    "Exporter",
    "ExportsKeys",
    "FinishesLater",
    "IssueRequest",
    "Issued",
    "Issuer",
    "KeyCustody",
    "Misconfigured",
    "NoOptions",
    "OptionErrors",
    "Pending",
    "Permanent",
    "Plugin",
    "PluginError",
    "PluginOptions",
    "PluginUnavailable",
    "RevokeRequest",
    "Revokes",
    "Temporary",
    "describe",
    "parse",
    "registry",
]

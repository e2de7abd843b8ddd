"""Exporting: a certificate, its chain and where asked its key, in the form that some other program wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from accounts.models import User
from accounts.service import acting, require_recent_proof
from certificates.models import Certificate
from certificates.permissions import permissions
from core import keys
from core.audit import Event, record
from core.commits import committing
from core.errors import Invalid
from core.plugins import named_plugin
from plugins import OptionErrors, parse
from plugins.contracts import Exporter
from plugins.errors import PluginError
from plugins.values import Bundle, Exported


def export(
    cert: Certificate, export_plugin: Mapping[str, Any], *, by: User | None = None
) -> tuple[str, str | None, bytes]:
    """The certificate in the form that ``{"slug": …, "pluginOptions": […]}`` asks for: (extension, passphrase, data).

    Permission is asked on the certificate before the plugin is looked at. An export that hands out the key is audited
    as such.
    """
    by = acting(by)
    permissions.require(by, "view", cert)
    plugin = _open(export_plugin)
    if plugin.needs_key:
        message = f"You are not authorized to export this certificate with {plugin.slug}."
        permissions.require(by, "export", cert, message=message)
        require_recent_proof()
    return _export(cert, plugin, by=by)


def _export(cert: Certificate, plugin: Exporter, *, by: User) -> tuple[str, str | None, bytes]:
    """The file is made outside of the transaction, and given out only once it is written down that it is."""
    try:
        exported: Exported = plugin.export(bundle(cert, with_key=plugin.needs_key))
    except PluginError as error:
        raise Invalid(str(error)) from error
    event = Event.KEY_REVEALED if plugin.reveals_key else Event.CERTIFICATE_EXPORTED
    with committing("certificate.export"):
        record(event, cert, by=by, plugin=plugin.slug)
    return exported.extension, exported.passphrase, exported.data


def bundle(certificate: Certificate, *, with_key: bool) -> Bundle:
    """The certificate and what goes with it, as plugins take it. The caller has asked the permissions."""
    with_key = with_key and certificate.private_key is not None
    return Bundle(
        name=certificate.name,
        certificate=certificate.parsed,
        chain=tuple(certificate.issuers),
        private_key=keys.reveal(cast(str, certificate.private_key)) if with_key else None,
        csr=certificate.csr,
    )


def _open(chosen: Mapping[str, Any]) -> Exporter:
    slug = chosen.get("slug")
    if not isinstance(slug, str) or not slug:
        raise Invalid(reasons={"plugin": {"slug": "Missing data for required field."}})
    plugin: type[Exporter] = named_plugin(slug, "export")
    try:
        return plugin(parse(plugin.Options, chosen.get("plugin_options", chosen.get("pluginOptions")) or {}))
    except OptionErrors as error:
        raise Invalid(reasons={"plugin": {"plugin_options": error.errors}}) from error

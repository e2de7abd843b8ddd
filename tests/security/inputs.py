"""The input serializer of each request of the API that takes a body, by its name in the permission table."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as drf

from accounts.api import Credentials
from accounts.serializers import ApiKeyEdit, ApiKeyRequest, RoleEdit, RoleRequest, UserEdit, UserRequest
from authorities.api_dns import ProviderEdit, ProviderInput
from authorities.serializers import AuthorityEdit, AuthorityImport, AuthorityRequest
from certificates.api_policies import PolicyEdit, PolicyInput
from certificates.api_revocation import RevocationRequest
from certificates.serializers_input import (
    CertificateEdit,
    CertificateRequest,
    CertificateUpload,
    Description,
    DomainEdit,
    DomainInput,
    ExportRequest,
    NewOwner,
    OrderCancel,
    OrderEdit,
    OrderUpload,
    Reissue,
    Switches,
)
from lifecycle.serializers import Assignment, SyncRequest
from notifications.api_notices import SnoozeInput
from notifications.serializers import NotificationEdit, NotificationInput
from stores.serializers import DestinationEdit, DestinationRequest, SourceEdit, SourceRequest

INPUTS: dict[str, type[drf.BaseSerializer[Any]]] = {
    "POST /api/1/auth/login": Credentials,
    "POST /api/1/authorities": AuthorityRequest,
    "POST /api/1/authorities/import": AuthorityImport,
    "PUT /api/1/authorities/{}": AuthorityEdit,
    "POST /api/1/certificates": CertificateRequest,
    "POST /api/1/certificates/upload": CertificateUpload,
    "PUT /api/1/certificates/{}": CertificateEdit,
    "PATCH /api/1/certificates/{}": CertificateEdit,
    "POST /api/1/destinations": DestinationRequest,
    "PUT /api/1/destinations/{}": DestinationEdit,
    "POST /api/1/sources": SourceRequest,
    "PUT /api/1/sources/{}": SourceEdit,
    "POST /api/1/certificates/{}/export": ExportRequest,
    "POST /api/1/certificates/{}": Switches,
    "POST /api/1/certificates/{}/update/switches": Switches,
    "PUT /api/1/certificates/{}/update/switches": CertificateEdit,
    "POST /api/1/certificates/{}/update/owner": NewOwner,
    "PUT /api/1/certificates/{}/description": Description,
    "POST /api/1/certificates/{}/reissue": Reissue,
    "PUT /api/1/pending_certificates/{}": OrderEdit,
    "POST /api/1/pending_certificates/{}/upload": OrderUpload,
    "POST /api/1/domains": DomainInput,
    "PUT /api/1/domains/{}": DomainEdit,
    "POST /api/1/dns_providers": ProviderInput,
    "PUT /api/1/dns_providers/{}": ProviderEdit,
    "PUT /api/1/certificates/{}/revoke": RevocationRequest,
    "POST /api/1/users": UserRequest,
    "PUT /api/1/users/{}": UserEdit,
    "POST /api/1/users/{}/keys": ApiKeyRequest,
    "PUT /api/1/users/{}/keys/{}": ApiKeyEdit,
    "POST /api/1/keys": ApiKeyRequest,
    "PUT /api/1/keys/{}": ApiKeyEdit,
    "POST /api/1/roles": RoleRequest,
    "PUT /api/1/roles/{}": RoleEdit,
    "POST /api/1/notifications": NotificationInput,
    "PUT /api/1/notifications/{}": NotificationEdit,
    "PUT /api/1/notices/{}/snooze": SnoozeInput,
    "POST /api/1/findings/{}/assign": Assignment,
    "POST /api/1/syncs": SyncRequest,
    "POST /api/1/policies": PolicyInput,
    "PUT /api/1/policies/{}": PolicyEdit,
}
WITHOUT_BODY = {
    "PUT /api/1/notices/{}/acknowledge",
    "PUT /api/1/certificates/{}/deactivate",
    "POST /api/1/pending_certificates/{}/retry",
    "POST /api/1/dns_providers/{}/check",
    "POST /api/1/jobs/{}/{}/retry",
    "POST /api/1/rotations/{}/retry",
    "POST /api/1/rotations/{}/rollback",
    "POST /api/1/brakes/{}/release",
    "POST /api/1/findings/{}/claim",
    "POST /api/1/findings/{}/dismiss",
    "POST /api/1/syncs/{}/cancel",
}
# The body of a DELETE, which may be absent.
NOT_ASKED = {OrderCancel}

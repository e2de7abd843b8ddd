"""Secrets of a Kubernetes cluster, which its ingress controllers and pods read certificates and keys from."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import requests
from cryptography import x509
from pydantic import AfterValidator, Field, SecretStr

from pki import chains, containers, inspection
from pki.keys import PrivateKey, private_key_pem
from plugins import network
from plugins.contracts import Confirms, Destination, Removes, Shows
from plugins.destinations import layout
from plugins.errors import Misconfigured, Permanent, Temporary, refusing
from plugins.options import TARGET, TEXTAREA, PluginOptions
from plugins.trust import readable_roots
from plugins.values import Bundle

ATTEMPTS: Final = 5
NAME: Final = "{common_name}"
LABELS: Final = {"app.kubernetes.io/managed-by": "lemur"}
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
"""RFC 1123, as Kubernetes has it."""
_TYPES: Final = {"Full": "Opaque", "TLS": "kubernetes.io/tls", "Certificate": "Opaque"}
_CERTIFICATES: Final = {"Full": "service.crt", "TLS": "tls.crt", "Certificate": "tls.crt"}
_LONGEST: Final = 4 * 1024 * 1024
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

Found = dict[str, Any]


class KubernetesDestination(Destination, Confirms, Shows, Removes):
    """What else a secret holds, and its labels, stay. Each write names the version it follows (`resourceVersion`)."""

    slug = "kubernetes-destination"
    title = "Kubernetes"
    description = "Secrets of a Kubernetes cluster."

    class Options(PluginOptions):
        api: str = Field(
            alias="kubernetesURL",
            pattern=r"^https://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._-]+)*/?$",
            max_length=255,
            description="Address of the API server: https://10.0.0.1:6443.",
            json_schema_extra=TARGET,
        )
        kubernetes_auth_token: SecretStr = Field(description="Token of a service account.")
        kubernetes_server_certificate: Annotated[str, AfterValidator(readable_roots)] | None = Field(
            None,
            max_length=65_536,
            description="The root that the server's certificate leads to; the cluster's ca.crt.",
            json_schema_extra=TEXTAREA,
        )
        kubernetes_namespace: str = Field(
            "default", pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63, description="Where secrets are."
        )
        secret_name_format: str = Field(
            NAME,
            pattern=r"^([a-z0-9.-]|\{common_name\})+$",
            max_length=200,
            description="What a secret is called; {common_name} is the certificate's name in lower case.",
        )
        shape: Literal["TLS", "Full", "Certificate"] = Field(
            "TLS",
            alias="secretFormat",
            description=(
                "TLS: a secret of type kubernetes.io/tls. Full: service.crt, service.key, ca.crt and combined.pem. "
                "Certificate: tls.crt alone."
            ),
        )

    options: Options

    @property
    def needs_key(self) -> bool:
        return self.options.shape != "Certificate"

    def check(self) -> None:
        """Ask the server whether the account may do what a delivery needs."""
        with self._cluster() as cluster:
            missing = [verb for verb in ("get", "create", "update") if not cluster.may(verb)]
            if missing:
                raise Misconfigured(
                    f"The service account may not {' and '.join(missing)} secrets in {cluster.namespace}."
                )

    def upload(self, bundle: Bundle) -> None:
        name, data, kind = self._name(bundle.name), self._data(bundle), _TYPES[self.options.shape]
        with self._cluster() as cluster:
            for _ in range(ATTEMPTS):
                if cluster.put(name, kind, data, cluster.get(name)):
                    return
        raise Temporary(f"Somebody else changes the secret {name} all the time.")

    def held(self, name: str) -> str | None:
        with self._cluster() as cluster:
            return self._fingerprint(cluster.get(self._name(name)))

    def shown(self, name: str) -> x509.Certificate | None:
        with self._cluster() as cluster:
            return layout.certificate_in(self._text(cluster.get(self._name(name)) or {}))

    def remove(self, bundle: Bundle) -> None:
        name, wanted = self._name(bundle.name), inspection.fingerprint(bundle.certificate)
        with self._cluster() as cluster:
            for _ in range(ATTEMPTS):
                found = cluster.get(name)
                if found is None or self._fingerprint(found) != wanted or cluster.delete(name, found):
                    return
        raise Temporary(f"Somebody else changes the secret {name} all the time.")

    def _fingerprint(self, found: Found | None) -> str | None:
        """Of the certificate in a secret; "" if it holds none."""
        return None if found is None else layout.fingerprint_in(self._text(found))

    def _text(self, found: Found) -> bytes:
        """What a secret has where the certificate is."""
        try:
            return base64.b64decode(found["data"][_CERTIFICATES[self.options.shape]])
        except (KeyError, TypeError, binascii.Error):
            return b""

    def _name(self, name: str) -> str:
        called = self.options.secret_name_format.replace(NAME, name.lower())
        if len(called) > 253 or not _SUBDOMAIN.fullmatch(called):
            raise Permanent(f"'{called[:100]}' cannot be the name of a secret.")
        return called

    def _data(self, bundle: Bundle) -> Mapping[str, str]:
        """The secret's data, in base64. The root stays out, but of `ca.crt` if there is nothing else for it."""
        leaf, issuers = bundle.certificate, chains.without_root(bundle.chain)
        whole = containers.pem_bundle(leaf, issuers)
        if self.options.shape == "Certificate":
            return _encoded({"tls.crt": whole})
        with refusing(f"'{bundle.name}' cannot be written as PEM"):
            key = private_key_pem(_key_of(bundle, self.slug)).encode()
        if self.options.shape == "TLS":
            return _encoded({"tls.crt": whole, "tls.key": key})
        return _encoded(
            {
                "service.crt": inspection.pem(leaf).encode(),
                "service.key": key,
                "ca.crt": "".join(map(inspection.pem, issuers or bundle.chain)).encode(),
                "combined.pem": inspection.pem(leaf).encode() + key,
            }
        )

    @contextmanager
    def _cluster(self) -> Iterator[Cluster]:
        given = self.options
        place = given.api.rstrip("/")
        with (
            network.explained(place),
            network.session(longest=_LONGEST, roots=given.kubernetes_server_certificate) as session,
        ):
            session.headers["Authorization"] = f"Bearer {given.kubernetes_auth_token.get_secret_value()}"
            yield Cluster(session, place, given.kubernetes_namespace)


def _key_of(bundle: Bundle, slug: str) -> PrivateKey:
    if bundle.private_key is None:
        raise Permanent(f"'{bundle.name}' cannot be delivered to {slug} without its private key.")
    return bundle.private_key


def _encoded(data: Mapping[str, bytes]) -> Mapping[str, str]:
    return {name: base64.b64encode(content).decode() for name, content in data.items()}


@dataclass(frozen=True)
class Cluster:
    """The secrets of a namespace, over the cluster's REST API. Whatever is no answer of it is a PluginError."""

    session: requests.Session
    place: str
    namespace: str

    @property
    def _secrets(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets"

    def may(self, verb: str) -> bool:
        attributes = {"namespace": self.namespace, "verb": verb, "resource": "secrets"}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        status = self._asked("POST", _REVIEWS, review).get("status")
        return isinstance(status, dict) and status.get("allowed") is True

    def get(self, name: str) -> Found | None:
        answer = self._answer("GET", f"{self._secrets}/{name}")
        return None if answer.status_code == requests.codes.not_found else self._read(answer)

    def put(self, name: str, kind: str, data: Mapping[str, str], found: Found | None) -> bool:
        """Create it, or put the data into the one that was found. False if it was changed meanwhile."""
        if found is None:
            made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": LABELS}}
            return self._done(self._answer("POST", self._secrets, {**made, "type": kind, "data": dict(data)}))
        if found.get("type") != kind:
            raise Permanent(f"The secret {name} is of type {found.get('type')}, not {kind}; delete it first.")
        changed = {**found, "data": {**(found.get("data") or {}), **data}}
        return self._done(self._answer("PUT", f"{self._secrets}/{name}", changed))

    def delete(self, name: str, found: Found) -> bool:
        """Delete the one that was found, unless it was changed meanwhile."""
        preconditions = {key: found["metadata"][key] for key in ("uid", "resourceVersion")}
        answer = self._answer("DELETE", f"{self._secrets}/{name}", {"preconditions": preconditions})
        return answer.status_code == requests.codes.not_found or self._done(answer)

    def _done(self, answer: requests.Response) -> bool:
        if answer.status_code == requests.codes.conflict:
            return False
        self._read(answer)
        return True

    def _asked(self, method: str, path: str, body: Mapping[str, Any]) -> Found:
        return self._read(self._answer(method, path, body))

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> requests.Response:
        return self.session.request(method, f"{self.place}{path}", json=body)

    def _read(self, answer: requests.Response) -> Found:
        """The object that is answered with."""
        status, said = answer.status_code, _message(answer)
        if status in (401, 403):
            raise Misconfigured(f"{self.place} does not allow this: {said}.")
        if status == 429 or status >= 500:
            raise Temporary(f"{self.place} cannot do this now: {said}.")
        found = _object(answer)
        if not answer.ok or answer.is_redirect or found is None:
            raise Permanent(f"{self.place} refuses this: {said}.")
        return found


def _message(answer: requests.Response) -> str:
    """What a Status says (it never holds the data of a secret), or the status of the answer."""
    said = (_object(answer) or {}).get("message")
    text = said if isinstance(said, str) and not answer.ok else f"it answered with status {answer.status_code}"
    return " ".join(text.split())[:300].rstrip(".")


def _object(answer: requests.Response) -> Found | None:
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("kind"), str) else None

"""What an API server of Kubernetes says about secrets: a fake of our own, over TLS, that enforces what the real one does.

A second of one name, and a write or a deletion that follows an old version, are conflicts (409); a type that changes, data
that is no base64, and a TLS secret without its two files are refused (422).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import ssl
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.pki_material import material

TOKEN = "a-service-accounts-token"
PATH = re.compile(r"/api/v1/namespaces/(?P<namespace>[^/]+)/secrets(?:/(?P<name>[^/]+))?")
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class Refusal(Exception):
    """A Status that is not Success."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = {
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code,
        }  # fmt: skip


class FakeCluster:
    """``secrets`` by namespace and name; ``meddle`` is called before each write, ``allowed`` are the account's verbs."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], dict[str, Any]] = {}
        self.allowed = {"get", "create", "update", "delete"}
        self.meddle: Any = None
        self.version = 0
        self.lock = threading.Lock()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        if (method, path) == ("POST", REVIEWS):
            verb = body["spec"]["resourceAttributes"]["verb"]
            return 201, {**body, "status": {"allowed": verb in self.allowed}}
        place = PATH.fullmatch(path)
        if place is None:
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        verb = {"GET": "get", "POST": "create", "PUT": "update", "DELETE": "delete"}[method]
        if verb not in self.allowed:
            raise Refusal(403, "Forbidden", f'secrets is forbidden: User "lemur" cannot {verb} resource "secrets"')
        if self.meddle is not None and verb != "get":
            self.meddle(self)
        with self.lock:
            return getattr(self, f"_{verb}")(place["namespace"], place["name"], body)

    def keep(self, namespace: str, secret: dict[str, Any]) -> dict[str, Any]:
        """Store it as its next version."""
        self.version += 1
        name = secret["metadata"]["name"]
        known = self.secrets.get((namespace, name))
        uid = known["metadata"]["uid"] if known else str(uuid.uuid4())
        metadata = {**secret["metadata"], "namespace": namespace, "uid": uid, "resourceVersion": str(self.version)}
        self.secrets[namespace, name] = {**secret, "metadata": metadata}
        return self.secrets[namespace, name]

    def _existing(self, namespace: str, name: str) -> dict[str, Any]:
        if (namespace, name) not in self.secrets:
            raise Refusal(404, "NotFound", f'secrets "{name}" not found')
        return self.secrets[namespace, name]

    def _get(self, namespace: str, name: str, _: Any) -> tuple[int, dict[str, Any]]:
        return 200, self._existing(namespace, name)

    def _create(self, namespace: str, _: Any, body: Any) -> tuple[int, dict[str, Any]]:
        name = body["metadata"]["name"]
        _validate(body)
        if (namespace, name) in self.secrets:
            raise Refusal(409, "AlreadyExists", f'secrets "{name}" already exists')
        return 201, self.keep(namespace, body)

    def _update(self, namespace: str, name: str, body: Any) -> tuple[int, dict[str, Any]]:
        known = self._existing(namespace, name)
        _validate(body)
        if body["metadata"].get("resourceVersion") not in (None, known["metadata"]["resourceVersion"]):
            raise Refusal(409, "Conflict", f'Operation cannot be fulfilled on secrets "{name}": it has been modified')
        if body["type"] != known["type"]:
            raise Refusal(422, "Invalid", f'Secret "{name}" is invalid: type: field is immutable')
        return 200, self.keep(namespace, body)

    def _delete(self, namespace: str, name: str, body: Any) -> tuple[int, dict[str, Any]]:
        known = self._existing(namespace, name)
        for field, value in ((body or {}).get("preconditions") or {}).items():
            if known["metadata"][field] != value:
                raise Refusal(409, "Conflict", f"Precondition failed: {field}")
        del self.secrets[namespace, name]
        return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}


def _validate(body: Any) -> None:
    name, data = body["metadata"]["name"], body.get("data") or {}
    if (body.get("kind"), body.get("apiVersion")) != ("Secret", "v1") or not NAME.fullmatch(name):
        raise Refusal(422, "Invalid", f'Secret "{name}" is invalid')
    try:
        found = {key: base64.b64decode(value, validate=True) for key, value in data.items()}
    except (binascii.Error, TypeError, ValueError):
        raise Refusal(400, "BadRequest", "illegal base64 data") from None
    if body["type"] == "kubernetes.io/tls" and not {"tls.crt", "tls.key"} <= found.keys():
        raise Refusal(422, "Invalid", f'Secret "{name}" is invalid: data[tls.crt]: Required value')


def _handler(cluster: FakeCluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    raise Refusal(401, "Unauthorized", "Unauthorized")
                status, told = cluster.answer(self.command, self.path, json.loads(body) if body else None)
            except Refusal as error:
                status, told = error.code, error.status
            text = json.dumps({"kind": "Secret", **told}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *args: Any) -> None: ...

    return Handler


@contextmanager
def kubernetes_server() -> Iterator[tuple[FakeCluster, dict[str, object]]]:
    """The cluster, and options of kubernetes-destination that work."""
    pair = material().leaf_with(names=("localhost", "127.0.0.1"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pair.pem + material().intermediate.pem + pair.key_pem)
        file.flush()
        context.load_cert_chain(file.name)
    cluster = FakeCluster()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield (
                cluster,
                {
                    "kubernetesURL": f"https://127.0.0.1:{server.server_port}",
                    "kubernetesAuthToken": TOKEN,
                    "kubernetesServerCertificate": material().root.pem,
                },
            )
        finally:
            server.shutdown()

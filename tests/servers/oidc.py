"""An OpenID Connect provider that asks nobody anything, checks what a provider must check, and lies as a test wants.

For what an honest one never says. The honest one is oidc-provider-mock, in tests/ui.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

CLIENT, SECRET = "lemur", "Canary*of*the*client*1"
Claims = dict[str, Any]
KEY_ID = "first"


@dataclass
class FalseProvider:
    """``person`` is who sits at the browser, by claims; ``token`` makes the ID token; ``answers`` stand for its own."""

    port: int = 0
    person: Claims = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    token: Callable[[Claims], str] | None = None
    asked: list[str] = field(default_factory=list)
    authorized: list[dict[str, str]] = field(default_factory=list)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    authenticated_at: float | None = None
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """What the product is told of it."""
        return {"OIDC_ISSUER": self.issuer, "OIDC_CLIENT_ID": CLIENT, "OIDC_CLIENT_SECRET": SECRET}

    def reset(self) -> None:
        self.__init__(port=self.port, key=self.key, person=someone())  # type: ignore[misc]

    def signed(self, claims: Claims, **header: Any) -> str:
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": KEY_ID, **header})

    def public_key(self) -> Claims:
        jwk: Claims = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**jwk, "kid": KEY_ID, "alg": "ES256", "use": "sig"}

    def metadata(self) -> Claims:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        places = {name: f"{self.issuer}/{place}" for name, place in {**names, "userinfo_endpoint": "userinfo"}.items()}
        return {"issuer": self.issuer, **places, "token_endpoint_auth_methods_supported": ["client_secret_post"]}

    def authorize(self, query: dict[str, str]) -> str:
        """The person agrees at once: where the browser goes back to."""
        self.authorized.append(query)
        code = secrets.token_urlsafe()
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def exchange(self, form: dict[str, str]) -> tuple[int, Claims]:
        """Once for each code, for the client that proves that it asked for it (RFC 7636, section 4.6)."""
        known = self._codes.pop(form.get("code", ""), None)
        hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        if known is None or known.get("code_challenge") != challenge or known["code_challenge_method"] != "S256":
            return 400, {"error": "invalid_grant"}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": self._id_token(known)}

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
        }
        if "max_age" in asked:
            claims["auth_time"] = int(self.authenticated_at or now)
        return (self.token or self.signed)(claims)

    def answer(self, place: str, form: dict[str, str]) -> tuple[int, bytes]:
        self.asked.append(place)
        if place in self.answers:
            return self.answers[place]
        status, told = 200, self.metadata()
        if place == "token":
            status, told = self.exchange(form)
        elif place != ".well-known/openid-configuration":
            told = {"jwks": {"keys": [self.public_key()]}, "userinfo": self.person}[place]
        return status, json.dumps(told).encode()


def someone(**changes: Any) -> Claims:
    """Jane, whose address was verified."""
    usual = {"sub": "jane-1", "preferred_username": "jane", "email": "jane@example.org", "email_verified": True}
    return {**usual, "groups": [], **changes}


@contextmanager
def false_provider() -> Iterator[FalseProvider]:
    """It listens on 127.0.0.1 while the block runs."""
    provider = FalseProvider(person=someone())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(_plain(parts.query)))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._say(*provider.answer(parts.path.strip("/"), {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._say(*provider.answer(self.path.strip("/"), _plain(body)))

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _plain(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}

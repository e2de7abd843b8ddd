"""The identity provider: what django-allauth asks it by OpenID Connect, and what we believe of its answers.

The library keeps state and PKCE verifier in the session, sends the browser there and exchanges the code. Here are the
checks that it leaves to others: the signature always, the nonce, the issuer of the discovery document, and the way out.
"""

from __future__ import annotations

import re
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse

from accounts import signing_in
from accounts.service.single_sign_on import Seen
from core.failpoints import around
from plugins import network

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Of signatures, never of MACs: what is public, such as a key, must not verify."""
LEEWAY = 60
"""Seconds by which the clocks may differ."""
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
LONGEST = 1024 * 1024
LONGEST_SUBJECT = SocialAccount._meta.get_field("uid").max_length or 0
DISCOVERED, DISCOVERED_SECONDS = "accounts.provider:", 300
PROBLEMS = (requests.RequestException, OAuth2Error)
"""What a conversation with the provider raises; the former is an OSError."""


class Outbound(requests.Session):
    """Each request through the guard: to where the setting points, or else only to public addresses."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        at_home = _place(str(request.url)) == _place(settings.OIDC_ISSUER)
        target = network.Target.SETTING if at_home else network.Target.FOUND
        request.headers["Accept-Encoding"] = "identity"
        roots = Path(settings.OIDC_CA_FILE).read_text() if settings.OIDC_CA_FILE else None
        with around("provider.ask"), network.session(target, longest=LONGEST, roots=roots) as session:
            return session.send(request)


def _is_as_safe_as_home(url: Any) -> bool:
    """What may be asked: nothing in clear, unless the issuer itself is."""
    schemes = {"https", urlsplit(settings.OIDC_ISSUER).scheme}
    return isinstance(url, str) and urlsplit(url).scheme in schemes and bool(urlsplit(url).hostname)


def _place(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


class Provider(OpenIDConnectProvider):
    """The one of the settings. Its nonce is made of the PKCE verifier, which never leaves the session."""

    def get_pkce_params(self) -> dict[str, str]:
        params: dict[str, str] = super().get_pkce_params()
        return {**params, "nonce": nonce_for(params["code_verifier"])}

    def get_oauth2_adapter(self, request: HttpRequest) -> Conversation:
        return Conversation(request)


provider_classes = [Provider]


def nonce_for(verifier: str) -> str:
    """What an ID token that was made for this log-in bears (OpenID Connect Core 3.1.3.7, step 11)."""
    return sha256(f"nonce:{verifier}".encode()).hexdigest()


class Conversation(OpenIDConnectOAuth2Adapter):
    """One log-in at the provider. Whatever is wrong with an answer is an OAuth2Error that says what."""

    nonce = ""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, settings.OIDC_ISSUER)

    @cached_property
    def openid_config(self) -> dict[str, Any]:
        """The discovery document; it must be the issuer's own (OpenID Connect Discovery 4.3). Good for a while."""
        if known := cache.get(DISCOVERED + settings.OIDC_ISSUER):
            return dict(known)
        config = _asked(self.get_provider().server_url)
        if config.get("issuer") != settings.OIDC_ISSUER:
            raise OAuth2Error(f"the discovery document is of the issuer {config.get('issuer')!r}")
        if wrong := [name for name in ENDPOINTS if not _is_as_safe_as_home(config.get(name))]:
            raise OAuth2Error(f"the discovery document has no usable {', '.join(wrong)}")
        cache.set(DISCOVERED + settings.OIDC_ISSUER, config, DISCOVERED_SECONDS)
        return config

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """By the setting, whatever host the request asked for."""
        return f"{settings.SITE_ROOT}{reverse('oidc-callback')}"

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        self.nonce = nonce_for(str(pkce_code_verifier))
        try:
            data = super().get_access_token_data(request, app, client, pkce_code_verifier=pkce_code_verifier)
        except (KeyError, TypeError, ValueError) as error:
            raise OAuth2Error("the answer to the code cannot be read") from error
        except OAuth2Error as error:  # whose words are the whole answer, which may hold a token
            said = re.search(r'"error"\s*:\s*"([a-z_]{1,40})"', str(error))
            raise OAuth2Error(f"the provider refuses the code: {said[1] if said else 'it does not say why'}") from None
        if not isinstance(data, dict) or not isinstance(data.get("id_token"), str):
            raise OAuth2Error("the answer to the code has no ID token")
        return data

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """It is used once and not kept."""
        return SocialToken(token=str(data["access_token"]))

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        claims = self._verified(kwargs["response"]["id_token"])
        claims = {**self._user_info(token.token, claims["sub"]), **claims}
        try:
            seen = Seen.of(claims)
        except (TypeError, ValueError) as error:
            raise OAuth2Error("the claims cannot be read") from error
        if not 0 < len(seen.subject) <= LONGEST_SUBJECT or not all(map(str.isprintable, seen.texts)):
            raise OAuth2Error("the claims are too long, or have control characters")
        account = SocialAccount(provider=seen.issuer, uid=seen.subject)
        login = SocialLogin(account=account, provider=self.get_provider())
        login.seen = seen
        return login

    def _verified(self, token: str) -> dict[str, Any]:
        """The claims of an ID token that the issuer signed for us, in this log-in (OpenID Connect Core 3.1.3.7)."""
        try:
            key = self._key_of(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=settings.OIDC_CLIENT_ID,
                issuer=settings.OIDC_ISSUER,
                leeway=LEEWAY,
                options={"require": REQUIRED},
            )
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError) as error:
            raise OAuth2Error(f"the ID token is refused: {error}") from error
        if claims.get("nonce") != self.nonce:
            raise OAuth2Error("the ID token was not made for this log-in")
        if claims.get("azp", settings.OIDC_CLIENT_ID) != settings.OIDC_CLIENT_ID:
            raise OAuth2Error("the ID token was made for somebody else")
        return claims

    def _key_of(self, token: str) -> jwt.PyJWK:
        """The issuer's, by the token's key id; each key says for which algorithm it is, not the token."""
        wanted = jwt.get_unverified_header(token).get("kid")
        keys = jwt.PyJWKSet.from_dict(_asked(self.openid_config["jwks_uri"])).keys
        found = [key for key in keys if key.public_key_use in (None, "sig") and wanted in (None, key.key_id)]
        if len(found) != 1 or found[0].algorithm_name not in ALGORITHMS:
            raise jwt.PyJWKError("the provider has no such key")
        return found[0]

    def _user_info(self, token: str, subject: str) -> dict[str, Any]:
        """What the ID token may leave out, such as groups; of the same subject (OpenID Connect Core 5.3.2)."""
        url: Any = self.openid_config.get("userinfo_endpoint")
        if not _is_as_safe_as_home(url):
            return {}
        found = _asked(url, headers={"Authorization": f"Bearer {token}"})
        if found.get("sub") != subject:
            raise OAuth2Error("the user info is about somebody else")
        return found


def _asked(url: str, **kwargs: Any) -> dict[str, Any]:
    with get_adapter().get_requests_session() as session:
        response = session.get(url, **kwargs)
    response.raise_for_status()
    answer = response.json()
    if not isinstance(answer, dict):
        raise OAuth2Error(f"the answer of {url} is not a JSON object")
    return answer


class Adapter(DefaultSocialAccountAdapter):
    """Named in SOCIALACCOUNT_ADAPTER: the provider is the one of the settings, and who comes is for us to judge."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        if not settings.OIDC_ISSUER:
            return []
        return [
            SocialApp(
                provider=Provider.id,
                provider_id=settings.OIDC_ISSUER,
                name=settings.OIDC_NAME,
                client_id=settings.OIDC_CLIENT_ID,
                secret=settings.OIDC_CLIENT_SECRET,
                settings={
                    "server_url": settings.OIDC_ISSUER.rstrip("/"),
                    "oauth_pkce_enabled": True,
                    "scope": ["openid", *settings.OIDC_SCOPES],
                },
            )
        ]

    def get_requests_session(self) -> requests.Session:
        return Outbound()

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Everything was verified. The library's own way on, with pages and sign-ups, is not taken."""
        raise ImmediateHttpResponse(signing_in.by_provider(request, sociallogin.seen, sociallogin.state))

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        raise ImmediateHttpResponse(signing_in.not_by_provider(request, error, exception))

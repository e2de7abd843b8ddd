"""A client of the REST API for the tests that run the whole product: plain HTTP, nothing of ours inside."""

from __future__ import annotations

import base64
import re
from typing import Any

import requests

from tests.system.installation import Installation


class Api:
    """Logged in as the first administrator; every answer but 200 to get, post and put fails the test with its text."""

    def __init__(self, place: Installation, password: str) -> None:
        self._root = f"http://127.0.0.1:{place.port}/api/1"
        self._session = requests.Session()
        self._session.trust_env = False
        token = self.post("auth/login", username="admin", password=password)["token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, *, key: str = "", **body: Any) -> requests.Response:
        """Whatever the answer is. ``key``: the request is one and the same, however often it is sent with it."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._session.request(method, f"{self._root}/{path}", json=body or None, headers=headers, timeout=60)

    def get(self, path: str) -> Any:
        return self._checked(self.ask("GET", path))

    def post(self, path: str, **body: Any) -> Any:
        return self._checked(self.ask("POST", path, **body))

    def put(self, path: str, **body: Any) -> Any:
        return self._checked(self.ask("PUT", path, **body))

    def export(self, certificate: int, slug: str, **options: Any) -> tuple[str, str, bytes]:
        """The file's extension, its passphrase ("" without one) and the file."""
        listed = [{"name": name, "value": value} for name, value in options.items()]
        answer = self.post(f"certificates/{certificate}/export", plugin={"slug": slug, "pluginOptions": listed})
        return answer["extension"], answer["passphrase"] or "", base64.b64decode(answer["data"])

    @staticmethod
    def _checked(answer: requests.Response) -> Any:
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:2000]}"
        return answer.json()


class Pages:
    """Logged in as the first administrator, as a browser is."""

    def __init__(self, place: Installation, password: str) -> None:
        self._root = f"http://127.0.0.1:{place.port}"
        self._session = requests.Session()
        self._session.trust_env = False
        [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', self.read("/login")))
        fields = {"username": "admin", "password": password, "csrfmiddlewaretoken": token}
        answer = self._session.post(f"{self._root}/login", data=fields, timeout=30)
        assert answer.url == f"{self._root}/", answer.text[:2000]

    def read(self, path: str) -> str:
        """The HTML of a page; any answer but 200 fails the test."""
        answer = self._session.get(self._root + path, timeout=30)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:2000]}"
        return answer.text

    def events(self, path: str) -> list[str]:
        """What its timeline says has happened, the newest first."""
        return re.findall(r"<strong>([^<]+)</strong>", self.read(path).partition('id="history-title"')[2])


def first_password(place: Installation) -> str:
    """What `manage.py up` keeps for the first administrator."""
    return (place.home / "admin-password").read_text().strip()

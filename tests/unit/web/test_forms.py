"""Forms from a plugin's options."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from django import forms
from pydantic import Field, SecretStr

from plugins.options import NoOptions, PluginOptions
from web.forms import OptionsForm, option_fields


class Vault(PluginOptions):
    base_url: str = Field(description="Where it is.", pattern=r"^https://\S+$")
    token: SecretStr
    mount: str = "pki"
    role: Literal["server", "client"] = "server"
    mode: Literal["a", "b"]
    note: str = Field(default="", json_schema_extra={"type": "textarea"})
    timeout: int | None = Field(default=None, le=60)
    verify_tls: bool = True


VALID = {
    "baseUrl": "https://vault",
    "token": "s3cret",
    "mount": "pki",
    "role": "client",
    "mode": "a",
    "verifyTls": "on",
}


def form(changes: dict[str, Any] | None = None, **options: Any) -> OptionsForm:
    data = {f"options-{name}": value for name, value in {**VALID, **(changes or {})}.items()}
    return OptionsForm(Vault, data, **options)


def test_a_field_for_each_option() -> None:
    fields = option_fields(Vault)
    assert set(fields) == {"baseUrl", "token", "mount", "role", "mode", "note", "timeout", "verifyTls"}
    assert (fields["baseUrl"].label, fields["baseUrl"].help_text) == ("Base URL", "Where it is.")
    assert {name for name, field in fields.items() if field.required} == {"baseUrl", "token", "mode"}
    assert isinstance(fields["verifyTls"], forms.BooleanField)
    assert isinstance(fields["timeout"], forms.IntegerField)
    assert isinstance(fields["note"].widget, forms.Textarea)
    assert fields["mount"].initial == "pki"
    assert fields["verifyTls"].initial is True
    assert fields["mode"].choices == [("a", "a"), ("b", "b")]  # type: ignore[attr-defined]
    assert option_fields(NoOptions) == {}


def test_what_is_stored_is_shown_but_no_secret() -> None:
    fields = option_fields(Vault, values={"mount": "other", "verifyTls": False, "token": "s3cret"}, stored=["token"])
    assert (fields["mount"].initial, fields["verifyTls"].initial) == ("other", False)
    assert (fields["token"].initial, fields["token"].required) == (None, False)
    assert "keep what is stored" in str(fields["token"].help_text)
    html = OptionsForm(Vault, values={"token": "s3cret"}, stored={"token": "s3cret"}).as_p()
    assert 'type="password"' in html
    assert "s3cret" not in html


def test_a_refused_form_does_not_send_the_secret_back() -> None:
    refused = form({"baseUrl": ""})
    assert not refused.is_valid()
    assert "s3cret" not in refused.as_p()


def test_given() -> None:
    filled = form({"timeout": "30", "note": "a\nb"})
    assert filled.is_valid(), filled.errors
    assert filled.given() == {**VALID, "verifyTls": True, "timeout": 30, "note": "a\nb"}


def test_an_unticked_box_is_false() -> None:
    data = {f"options-{name}": value for name, value in VALID.items() if name != "verifyTls"}
    filled = OptionsForm(Vault, data)
    assert filled.is_valid(), filled.errors
    assert filled.given()["verifyTls"] is False


@pytest.mark.parametrize(
    "changes",
    [
        {"baseUrl": "ftp://vault"},
        {"token": ""},
        {"role": "x"},
        {"mode": ""},
        {"timeout": "x"},
        {"timeout": "61"},
        {"mount": "a\x01b"},
    ],
)
def test_complaints_stand_at_their_field(changes: dict[str, str]) -> None:
    refused = form(changes)
    assert not refused.is_valid()
    assert list(refused.errors) == list(changes)


def test_an_empty_secret_keeps_the_stored_one() -> None:
    kept = form({"token": ""}, stored={"token": "old"})
    assert kept.is_valid(), kept.errors
    assert "token" not in kept.given()


class Ssh(PluginOptions):
    private_key: SecretStr | None = Field(None, json_schema_extra={"type": "textarea"})


def test_a_stored_secret_that_need_not_be_there_can_be_taken_away() -> None:
    assert set(option_fields(Vault, stored=["token"])) == set(option_fields(Vault))
    assert list(option_fields(Ssh, stored=["privateKey"])) == ["privateKey", "forget_privateKey"]
    assert option_fields(Ssh, stored=["privateKey"])["forget_privateKey"].label == "Take the stored private key away"
    for typed in ("", "x"):
        data = {"options-privateKey": typed, "options-forget_privateKey": "on"}
        ticked = OptionsForm(Ssh, data, stored={"privateKey": ""})
        assert ticked.is_valid(), ticked.errors
        assert ticked.given() == {"privateKey": ""}
    kept = OptionsForm(Ssh, {"options-privateKey": ""}, stored={"privateKey": ""})
    assert kept.is_valid()
    assert kept.given() == {}


def test_a_secret_of_several_lines_keeps_them_and_is_not_sent_back() -> None:
    filled = OptionsForm(Ssh, {"options-privateKey": "BEGIN\ns3cret\n"})
    assert filled.is_valid(), filled.errors
    assert filled.given() == {"privateKey": "BEGIN\ns3cret\n"}
    assert isinstance(filled.fields["privateKey"].widget, forms.Textarea)
    assert "s3cret" not in filled.as_p()
    assert "s3cret" not in OptionsForm(Ssh, values={"privateKey": "s3cret"}).as_p()

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from plugins import network


@pytest.fixture(autouse=True)
def _as_before():
    before = network._allowed
    yield
    network._allowed = before


def test_the_setting_reaches_the_guard(settings):
    settings.OUTBOUND_ALLOW = ["10.0.0.0/8", " 127.0.0.0/8"]
    apps.get_app_config("core").ready()
    assert [str(one) for one in network._allowed] == ["10.0.0.0/8", "127.0.0.0/8"]


def test_a_wrong_network_is_named_at_start(settings):
    settings.OUTBOUND_ALLOW = ["10.0.0.1/8"]
    with pytest.raises(ImproperlyConfigured, match=r"OUTBOUND_ALLOW must list networks .*10\.0\.0\.1/8"):
        apps.get_app_config("core").ready()

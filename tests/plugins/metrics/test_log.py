"""Measurements in the log."""

from __future__ import annotations

import logging

import pytest

from plugins import MetricKind
from plugins.metrics.log import LogMetric
from plugins.testing import MetricContract


class TestLog(MetricContract):
    plugin_class = LogMetric


def test_a_measurement_is_one_line_with_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="lemur.metrics"):
        LogMetric().submit("certificates.issued", MetricKind.COUNTER, 2, {"authority": "root"})
    (record,) = caplog.records
    assert record.getMessage() == "metric certificates.issued"
    found = {name: vars(record)[name] for name in ("metric", "metric_kind", "metric_value", "metric_tags")}
    assert found == {
        "metric": "certificates.issued",
        "metric_kind": "counter",
        "metric_value": 2,
        "metric_tags": {"authority": "root"},
    }

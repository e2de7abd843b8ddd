"""Measurements as lines of the application's log."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from plugins.contracts import Metric, MetricKind

logger = logging.getLogger("lemur.metrics")


class LogMetric(Metric):
    """One line per measurement, at level INFO, with the parts as fields for structured logs."""

    slug = "log"
    title = "Log"
    description = "Writes every measurement to the log."

    def submit(self, name: str, kind: MetricKind, value: float, tags: Mapping[str, str]) -> None:
        fields = {"metric": name, "metric_kind": str(kind), "metric_value": value, "metric_tags": dict(tags)}
        logger.info("metric %s", name, extra=fields)

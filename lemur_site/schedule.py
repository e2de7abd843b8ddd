"""The only timetable: every sweep and its period in seconds, each overridable by SWEEP_<NAME>_SECONDS."""

from __future__ import annotations

import os

PERIODS = {
    "certificates.sweep_orders": 60,
    "certificates.sweep_deployments": 60,
    "certificates.sweep_revocations": 60,
    "stores.sweep_scans": 60,
    "notifications.sweep_notices": 60,
    "authorities.publish_crls": 300,
    "lifecycle.escalate": 3600,
    "lifecycle.notify_expiring": 3600,
    "lifecycle.send_digests": 3600,
    "lifecycle.sweep_failures": 60,
    "certificates.sweep_batches": 60,
    "certificates.sweep_suggestions": 300,
    "lifecycle.reissue_due": 3600,
    "lifecycle.find_endpoint_rotations": 300,
    "lifecycle.sweep_endpoint_rotations": 60,
    "lifecycle.sync_sources": 900,
    "lifecycle.check_revocation": 3600,
    "lifecycle.check_endpoints": 3600,
    "lifecycle.set_switches": 86400,
    "lifecycle.sweep_syncs": 60,
}


def beat_schedule() -> dict[str, dict[str, object]]:
    """The timetable in the form Celery's beat wants."""
    return {name: {"task": name, "schedule": _period(name, seconds)} for name, seconds in PERIODS.items()}


def _period(name: str, seconds: int) -> float:
    variable = f"SWEEP_{name.rpartition('.')[2].removeprefix('sweep_').upper()}_SECONDS"
    return float(os.environ.get(variable, seconds))

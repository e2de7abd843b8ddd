"""Was a certificate revoked? What OCSP answers and CRLs prove about that; fetching them is others' business."""

from pki.revocation.crl import crl_expires, crl_locations, delta_locations, judge_crl, read_crl
from pki.revocation.ocsp import Question, judge_ocsp, ocsp_question
from pki.revocation.verdicts import Status, Verdict

__all__ = [
    "Question",
    "Status",
    "Verdict",
    "crl_expires",
    "crl_locations",
    "delta_locations",
    "judge_crl",
    "judge_ocsp",
    "ocsp_question",
    "read_crl",
]

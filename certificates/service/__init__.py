"""The verbs of the product, under the names that Lemur gave them: this is its table of contents."""

from certificates.service.adopting import adopt, adopt_crl
from certificates.service.amending import update_order
from certificates.service.asking import is_attached_to_endpoint
from certificates.service.authority import create_authority, import_authority
from certificates.service.batches import begin_batch, cancel_batch, carry_out_batch, retry_batch
from certificates.service.csr import create_csr
from certificates.service.deploying import (
    deliver_again,
    deploy,
    refuse_duplicate_destinations,
    remove_from_destination,
    require_deliverable,
    retry_deployment,
    withdraw,
)
from certificates.service.domains import create_domain, mark_domain
from certificates.service.editing import (
    Difference,
    create_certificate_roles,
    delete,
    update,
    update_description,
    update_owner,
    update_switches,
)
from certificates.service.export import export
from certificates.service.importing import find_duplicates, import_certificate, upload
from certificates.service.importing_many import import_many, look_through
from certificates.service.issuance import Minted, create, fulfil, mint
from certificates.service.keys import reveal
from certificates.service.orders import cancel_order, fulfil_by_hand, get_order, retry_order, reveal_order_key
from certificates.service.policies import create_policy, delete_policy, update_policy
from certificates.service.query import (
    METRICS,
    get,
    get_account_number,
    get_all_certs,
    get_all_pending_cleaning,
    get_all_pending_cleaning_expired,
    get_all_pending_cleaning_expiring_in_days,
    get_all_pending_cleaning_issued_since_days,
    get_all_pending_reissue,
    get_all_valid_certs,
    get_by_attributes,
    get_by_name,
    get_by_serial,
    get_name_from_arn,
    phases,
    query_common_name,
    query_name,
    render,
    stats,
    usable,
)
from certificates.service.reissue import calculate_reissue_range, get_certificate_primitives, reissue_certificate
from certificates.service.renewing import ask_for_window, retry_suggestion, settle_moments
from certificates.service.revoking import carry_out, deactivate, retry_revocation, revoke
from certificates.service.tagging import tag, tags_in_use, untag, update_tags
from certificates.service.watching import create_notification, update_notification, watch
from certificates.service.watchlists import (
    get_all_certs_attached_to_destination_without_autorotate,
    get_all_certs_attached_to_endpoint_without_autorotate,
    get_all_certs_not_attached_to_endpoint_with_autorotate,
    get_certificates_with_same_cn_with_rotate_on,
    get_expiring_deployed_certificates,
    get_issued_cert_count_for_authority,
    list_recent_valid_certs_issued_by_authority,
)

__all__ = [
    "METRICS",
    "Difference",
    "Minted",
    "adopt",
    "adopt_crl",
    "ask_for_window",
    "begin_batch",
    "calculate_reissue_range",
    "cancel_batch",
    "cancel_order",
    "carry_out",
    "carry_out_batch",
    "create",
    "create_authority",
    "create_certificate_roles",
    "create_csr",
    "create_domain",
    "create_notification",
    "create_policy",
    "deactivate",
    "delete",
    "delete_policy",
    "deliver_again",
    "deploy",
    "export",
    "find_duplicates",
    "fulfil",
    "fulfil_by_hand",
    "get",
    "get_account_number",
    "get_all_certs",
    "get_all_certs_attached_to_destination_without_autorotate",
    "get_all_certs_attached_to_endpoint_without_autorotate",
    "get_all_certs_not_attached_to_endpoint_with_autorotate",
    "get_all_pending_cleaning",
    "get_all_pending_cleaning_expired",
    "get_all_pending_cleaning_expiring_in_days",
    "get_all_pending_cleaning_issued_since_days",
    "get_all_pending_reissue",
    "get_all_valid_certs",
    "get_by_attributes",
    "get_by_name",
    "get_by_serial",
    "get_certificate_primitives",
    "get_certificates_with_same_cn_with_rotate_on",
    "get_expiring_deployed_certificates",
    "get_issued_cert_count_for_authority",
    "get_name_from_arn",
    "get_order",
    "import_authority",
    "import_certificate",
    "import_many",
    "is_attached_to_endpoint",
    "list_recent_valid_certs_issued_by_authority",
    "look_through",
    "mark_domain",
    "mint",
    "phases",
    "query_common_name",
    "query_name",
    "refuse_duplicate_destinations",
    "reissue_certificate",
    "remove_from_destination",
    "render",
    "require_deliverable",
    "retry_batch",
    "retry_deployment",
    "retry_order",
    "retry_revocation",
    "retry_suggestion",
    "reveal",
    "reveal_order_key",
    "revoke",
    "settle_moments",
    "stats",
    "tag",
    "tags_in_use",
    "untag",
    "update",
    "update_description",
    "update_notification",
    "update_order",
    "update_owner",
    "update_policy",
    "update_switches",
    "update_tags",
    "upload",
    "usable",
    "watch",
    "withdraw",
]

"""The verbs of the product, under the names that Lemur gave them: this is its table of contents."""

from certificates.service.authority import create_authority, import_authority
from certificates.service.csr import create_csr
from certificates.service.editing import create_certificate_roles, delete, mark_domain, revoke, update
from certificates.service.export import export
from certificates.service.importing import find_duplicates, import_certificate, upload
from certificates.service.issuance import Minted, create, fulfil, mint
from certificates.service.keys import reveal
from certificates.service.query import get, get_all_certs, get_by_name, render

__all__ = [
    "Minted",
    "create",
    "create_authority",
    "create_certificate_roles",
    "create_csr",
    "delete",
    "export",
    "find_duplicates",
    "fulfil",
    "get",
    "get_all_certs",
    "get_by_name",
    "import_authority",
    "import_certificate",
    "mark_domain",
    "mint",
    "render",
    "reveal",
    "revoke",
    "update",
    "upload",
]

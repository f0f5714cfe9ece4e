from tests.core.staff.fixtures import _quick_hashes, client, site

__all__ = ["_quick_hashes", "client", "site"]

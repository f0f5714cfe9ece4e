"""For the tests of export and import: a site with contacts, and what its files hold."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl
from litestar.testing import TestClient

from core import Details
from core.contacts.adding import add_contact
from core.site import Site
from core.values import SYSTEM

EXPORT = "/dashboard/contacts/export"
IMPORT = "/dashboard/contacts/import"


def add(site: Site, email: str, *, tags: tuple[str, ...] = (), **details: str) -> int:
    """A contact added by hand."""
    with site.begin() as session:
        return add_contact(session, site, email=email, details=Details(**details), actor=SYSTEM, tags=tags).contact_id


def download(client: TestClient[Any], **fields: Any) -> bytes:
    """The file that the export page leads to, for these fields of its form."""
    answer = client.post(EXPORT, data={"view": "", "scope": "all", "format": "csv", **fields})
    assert answer.status_code == 200, answer.text
    return answer.content


def rows_of(content: bytes, delimiter: str = ",") -> list[list[str]]:
    """The rows of a CSV file."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def cells_of(content: bytes) -> list[list[str]]:
    """The rows of a workbook's first sheet; an empty cell is an empty text."""
    sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
    return [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]

"""The receipts of deletions (FEATURES C8): the list, and one of them, fit to be printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar.params import FromPath, FromQuery
from litestar.response import Response

from core.privacy.receipts import Entry, ReceiptHead, read_receipt, read_receipts
from core.site import builtin_keys
from core.web.requests import Request
from core.web.routing import get
from core.zone.deletion import read_wishes

RECEIPTS_PATH = "/dashboard/contacts/receipts"


@get(RECEIPTS_PATH, permission="contact.erase")
def receipts_page(request: Request, before: FromQuery[str] = "") -> Response[str]:
    """All receipts, the newest first."""
    place = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    with request.site.session() as session:
        heads, older = read_receipts(session, before=place)
        wishes = read_wishes(session) if place is None else []
    return request.page(
        "contacts/receipts.html",
        receipts=[{**_head(request, head), "href": f"{RECEIPTS_PATH}/{head.id}"} for head in heads],
        wishes=wishes,
        newest=RECEIPTS_PATH if place else None,
        older=f"{RECEIPTS_PATH}?before={older}" if older else None,
    )


@get(f"{RECEIPTS_PATH}/{{receipt_id:int}}", permission="contact.erase")
def receipt_page(request: Request, receipt_id: FromPath[int]) -> Response[str]:
    """One receipt."""
    with request.site.session() as session:
        receipt = read_receipt(session, receipt_id)
    return request.page(
        "contacts/receipt.html",
        receipt=_head(request, receipt.head),
        erased=entry_rows(request, [one for one in receipt.entries if one.kind == "erased"]),
        kept=entry_rows(request, [one for one in receipt.entries if one.kind == "kept"]),
        missing=entry_rows(request, [one for one in receipt.entries if one.kind == "missing"]),
    )


def _head(request: Request, head: ReceiptHead) -> dict[str, Any]:
    language = request.language
    return {
        "id": head.id,
        "at": language.datetime(head.erased_at),
        "iso": head.erased_at.isoformat(),
        "contacts": head.contacts,
        "number": language.number(head.contacts),
        "by": head.by,
        "staff_id": head.staff_id,
        "cleared": language.datetime(head.cleared_at) if head.cleared_at else "",
    }


def entry_rows(request: Request, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Entries of a receipt, or of what it would say, in the person's language."""
    language = request.language
    return [
        {
            "plugin": _plugin(request, entry.plugin),
            "label": language.text(entry.label),
            "number": language.number(entry.number),
            "reason": language.text(entry.reason) if entry.reason else "",
            "until": language.date(entry.until) if entry.until else "",
            "references": entry.references,
        }
        for entry in entries
    ]


def _plugin(request: Request, key: str) -> str:
    """Who keeps it: the plugin's name, also of one that is off; for the core's own parts, Tresen."""
    if key in builtin_keys():
        return "Tresen"
    return request.language.text(request.site.plugin_label(key))


ROUTES: list[Any] = [receipts_page, receipt_page]

"""Short messages shown once on the next page („gespeichert“), carried there in a signed cookie."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from litestar.datastructures import Cookie

from core.signing import sign, unsign
from core.web.cookies import cookie_name, make_cookie

if TYPE_CHECKING:
    from core.site import Site
    from core.web.requests import Request

TOAST_COOKIE = "tresen_toast"
TOAST_SECONDS = 60


def toast_cookie(
    site: Site, message: str, values: dict[str, object], *, kind: str, undo: str, link: tuple[str, str] | None = None
) -> Cookie:
    """The cookie that carries a message to the next page."""
    body = json.dumps({"m": message, "v": {k: str(v) for k, v in values.items()}, "k": kind, "u": undo, "l": link})
    return make_cookie(site, TOAST_COOKIE, sign(site.secret, "toast", body), max_age=TOAST_SECONDS)


def read_toasts(request: Request) -> list[dict[str, Any]]:
    """The message that the request brings, translated; none when it was altered."""
    body = unsign(request.site.secret, "toast", request.cookies.get(cookie_name(request.site, TOAST_COOKIE), ""))
    if body is None:
        return []
    toast = json.loads(body)
    text = request.language.text(toast["m"], **toast["v"])
    link = toast.get("l")
    return [
        {
            "text": text,
            "kind": toast["k"],
            "undo_url": toast["u"] or None,
            "link": {"label": request.language.text(link[0]), "href": link[1]} if link else None,
        }
    ]

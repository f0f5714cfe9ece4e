"""„Ausgehende E-Mails“: what a site without a mail server would send, as the persons would get it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import Response

from core.errors import NotFound
from core.messages.mail_html import paragraphs
from core.messages.previewing import preview, waiting_mails
from core.messages.states import PURPOSE_LABELS
from core.web.inbox import HERE
from core.web.mail_frame import own_frame
from core.web.requests import Request
from core.web.routing import get

OUTGOING = f"{HERE}/outgoing"


@get(OUTGOING, permission="mailbox.preview")
def outgoing_page(request: Request, before: FromQuery[str] = "") -> Response[str]:
    """What waits to be sent, newest first."""
    site, language = request.site, request.language
    if site.settings.mail_server is not None:
        raise NotFound("This site sends its e-mails. What was sent is in the threads.")
    with site.session() as session:
        mails, older = waiting_mails(session, before=before)
    return request.page(
        "messages/outgoing.html",
        rows=[
            {
                "href": f"{OUTGOING}/{one.id}",
                "title": one.name or one.email,
                "email": one.email if one.name else "",
                "subject": one.subject,
                "purpose": language.text(PURPOSE_LABELS[one.purpose]) if one.purpose else "",
                "time": language.datetime(one.written_at),
                "iso": one.written_at.isoformat(),
            }
            for one in mails
        ],
        newest=OUTGOING if before else None,
        older=f"{OUTGOING}?{urlencode({'before': older})}" if older else None,
    )


@get(f"{OUTGOING}/{{message_id:int}}", permission="mailbox.preview")
def preview_page(request: Request, message_id: FromPath[int]) -> Response[str]:
    """One mail: its head, its text and its HTML."""
    made, site, text = preview(request.site, message_id), request.site, request.language.text
    refusal = ""
    if made.refusal:
        reason, plugin = made.refusal
        refusal = f"{text(site.plugin_label(plugin))}: {text(reason)}" if plugin else text(reason)
    return request.page(
        "messages/outgoing_mail.html",
        subject=dict(made.headers).get("Subject", ""),
        headers=[{"label": name, "value": value} for name, value in made.headers],
        paragraphs=paragraphs(made.text),
        frame=f"{OUTGOING}/{message_id}/html" if made.html else "",
        files=[
            {"name": name, "size": f"{request.language.number(max(round(size / 1000), 1))} kB"}
            for name, size in made.files
        ],
        refusal=refusal,
        list=OUTGOING,
    )


@get(f"{OUTGOING}/{{message_id:int}}/html", permission="mailbox.preview")
def preview_frame(request: Request, message_id: FromPath[int]) -> Response[str]:
    """Its HTML, for the frame."""
    made = preview(request.site, message_id)
    if not made.html:
        raise NotFound("This message has no HTML.")
    return own_frame(made.html)


ROUTES: list[Any] = [outgoing_page, preview_page, preview_frame]

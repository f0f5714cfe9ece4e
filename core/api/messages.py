"""Messages over the API: a contact's thread, and writing to a contact by the same rules as staff (FEATURES M1, M3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy import select, tuple_

from core import state
from core.api.routing import BASE, api_get, api_post
from core.contacts.finding import find_contact
from core.contacts.history import cursor, read_cursor
from core.errors import InvalidInput, SendRefused
from core.messages.audience import refusal_words
from core.messages.composing import queue_message
from core.messages.models import Message
from core.messages.topics import chosen_kind, message_kinds
from core.plugins import Failure, describe
from core.web.requests import Request

MAX_PAGE = 200


@frozen(kw_only=True)
class MessageResource:
    """A message of a contact's thread.

    `direction` is "in" or "out"; `state` one of received, queued, sending, sent, failed, unknown, withdrawn; `reply` is
    what the mail server or a plugin said of it. `purpose` is "personal", "system", "marketing", or the key of a topic
    of advertising.
    """

    id: int
    direction: str
    state: str
    purpose: str
    subject: str
    text: str
    author: str
    reply: str
    newsletter: int | None
    occurred_at: datetime
    sent_at: datetime | None


@frozen(kw_only=True)
class MessagePage:
    """A page of the thread, newest first; `older` is the address of the next one."""

    messages: Sequence[MessageResource]
    older: str | None


@frozen(kw_only=True)
class NewMessage:
    """A message to be sent: plain text, and what it is for (`GET /message-kinds`)."""

    subject: str
    text: str
    purpose: str = "personal"


@frozen(kw_only=True)
class MessageKindResource:
    """Something that a message can be for: `purpose` is what is sent, `label` its name."""

    purpose: str
    label: str


@frozen(kw_only=True)
class MessageKindPage:
    """Everything that a message can be for."""

    kinds: Sequence[MessageKindResource]


@api_get("/message-kinds", permission="message.send")
def read_message_kinds(request: Request) -> MessageKindPage:
    """Read what messages can be for: the three purposes, and the topics of advertising."""
    kinds = message_kinds(request.site, request.language.code)
    return MessageKindPage(kinds=[MessageKindResource(purpose=one.value, label=one.label) for one in kinds])


@api_get("/contacts/{contact_id:int}/messages", permission="message.view")
def read_messages(
    request: Request, contact_id: FromPath[int], before: FromQuery[str] = "", limit: FromQuery[int] = 50
) -> MessagePage:
    """Read a contact's messages."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("A page has 1 to %(max)s entries.", field="limit", max=MAX_PAGE)
    statement = (
        select(Message)
        .where(Message.contact_id == contact_id)
        .order_by(Message.occurred_at.desc(), Message.id.desc())
        .limit(limit + 1)
    )
    if (place := read_cursor(before)) is not None:
        statement = statement.where(tuple_(Message.occurred_at, Message.id) < place)
    with request.site.session() as session:
        find_contact(session, contact_id)
        rows = session.scalars(statement).all()
    older = None
    if len(rows) > limit:
        last = rows[limit - 1]
        path = f"{BASE}/contacts/{contact_id}/messages"
        older = f"{request.site.settings.base_url}{path}?limit={limit}&before={cursor(last.occurred_at, last.id)}"
    return MessagePage(messages=[_resource(row) for row in rows[:limit]], older=older)


@api_post("/contacts/{contact_id:int}/messages", permission="message.send", status=201)
def send_message(request: Request, contact_id: FromPath[int], data: JSONBody[NewMessage]) -> MessageResource:
    """Write to a contact.

    The message is in the outbox when the answer comes, and sent soon after. Whom a plugin does not let be written to
    for this purpose gets nothing: the answer then says why.
    """
    site = request.site
    kind = chosen_kind(message_kinds(site, request.language.code), data.purpose)
    try:
        with site.begin() as session:
            message_id = queue_message(
                session,
                site,
                contact_id,
                data.subject,
                data.text,
                kind.purpose,
                topic=kind.topic,
                actor=request.actor,
            )
            resource = _resource(session.get_one(Message, message_id))
    except SendRefused as refused:
        if refused.__cause__ is not None:
            failure = Failure(plugin=refused.plugin, place="may_send", message=describe(refused.__cause__))
            with site.begin() as session:
                state.record_failure(session, failure)
        words = refusal_words(site, request.language.code, refused)
        raise InvalidInput("%(text)s", field="purpose", text=words) from refused
    site.job_waiting.set()
    return resource


def _resource(row: Message) -> MessageResource:
    return MessageResource(
        id=row.id,
        direction=row.direction,
        state=row.state,
        purpose=row.topic or row.purpose,
        subject=row.subject,
        text=row.text,
        author=row.author_name,
        reply=row.reply,
        newsletter=row.newsletter_id,
        occurred_at=row.occurred_at,
        sent_at=row.sent_at,
    )


ROUTES: list[Any] = [read_message_kinds, read_messages, send_message]

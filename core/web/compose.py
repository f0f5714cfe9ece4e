"""„Nachricht senden“: the page that writes a message, also as a dialog over the page one comes from (FEATURES M1)."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core import state
from core.contacts.files import storing
from core.contacts.finding import find_contact, kept_contact_id
from core.contacts.models import Contact
from core.contacts.profile import person_of
from core.errors import InvalidInput, NotFound, SendRefused
from core.messages.audience import refusal_words
from core.messages.composing import MAX_FILES, MAX_TOTAL, check_files, clean_subject, clean_text, queue_message
from core.messages.inbox import mark_read
from core.messages.mail import sender_of
from core.messages.models import Message
from core.messages.texts import offered_texts, start_from
from core.messages.topics import MessageKind, chosen_kind, message_kinds
from core.plugins import Failure, describe
from core.site import Site
from core.web.profile.showing import address_of, picture_of
from core.web.requests import Form, FormInput, Request, local_path
from core.web.routing import get, post

PATH = "/dashboard/contacts/{contact_id:int}/message"
ANSWER = re.compile(r"(re|aw|antw|sv|ref)\s*:", re.IGNORECASE)
"""How the subject of an answer begins in mail programs of several languages."""


@get(PATH, permission="message.send")
def compose_page(
    request: Request,
    contact_id: FromPath[int],
    reply: FromQuery[str] = "",
    template: FromQuery[str] = "",
    next: FromQuery[str] = "",
) -> Response[str] | Redirect:
    """The form; empty, started from a template, or as the answer to a message."""
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
        kept = kept_contact_id(session, contact)
        if kept != contact_id:
            return request.redirect(address_of(kept, "message", **({"next": next} if next else {})))
    form = Form(fields={"reply": [reply], "next": [next], "once": [secrets.token_urlsafe(16)], "purpose": ["personal"]})
    answered = _answered(request, contact_id, reply)
    if answered is not None:
        form = _with(form, subject=_subject_of_answer(answered.subject))
    if template:
        form = _started(request, contact, _with(form, template=template))
    return _page(request, contact, form, answered)


@post(PATH, permission="message.send", max_body=2 * MAX_TOTAL + 1_000_000)
def compose_sent(request: Request, form: FormInput, contact_id: FromPath[int]) -> Response[str] | Redirect:
    """Start from the chosen template, or put the message into the outbox."""
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
    answered = _answered(request, contact_id, form.text("reply"))
    if form.text("do") == "template":
        return _page(request, contact, _started(request, contact, form), answered)
    _queue(request, form, contact, answered)
    if form.errors:
        return _page(request, contact, form, answered, status=422)
    # The worker of this process looks at once.
    request.site.job_waiting.set()
    name = contact.name or contact.email
    back = form.text("next") or address_of(contact_id) + "#panel-message-thread"
    if _missing(request.site):
        return request.redirect(back, "The message to %(name)s waits until sending is set up.", kind="info", name=name)
    return request.redirect(back, "The message to %(name)s is on its way.", name=name)


def _queue(request: Request, form: Form, contact: Contact, answered: Message | None) -> None:
    """Check what was typed and queue it; what is wrong becomes an error of its field, and nothing is stored."""
    site, uploads = request.site, form.file("files")
    for name, clean in (("subject", clean_subject), ("text", clean_text)):
        try:
            clean(form.text(name, multiline=name == "text"))
        except InvalidInput as error:
            form.fail(error, name)
    kind = _kind(request, form)
    if len(uploads) > MAX_FILES:
        form.fail(InvalidInput("%(max)s files at most.", field="files", max=MAX_FILES))
    if form.errors or kind is None:
        return
    subject, text = form.text("subject"), form.text("text", multiline=True)
    # The button pressed twice sends once (THREATS T-P1); another text from the same page is another message.
    told_apart = f"{request.actor.id} {contact.id} {form.text('once')} {kind.value}\n{subject}\n{text}"
    once = hashlib.sha256(told_apart.encode()).hexdigest() if form.text("once") else None
    try:
        with storing(site.settings.data_dir) as store:
            saved = [store.save(upload.filename, upload.file, limit=MAX_TOTAL) for upload in uploads]
            check_files([(one.name, one.size) for one in saved])
            with site.begin() as session:
                queue_message(
                    session,
                    site,
                    contact.id,
                    subject,
                    text,
                    kind.purpose,
                    topic=kind.topic,
                    actor=request.actor,
                    files=saved,
                    in_reply_to=answered.source_id if answered else "",
                    idempotency_key=f"compose.{once}" if once else None,
                )
                if answered is not None and answered.read_at is None:
                    mark_read(session, answered.id)
    except InvalidInput as error:
        form.fail(error)
    except SendRefused as refused:
        _refused(request, form, refused)


def _kind(request: Request, form: Form) -> MessageKind | None:
    try:
        return chosen_kind(message_kinds(request.site, request.language.code), form.text("purpose"))
    except InvalidInput as error:
        form.fail(error)
        return None


def _refused(request: Request, form: Form, refused: SendRefused) -> None:
    """Say beside the purpose who refuses and why."""
    site = request.site
    if refused.__cause__ is not None:
        # The transaction that recorded it is gone.
        failure = Failure(plugin=refused.plugin, place="may_send", message=describe(refused.__cause__))
        with site.begin() as session:
            state.record_failure(session, failure)
    words = refusal_words(site, request.language.code, refused)
    form.fail(InvalidInput("%(text)s", field="purpose", text=words))


def _answered(request: Request, contact_id: int, reply: str) -> Message | None:
    """The message from this contact that is answered. Raises NotFound for one of another contact (THREATS T-Z5)."""
    if not reply:
        return None
    number = int(reply) if reply.isascii() and reply.isdigit() and len(reply) < 19 else 0
    with request.site.session() as session:
        message = session.get(Message, number)
    if message is None or message.contact_id != contact_id or message.direction != "in":
        raise NotFound("There is no such message.")
    return message


def _subject_of_answer(subject: str) -> str:
    return subject if ANSWER.match(subject) else f"Re: {subject}".strip()


def _started(request: Request, contact: Contact, form: Form) -> Form:
    """The form with the chosen template in it. What was typed stays: a text below it, a subject in its place."""
    key, sender = form.text("template"), request.actor.name
    if not key:
        form.fail(InvalidInput("Choose a template.", field="template"))
        return form
    with request.site.session() as session:
        started = start_from(session, request.site, key, contact, sender)
        before = form.text("applied")
        known = start_from(session, request.site, before, contact, sender) if before else None
    typed, subject = form.text("text", multiline=True), form.text("subject")
    if known is not None and typed == known.text.strip():
        typed = ""
    if known is not None and subject == known.subject:
        subject = ""
    return _with(
        form,
        subject=subject or started.subject,
        text=f"{started.text}\n\n{typed}" if typed else started.text,
        purpose=started.purpose,
        applied=key,
    )


def _with(form: Form, **values: str) -> Form:
    return Form(
        fields={**form.fields, **{name: [value] for name, value in values.items()}},
        files=form.files,
        errors=form.errors,
    )


def _missing(site: Site) -> str:
    """What is missing to send: the mail server, or the sender; empty when nothing is."""
    if site.settings.mail_server is None:
        return "server"
    return "" if sender_of(site) else "sender"


def _page(
    request: Request, contact: Contact, form: Form, answered: Message | None, *, status: int = 200
) -> Response[str]:
    site, text = request.site, request.language.text
    person = person_of(contact)
    with site.session() as session:
        offered = offered_texts(session, site)
        kinds = message_kinds(site, request.language.code)
    own = [{"value": key, "label": label} for key, label, owner in offered if not owner]
    groups: list[dict[str, Any]] = [{"group": text("Your own"), "options": own}] if own else []
    for owner in dict.fromkeys(owner for _, _, owner in offered if owner):
        options = [{"value": key, "label": text(label)} for key, label, of in offered if of == owner]
        groups.append({"group": text(site.plugin_label(owner)), "options": options})
    back = form.text("next")
    return request.page(
        "messages/compose.html",
        status=status,
        contact=person,
        picture=picture_of(person),
        action=address_of(contact.id, "message"),
        back=local_path(back) if back else address_of(contact.id),
        values={
            name: form.text(name, multiline=name == "text")
            for name in ("subject", "text", "purpose", "template", "applied", "next", "reply", "once")
        },
        errors=form.errors,
        answered={"time": request.language.datetime(answered.occurred_at), "subject": answered.subject,
                  "text": answered.text, "iso": answered.occurred_at.isoformat()} if answered else None,
        templates=groups,
        purposes=[{"value": one.value, "label": one.label} for one in kinds],
        had_files=bool(form.file("files")),
        max_files=MAX_FILES,
        max_megabytes=MAX_TOTAL // 1_000_000,
        missing=_missing(site),
        sender=sender_of(site),
    )  # fmt: skip


ROUTES: list[Any] = [compose_page, compose_sent]

"""The page of a newsletter: before it is sent who gets it and how they will see it, then what becomes of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.contacts.profile import person_of
from core.errors import Conflict, InvalidInput, NotFound, SendRefused, TresenError
from core.messages import newsletters
from core.messages.audience import Reason, first_who_get_it, refusal_words
from core.messages.mail import sender_of
from core.messages.models import Newsletter
from core.messages.newsletter_numbers import numbers_of, problems_of, reasons_of
from core.messages.showing import Shown, send_test, show_to, shown_footers, shown_html
from core.messages.states import NEWSLETTER_LABELS, NEWSLETTER_SIGNS, STATE_LABELS
from core.messages.topics import message_kinds
from core.web.mail_frame import own_frame
from core.web.newsletters import HERE, newsletter_path
from core.web.profile.showing import address_of, picture_of
from core.web.requests import FormInput, Request
from core.web.routing import get, post

OFFERED = 20
"""People whose letter can be looked at without looking for them."""

PATH = f"{HERE}/{{newsletter_id:int}}"


@get(PATH, permission="message.newsletter")
def newsletter_page(request: Request, newsletter_id: FromPath[int], to: FromQuery[str] = "") -> Response[str]:
    """A draft with its audience and a preview (for the contact `to`), or a newsletter with its numbers."""
    with request.site.session() as session:
        row = newsletters.find_newsletter(session, newsletter_id)
        if row.state == "draft":
            return _review(request, session, row, to)
        return _progress(request, session, row)


def _review(
    request: Request, session: Session, row: Newsletter, to: str, *, error: TresenError | None = None
) -> Response[str]:
    site, language = request.site, request.language
    count, offered, problem = None, [], error
    try:
        newsletters.check_purpose(session, row)
        ids = newsletters.audience_ids(session, site, row, request.allows)
        count = newsletters.count_of(session, site, row, request.allows)
        offered = first_who_get_it(session, site, newsletters.mailing_of(row), ids, OFFERED)
    except SendRefused as refused:
        problem = InvalidInput("%(text)s", text=refusal_words(site, language.code, refused))
    except (InvalidInput, NotFound) as broken:
        problem = broken
    contact = _previewed(session, to) or (offered[0] if offered else None)
    shown, refusal = None, ""
    if contact is not None and problem in (None, error):
        try:
            shown = show_to(session, site, row, contact)
        except SendRefused as refused:
            refusal = refusal_words(site, language.code, refused)
    people = {one.id: one for one in [*([contact] if contact else []), *offered]}
    return request.page(
        "messages/newsletter_review.html",
        status=422 if error else 200,
        **_common(request, session, row, count.chosen if count else 0),
        count=count,
        reasons=_reasons(request, count.left_out if count else ()),
        problem=problem,
        people=[one.email for one in people.values()],
        shown_email=contact.email if contact else "",
        chosen_person=str(contact.id) if contact else "",
        shown=shown,
        frame=_frame_path(row, contact),
        plain=shown and "\n\n".join([shown.text, *(f"-- \n{one}" for one in shown_footers(site, shown))]),
        shown_to=person_of(contact).title if contact else "",
        refusal=refusal,
        own_email=request.person.email if request.person else "",
        missing="server" if site.settings.mail_server is None else "" if sender_of(site) else "sender",
    )


def _frame_path(row: Newsletter, contact: Contact | None) -> str:
    return newsletter_path(row.id, "letter") + (f"?to={contact.id}" if contact is not None else "")


@get(f"{PATH}/letter", permission="message.newsletter")
def letter_frame(request: Request, newsletter_id: FromPath[int], to: FromQuery[str] = "") -> Response[str]:
    """The HTML of a draft as the contact `to` gets it, for the frame of the preview."""
    with request.site.session() as session:
        row = newsletters.find_newsletter(session, newsletter_id)
        contact = _previewed(session, to)
        return own_frame(shown_html(request.site, _to_look_at(session, request, row, contact)))


def _progress(request: Request, session: Session, row: Newsletter) -> Response[str]:
    language = request.language
    numbers = numbers_of(session, [row])[row.id]
    done = max(numbers.chosen - numbers.waiting - numbers.gone, 0)
    return request.page(
        "messages/newsletter_sent.html",
        **_common(request, session, row, numbers.chosen),
        numbers=numbers,
        done=done,
        far={"done": language.number(done), "total": language.number(numbers.chosen)},
        reasons=_reasons(request, reasons_of(session, row.id)),
        problems=[
            {
                "title": one.person.title,
                "initials": one.person.initials,
                "tone": one.person.tone,
                "picture": picture_of(one.person),
                "href": address_of(one.person.id) + "#panel-message-thread",
                "what": language.text("Came back" if one.came_back else STATE_LABELS[one.state]),
                "reply": language.text(one.reply) if one.reply else "",
            }
            for one in problems_of(session, row.id)
        ],
        missing="server" if request.site.settings.mail_server is None else "" if sender_of(request.site) else "sender",
    )


def _common(request: Request, session: Session, row: Newsletter, number: int) -> dict[str, Any]:
    tone, icon = NEWSLETTER_SIGNS[row.state]
    kinds = message_kinds(request.site, request.language.code)
    wanted = row.topic or row.purpose
    return {
        "newsletter": row,
        "path": newsletter_path(row.id),
        "state": {"label": request.language.text(NEWSLETTER_LABELS[row.state]), "tone": tone, "icon": icon},
        "audience": {"kind": row.audience, "name": newsletters.audience_words(session, row), "number": number},
        "kind": next((one.label for one in kinds if one.value == wanted), wanted),
        "files": [one.name for one in newsletters.files_of(session, row.id)],
    }


def _reasons(request: Request, reasons: Any) -> list[dict[str, Any]]:
    text = request.language.text

    def line(one: Reason) -> dict[str, Any]:
        by = text(request.site.plugin_label(one.plugin)) if one.plugin else ""
        return {"reason": text(one.reason), "by": by, "number": request.language.number(one.number)}

    return [line(one) for one in reasons]


def _previewed(session: Session, to: str) -> Contact | None:
    """The contact whose letter is looked at, by its number or its address."""
    if to.isascii() and to.isdigit() and len(to) < 19:
        contact = session.get(Contact, int(to))
    elif "@" in to:
        from core.contacts.addresses import parse_address

        try:
            key = parse_address(to).key
        except InvalidInput:
            return None
        contact = session.scalar(select(Contact).where(Contact.email_key == key))
    else:
        return None
    return contact if contact is not None and contact.merged_into_id is None else None


# Sending


@post(f"{PATH}/send", permission="message.newsletter")
def send_newsletter(request: Request, form: FormInput, newsletter_id: FromPath[int]) -> Response[str] | Redirect:
    """Begin to send it, to as many as the page has said."""
    site = request.site
    expected = form.text("number")
    number = int(expected) if expected.isascii() and expected.isdigit() and len(expected) < 19 else -1
    try:
        with site.begin() as session:
            newsletters.start(
                session, site, newsletter_id, request.allows, expected=number, version=form.whole_number("version")
            )
    except (Conflict, InvalidInput, SendRefused) as error:
        with site.session() as session:
            row = newsletters.find_newsletter(session, newsletter_id)
            if row.state != "draft":
                return request.redirect(
                    newsletter_path(newsletter_id), "This newsletter was sent already.", kind="info"
                )
            shown = (
                InvalidInput("%(text)s", text=refusal_words(site, request.language.code, error))
                if isinstance(error, SendRefused)
                else error
            )
            return _review(request, session, row, form.text("to"), error=shown)
    # The worker of this process looks at once.
    site.job_waiting.set()
    return request.redirect(newsletter_path(newsletter_id), "The newsletter is being sent.")


@post(f"{PATH}/stop", permission="message.newsletter")
def stop_newsletter(request: Request, newsletter_id: FromPath[int]) -> Redirect:
    """Stop it: what is on its way arrives, nothing else goes out."""
    with request.site.begin() as session:
        newsletters.stop(session, newsletter_id)
    return request.redirect(newsletter_path(newsletter_id), "Stopped. Nothing more of it is sent.", kind="info")


@post(f"{PATH}/go-on", permission="message.newsletter")
def go_on(request: Request, newsletter_id: FromPath[int]) -> Redirect:
    """Send it to those who have not got it."""
    try:
        with request.site.begin() as session:
            newsletters.go_on(session, newsletter_id)
    except InvalidInput as error:
        words = request.language.text(error.message, **{name: str(value) for name, value in error.values.items()})
        return request.redirect(newsletter_path(newsletter_id), "%(text)s", kind="error", text=words)
    request.site.job_waiting.set()
    return request.redirect(newsletter_path(newsletter_id), "The newsletter is being sent.")


@post(f"{PATH}/test", permission="message.newsletter")
def test_newsletter(request: Request, form: FormInput, newsletter_id: FromPath[int]) -> Redirect:
    """Send the letter of the previewed person to oneself."""
    site, person, to = request.site, request.person, form.text("to")
    assert person is not None
    with site.session() as session:
        row = newsletters.find_newsletter(session, newsletter_id)
        contact = _previewed(session, to)
        shown, files = _to_look_at(session, request, row, contact), newsletters.files_of(session, row.id)
    back = newsletter_path(newsletter_id) + ("?" + urlencode({"to": to}) if to else "")
    try:
        send_test(site, shown, files, person.name, person.email)
    except InvalidInput as error:
        text = request.language.text
        said = {name: text(str(value)) for name, value in error.values.items()}
        return request.redirect(back, "%(text)s", kind="error", text=text(error.message, **said))
    return request.redirect(back, "The test is sent to %(email)s.", email=person.email)


def _to_look_at(session: Session, request: Request, row: Newsletter, contact: Contact | None) -> Shown:
    """The letter of a person; without anybody who gets it, with the placeholders as they are."""
    if contact is not None:
        try:
            return show_to(session, request.site, row, contact)
        except SendRefused:
            contact = None
    return Shown(
        to_name="",
        to_email="",
        language=request.site.settings.language,
        subject=row.subject,
        text=row.text,
        footers=[],
    )


ROUTES: list[Any] = [newsletter_page, letter_frame, send_newsletter, stop_newsletter, go_on, test_newsletter]

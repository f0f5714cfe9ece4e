"""The sign-up form, here and inside a frame of another website: an address, the boxes, and the mail to confirm.

Nobody learns by it whether an address is known: the answer is always the same. An address that is typed again and again
gets no more mails than `confirming.CAPS` allows, and leaves no more traces than these (THREATS T-P2).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

from attrs import frozen
from litestar.params import FromQuery
from litestar.response import Redirect, Response
from sqlalchemy import delete
from sqlalchemy.orm import Session

from core import (
    Activity,
    Capture,
    CaptureRejected,
    Details,
    FormInput,
    InvalidInput,
    PublicField,
    Request,
    Site,
    Submission,
    capture_contact,
    get,
    hold_address,
    parse_address,
    post,
    sign,
    unsign,
    upsert,
)
from plugins.consent.asking import PREFIX, boxes, record_ticks
from plugins.consent.models import ConsentSending
from plugins.consent.purposes import open_purposes

FORM = "consent.signup"
KIND = "consent.signed_up"
PATH = "/newsletter"

FASTEST = 2.0
"""Seconds: nobody types an address and ticks a box faster."""

PER_HOUR = 12
"""Sign-ups that one network may send within an hour, and that are taken for one address."""

# As the core's policy, but any website may show this page in a frame: that is what it is for.
EMBEDDED_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors *; manifest-src 'self'"
)


@frozen(kw_only=True)
class Token:
    """What the page carries back: when it was shown, and a mark of the boxes that it showed."""

    shown_at: datetime
    boxes: str


@get(PATH, public=True)
def show_signup(request: Request, only: FromQuery[str] = "") -> Response[str]:
    """The form as a page of this site."""
    return _show(request, only, embedded=False)


@get(f"{PATH}/embed", public=True)
def show_embedded_signup(request: Request, only: FromQuery[str] = "") -> Response[str]:
    """The form alone, for a frame on another website."""
    return _show(request, only, embedded=True)


@post(PATH, public=True, max_body=50_000)
def sign_up(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Take a sign-up, and ask for its confirmation by mail."""
    return _send(request, form, embedded=False)


@post(f"{PATH}/embed", public=True, max_body=50_000)
def sign_up_embedded(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Take a sign-up from inside a frame."""
    return _send(request, form, embedded=True)


@get(f"{PATH}/thanks", public=True)
def show_thanks(request: Request) -> Response[str]:
    """What happens now."""
    return request.page("consent/signup_thanks.html")


@get(f"{PATH}/embed/thanks", public=True)
def show_embedded_thanks(request: Request) -> Response[str]:
    """What happens now, inside a frame."""
    return _framable(request.page("consent/signup_embed_thanks.html"))


@get("/dashboard/consent/signup", permission="consent.purposes")
def show_snippets(request: Request, only: FromQuery[str] = "") -> Response[str]:
    """What to copy: the address, and the code of a frame; for all boxes, or for one purpose."""
    site, language = request.site, request.language
    with site.session() as session:
        purposes = [one for one in open_purposes(session) if one.needs_confirmation]
    query = f"?{urlencode({'only': only})}" if only in {one.key for one in purposes} else ""
    address = f"{site.settings.base_url}{PATH}"
    frame = (
        f'<iframe src="{escape(address)}/embed{query}" title="{escape(language.text("Newsletter"))}" '
        'width="100%" height="420" style="border: 0" loading="lazy"></iframe>'
    )
    return request.page(
        "consent/signup_snippets.html",
        address=address + query,
        frame=frame,
        only=only,
        purposes=[{"value": one.key, "label": one.name(site, language.code)} for one in purposes],
        has_boxes=bool(_boxes(site, language.code, only)),
    )


def _boxes(site: Site, language: str, only: str) -> list[PublicField]:
    """The boxes of all advertising that has a text in this language, or of the one purpose that was asked for."""
    with site.session() as session:
        asked = {PREFIX + one.key for one in open_purposes(session) if one.needs_confirmation}
    wanted = {PREFIX + only} & asked or asked
    return [one for one in boxes(site, FORM, language) if one.key in wanted]


def _show(request: Request, only: str, *, embedded: bool) -> Response[str]:
    shown = _boxes(request.site, request.language.code, only)
    return _render(request, shown, _page_token(request.site, shown, datetime.now(UTC)), only, embedded=embedded)


def _send(request: Request, form: FormInput, *, embedded: bool) -> Response[str] | Redirect:
    site, now, only = request.site, datetime.now(UTC), form.text("only")
    shown, email = _boxes(site, request.language.code, only), form.text("email")
    token = _read_token(site, form.text("token"))
    status = _check(request, form, shown, token, now)
    if not form.errors:
        key = parse_address(email).key
        if not form.text("website") and _count(site, "address", key, now):
            try:
                with site.begin() as session:
                    _record(session, request, form, shown, now)
            except CaptureRejected as error:
                refusal = InvalidInput(error.message)
                refusal.values = error.values
                form.fail(refusal, "email")
    if form.errors:
        return _render(
            request,
            shown,
            # Who mends a mistake may be quick.
            _page_token(site, shown, now - timedelta(seconds=FASTEST)),
            only,
            embedded=embedded,
            status=status,
            values=form.values,
            errors=form.errors,
        )
    return request.redirect(f"{PATH}/embed/thanks" if embedded else f"{PATH}/thanks")


def _check(request: Request, form: FormInput, shown: Sequence[PublicField], token: Token | None, now: datetime) -> int:
    """Note what is wrong; answers the status for a form that is shown again."""
    try:
        parse_address(form.text("email"))
    except InvalidInput as error:
        form.fail(error, "email")
    if shown and not any(form.ticked(one.key) for one in shown):
        form.fail(InvalidInput("Tick what you want to get."), shown[0].key)
    if token is None or token.boxes != _mark(shown):
        # Also a text that has changed since: what is recorded as read must be what was shown.
        form.fields = {name: values for name, values in form.fields.items() if not name.startswith(PREFIX)}
        form.fail(InvalidInput("Please read it once more, and send it again."))
    elif (now - token.shown_at).total_seconds() < FASTEST:
        form.fail(InvalidInput("That was very fast. Please send it again."))
    if not form.errors and request.network and not _count(request.site, "network", request.network, now):
        form.fail(InvalidInput("Many entries came from your connection. Please try again in an hour."))
        return 429
    return 422


def _record(session: Session, request: Request, form: FormInput, shown: Sequence[PublicField], now: datetime) -> None:
    """Make a lead of an address that nobody knows, and keep what was ticked; of a known one nothing else changes."""
    site, email = request.site, form.text("email")
    known = hold_address(session, parse_address(email).key)
    if known is not None:
        contact_id = known.id
    else:
        capture = Capture(
            email=email,
            module="consent",
            activity=Activity(kind=KIND),
            details=Details(language=request.language.code),
            occurred_at=now,
        )
        contact_id = capture_contact(session, site, capture).contact_id
    submission = Submission(
        form=FORM,
        contact_id=contact_id,
        email=email,
        ticked=frozenset(one.key for one in shown if form.ticked(one.key)),
        wordings={one.key: one.wording for one in shown},
        page=site.settings.base_url + request.scope["path"],
        language=request.language.code,
        occurred_at=now,
    )
    record_ticks(session, site, submission)


def _render(
    request: Request,
    shown: Sequence[PublicField],
    token: str,
    only: str,
    *,
    embedded: bool,
    status: int = 200,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, InvalidInput] | None = None,
) -> Response[str]:
    answer = request.page(
        "consent/signup_embed.html" if embedded else "consent/signup.html",
        status=status if shown else 404,
        action=f"{PATH}/embed" if embedded else PATH,
        boxes=shown,
        token=token,
        only=only,
        values=values or {},
        errors=errors or {},
    )
    return _framable(answer) if embedded else answer


def _framable(answer: Response[str]) -> Response[str]:
    answer.headers["content-security-policy"] = EMBEDDED_POLICY
    return answer


# Against programs


def _page_token(site: Site, shown: Sequence[PublicField], now: datetime) -> str:
    text = f"{secrets.token_urlsafe(12)} {now.timestamp():.3f} {_mark(shown)}"
    return sign(site.secret, "consent.signup", text)


def _read_token(site: Site, token: str) -> Token | None:
    text = unsign(site.secret, "consent.signup", token)
    if text is None:
        return None
    _, moment, mark = text.split(" ")
    return Token(shown_at=datetime.fromtimestamp(float(moment), UTC), boxes=mark)


def _mark(shown: Sequence[PublicField]) -> str:
    text = "\n".join(f"{one.key}\t{one.wording}" for one in shown)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _count(site: Site, kind: str, sender: str, now: datetime) -> bool:
    """Count one sign-up of a sender, in a transaction of its own; answers whether it is within the limit."""
    mark = sign(site.secret, "consent.sender", f"{kind} {sender}").rpartition(".")[2]
    hour = int(now.timestamp() // 3600)
    with site.begin() as session:
        count: int = session.execute(
            upsert(
                session,
                ConsentSending,
                {"sender": mark, "hour": hour, "count": 1},
                keys=["sender", "hour"],
                update={"count": ConsentSending.count + 1},
            ).returning(ConsentSending.count)
        ).scalar_one()
        if count == 1:
            session.execute(delete(ConsentSending).where(ConsentSending.hour < hour - 1))
    return count <= PER_HOUR


ROUTES: list[Any] = [
    show_signup,
    show_embedded_signup,
    sign_up,
    sign_up_embedded,
    show_thanks,
    show_embedded_thanks,
    show_snippets,
]

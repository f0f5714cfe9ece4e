"""The visitor's pages: the form, here and inside a frame of another website, and the thanks (FEATURES F1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen
from litestar.params import FromPath
from litestar.response import Redirect, Response

from core import (
    CaptureRejected,
    FormInput,
    InvalidInput,
    PublicField,
    Request,
    check_public_fields,
    get,
    parse_address,
    post,
    public_fields,
)
from plugins.forms.definitions import Definition, find_form
from plugins.forms.entries import Box, Sent, check_answers, record_entry
from plugins.forms.guarding import (
    FASTEST,
    Token,
    boxes_mark,
    count_sending,
    page_token,
    read_token,
    suspicion_of,
)

FORM = "forms.entry"
"""Name under which other plugins see every form (hook `public_fields`)."""

MAX_BODY = 2_000_000
"""Bytes. Far more than an entry may have, so that a text that is too long comes back to its writer."""

# As the core's policy, but any website may show this page in a frame: that is what it is for.
EMBEDDED_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors *; manifest-src 'self'"
)


@frozen(kw_only=True)
class Place:
    """Where a form is shown: as a page of this site, or inside a frame of another."""

    template: str
    thanks: str
    embedded: bool

    def path(self, slug: str) -> str:
        """The address the form is shown at and sent to."""
        return f"/forms/{slug}/embed" if self.embedded else f"/forms/{slug}"


PAGE = Place(template="forms/page.html", thanks="forms/thanks.html", embedded=False)
FRAME = Place(template="forms/embed.html", thanks="forms/embed_thanks.html", embedded=True)


@get("/forms/{slug:str}", public=True)
def show_form(request: Request, slug: FromPath[str]) -> Response[str]:
    """The form as a page of this site."""
    return _show(request, slug, PAGE)


@get("/forms/{slug:str}/embed", public=True)
def show_embedded(request: Request, slug: FromPath[str]) -> Response[str]:
    """The form alone, for a frame on another website."""
    return _show(request, slug, FRAME)


@post("/forms/{slug:str}", public=True, from_anywhere=True, max_body=MAX_BODY)
def send_form(request: Request, form: FormInput, slug: FromPath[str]) -> Response[str] | Redirect:
    """Take an entry, from this site's page or from the HTML on another website. No cookie is trusted."""
    return _send(request, form, slug, PAGE)


@post("/forms/{slug:str}/embed", public=True, from_anywhere=True, max_body=MAX_BODY)
def send_embedded(request: Request, form: FormInput, slug: FromPath[str]) -> Response[str] | Redirect:
    """Take an entry from inside a frame."""
    return _send(request, form, slug, FRAME)


@get("/forms/{slug:str}/thanks", public=True)
def show_thanks(request: Request, slug: FromPath[str]) -> Response[str]:
    """Thank you."""
    return _thank(request, slug, PAGE)


@get("/forms/{slug:str}/embed/thanks", public=True)
def show_embedded_thanks(request: Request, slug: FromPath[str]) -> Response[str]:
    """Thank you, inside a frame."""
    return _thank(request, slug, FRAME)


def _find(request: Request, slug: str) -> Definition:
    with request.site.session() as session:
        return find_form(session, slug)


def _show(request: Request, slug: str, place: Place) -> Response[str]:
    definition = _find(request, slug)
    boxes = public_fields(request, FORM)
    token = page_token(request.site, slug, boxes, datetime.now(UTC))
    return _render(request, definition, place, boxes, token)


def _send(request: Request, form: FormInput, slug: str, place: Place) -> Response[str] | Redirect:
    site, now = request.site, datetime.now(UTC)
    definition = _find(request, slug)
    if not definition.active:
        return _render(request, definition, place, [], "")
    answers = {
        one.key: ("1" if form.ticked(one.key) else "")
        if one.kind == "checkbox"
        else form.text(one.key, multiline=one.kind == "textarea")
        for one in definition.fields
    }
    for key, error in check_answers(definition, answers).items():
        form.fail(error, key)
    typed = form.text("token")
    token = read_token(site, slug, typed)
    boxes = public_fields(request, FORM)
    # The HTML on another website shows no boxes: nothing can be agreed to there that could be proved.
    shown = [] if token is None or token.shown_at is None else boxes
    check_public_fields(shown, form)
    if token is not None and token.shown_at is not None and token.boxes != boxes_mark(boxes):
        _ask_again(form, boxes)
    status = 422
    if not form.errors and request.network and not count_sending(site, "network", request.network, now):
        form.fail(InvalidInput("Many entries came from your connection. Please try again in an hour."))
        status = 429
    if not form.errors:
        suspicion = suspicion_of(token, form.text("website"), now)
        email = next(answers[one.key] for one in definition.fields if one.kind == "email")
        if not suspicion and not count_sending(site, "email", parse_address(email).key, now):
            suspicion = "too_many"
        sent = Sent(
            answers=answers,
            occurred_at=now,
            page=_page_of(request, token),
            language=request.language.code,
            boxes=[Box(key=one.key, wording=one.wording, ticked=form.ticked(one.key)) for one in shown],
            nonce=token.nonce if token else "",
            suspicion=suspicion,
        )
        try:
            with site.begin() as session:
                record_entry(session, site, definition.spoken(site.language(site.settings.language)), sent)
        except CaptureRejected as error:
            refusal = InvalidInput(error.message)
            refusal.values = error.values
            form.fail(refusal)
        else:
            return request.redirect(place.path(slug) + "/thanks")
    return _render(
        request,
        definition,
        place,
        boxes,
        _token_again(request, slug, boxes, typed, token, now),
        status=status,
        values=form.values,
        errors=form.errors,
    )


def _ask_again(form: FormInput, boxes: Sequence[PublicField]) -> None:
    """A wording beside a ticked box has changed since the page was shown: the person reads the new one."""
    for box in boxes:
        if form.ticked(box.key):
            form.fail(InvalidInput("This text has changed. Please read it and tick the box again."), box.key)
            form.fields = {name: values for name, values in form.fields.items() if name != box.key}


def _token_again(
    request: Request,
    slug: str,
    boxes: Sequence[PublicField],
    typed: str,
    token: Token | None,
    now: datetime,
) -> str:
    """The token for a form that is shown again: the same one, so that sending it twice stays one entry."""
    if token is not None and token.shown_at is not None and token.boxes == boxes_mark(boxes):
        return typed
    # Who has typed already is not asked to wait once more.
    shown_at = now if token is None else now - timedelta(seconds=FASTEST)
    return page_token(request.site, slug, boxes, shown_at)


def _render(
    request: Request,
    definition: Definition,
    place: Place,
    boxes: Sequence[PublicField],
    token: str,
    *,
    status: int = 200,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, InvalidInput] | None = None,
) -> Response[str]:
    form = definition.spoken(request.language)
    answer = request.page(
        place.template,
        # A form that staff have closed is not gone: its page says so.
        status=status if form.active else 404,
        form=form,
        action=place.path(form.slug),
        boxes=boxes,
        token=token,
        values=values or {},
        errors=errors or {},
        embedded=place.embedded,
    )
    return _framable(answer) if place.embedded else answer


def _thank(request: Request, slug: str, place: Place) -> Response[str]:
    form = _find(request, slug).spoken(request.language)
    answer = request.page(place.thanks, form=form, back=place.path(slug))
    return _framable(answer) if place.embedded else answer


def _framable(answer: Response[str]) -> Response[str]:
    answer.headers["content-security-policy"] = EMBEDDED_POLICY
    return answer


def _page_of(request: Request, token: Token | None) -> str:
    """The address of the page an entry came from: ours, or the other website as the browser names it."""
    own = request.site.settings.base_url + request.scope["path"]
    if token is not None and token.shown_at is not None:
        return own
    referer = request.headers.get("referer", "")[:500].replace("\x00", "")
    return referer if urlsplit(referer).scheme in ("http", "https") else ""


ROUTES: list[Any] = [show_form, show_embedded, send_form, send_embedded, show_thanks, show_embedded_thanks]

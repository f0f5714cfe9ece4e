"""The own tokens of the API: made, shown once, and ended."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response

from core.api.tokens import list_tokens, make_token, revoke_token
from core.errors import InvalidInput
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

TOKENS = "/dashboard/account/tokens"


def _page(request: Request, form: Form | None = None, *, token: str = "", status: int = 200) -> Response[str]:
    assert request.person is not None, "the route asks for a permission"
    with request.site.session() as session:
        tokens = list_tokens(session, request.person.id)
    return request.page(
        "staff/tokens.html",
        status=status,
        tokens=tokens,
        token=token,
        values=form.values if form else {},
        errors=form.errors if form else {},
        document=f"{request.site.settings.base_url}/api/openapi.json",
        example=f"{request.site.settings.base_url}/api/v1/contacts",
    )


@get(TOKENS, permission="staff.tokens")
def tokens_page(request: Request) -> Response[str]:
    """The tokens of the person who is signed in."""
    return _page(request)


@post(TOKENS, permission="staff.tokens")
def create_token(request: Request, form: FormInput) -> Response[str]:
    """Make a token; this answer is the only one that shows it."""
    assert request.person is not None, "the route asks for a permission"
    try:
        with request.site.begin() as session:
            token = make_token(session, request.person.id, form.text("name"))
    except InvalidInput as error:
        form.fail(error)
        return _page(request, form, status=422)
    return _page(request, token=token)


@post(f"{TOKENS}/{{token_id:int}}/revoke", permission="staff.tokens")
def end_token(request: Request, token_id: FromPath[int]) -> Redirect:
    """End a token at once."""
    assert request.person is not None, "the route asks for a permission"
    with request.site.begin() as session:
        name = revoke_token(session, request.person.id, token_id)
    return request.redirect(TOKENS, "The token “%(name)s” does not count any more.", name=name)


ROUTES: list[Any] = [tokens_page, create_token, end_token]

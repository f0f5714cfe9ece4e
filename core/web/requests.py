"""What a handler gets: the request with its site, its signed-in person and its language; and the form that was sent."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeAlias

from attrs import define, field
from litestar import Request as LitestarRequest
from litestar.datastructures import State, UploadFile
from litestar.di import NamedDependency
from litestar.response import Redirect, Response

from core.errors import InvalidInput
from core.i18n import LANGUAGES, Language, choose_language
from core.site import Site
from core.staff.access import SignedIn
from core.values import VISITOR, Actor
from core.web.addresses import client_address, network_of
from core.web.cookies import cookie_name, drop_cookie
from core.web.toasts import TOAST_COOKIE, read_toasts, toast_cookie
from core.zone.sessions import Customer

LANGUAGE_COOKIE = "tresen_language"
THEME_COOKIE = "tresen_theme"


class Request(LitestarRequest[SignedIn | None, Any, State]):
    """A request to one site. Handlers take their `Site` from here, never from a closure (DESIGN section 1)."""

    @property
    def site(self) -> Site:
        """The site this request came to, with the plugins that are on now."""
        site: Site = self.scope["state"]["site"]
        return site

    @property
    def person(self) -> SignedIn | None:
        """Who is signed in to the dashboard; None for a visitor."""
        person: SignedIn | None = self.scope.get("user")
        return person

    @property
    def customer(self) -> Customer:
        """Who is signed in to the Client Zone. Raises LookupError on a route that is not for customers."""
        customer = self.scope.get("customer")
        if not isinstance(customer, Customer):
            raise LookupError("Only a route with customer=True has a customer.")
        return customer

    @property
    def actor(self) -> Actor:
        """The signed-in person, or the visitor, as the activity log names them."""
        return self.person.actor if self.person else VISITOR

    @property
    def network(self) -> str:
        """The network that counts as one visitor, for limits; empty when the server does not tell it."""
        return network_of(client_address(self.scope, self.site.settings.trusted_proxies))

    @cached_property
    def language(self) -> Language:
        """The language of the answer: the one chosen, else the browser's, else the site's (DESIGN section 9)."""
        chosen = self.cookies.get(cookie_name(self.site, LANGUAGE_COOKIE), "")
        if chosen not in LANGUAGES:
            chosen = choose_language(self.headers.get("accept-language", ""), self.site.settings.language)
        return self.site.language(chosen)

    def allows(self, permission: str | None) -> bool:
        """Whether the signed-in person has a permission; None asks for nothing."""
        if permission is None:
            return True
        return self.person is not None and self.person.has(permission, self.site.contributions.permissions)

    @property
    def open_pages(self) -> frozenset[str]:
        """Addresses of the pages that there are and that this person may open, with `{…}` where a number stands."""
        kept: dict[str | None, frozenset[str]] = self.site.__dict__.setdefault("_open_pages", {})
        role = self.person.role if self.person else None
        if role not in kept:
            kept[role] = frozenset(
                path
                for _, route in self.site.contributions.routers
                if "GET" in getattr(route, "http_methods", ())
                and not (route.opt or {}).get("customer")
                and self.allows((route.opt or {}).get("permission"))
                for path in route.paths
            )
        return kept[role]

    def page(self, template: str, *, status: int = 200, **values: object) -> Response[str]:
        """Render a template into an answer. Done here, in the handler's thread, so the event loop never renders."""
        from core.web.jobs import ended_jobs, forget_jobs
        from core.web.rendering import render

        ended = [] if "x-fragment" in self.headers else ended_jobs(self)
        if ended:
            values["toasts"] = [*read_toasts(self), *(toast for _, toast in ended)]
        answer = Response(render(self, template, values), media_type="text/html", status_code=status)
        forget_jobs(self, answer, [job_id for job_id, _ in ended])
        if cookie_name(self.site, TOAST_COOKIE) in self.cookies:
            answer.set_cookie(drop_cookie(self.site, TOAST_COOKIE))
        return answer

    def redirect(
        self,
        path: str,
        toast: str = "",
        *,
        kind: str = "success",
        undo: str = "",
        link: tuple[str, str] | None = None,
        **values: object,
    ) -> Redirect:
        """Answer a sent form: go to `path` on this site (303), and say `toast` there, a message id with placeholders.

        `undo` is the path of a POST that takes it back, `link` a text (a message id) and the path that it leads to.
        """
        answer = Redirect(local_path(path), status_code=303)
        if toast:
            answer.set_cookie(toast_cookie(self.site, toast, values, kind=kind, undo=undo, link=link))
        return answer


def local_path(path: str) -> str:
    """`path` if it leads to this site, else the start page (THREATS T-X5): no scheme, no host, no `//` or `/\\`."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_local and not any(unicodedata.category(character) == "Cc" for character in path) else "/"


@define
class Form:
    """The fields of a sent form. Reading never fails on what is missing: an absent field is empty.

    `errors` collects what is wrong, by field, as texts in English message ids with their values; a handler that finds
    any renders the form again with `values` and `errors`, so that nothing typed is lost.
    """

    fields: Mapping[str, list[str]] = field(factory=dict)
    files: Mapping[str, list[UploadFile]] = field(factory=dict)
    errors: dict[str, InvalidInput] = field(factory=dict)

    def text(self, name: str, *, multiline: bool = False) -> str:
        """The field's text, trimmed, in NFC; NUL is dropped, and line breaks become spaces unless `multiline`."""
        value = (self.fields.get(name) or [""])[-1]
        value = unicodedata.normalize("NFC", value.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n"))
        return (value if multiline else value.replace("\n", " ")).strip()

    def texts(self, name: str) -> list[str]:
        """All values of a field that can be sent several times."""
        return [value.replace("\x00", "").strip() for value in self.fields.get(name, []) if value.strip()]

    def ticked(self, name: str) -> bool:
        """Whether a tick box was ticked."""
        return bool(self.fields.get(name))

    def whole_number(self, name: str) -> int | None:
        """A whole number; None when empty. Anything else becomes an error of the field."""
        value = self.text(name)
        if not value:
            return None
        if not value.lstrip("-").isascii() or not value.lstrip("-").isdigit() or len(value) > 15:
            self.errors[name] = InvalidInput("Enter a whole number.", field=name)
            return None
        return int(value)

    def file(self, name: str) -> list[UploadFile]:
        """The uploaded files of a field; an empty file input sends one without a name, which is left out."""
        return [upload for upload in self.files.get(name, []) if upload.filename]

    def fail(self, error: InvalidInput, name: str = "") -> None:
        """Remember what is wrong; the first error of a field stays."""
        self.errors.setdefault(name or error.field or "", error)

    @property
    def values(self) -> dict[str, str]:
        """What was typed, by field, to fill the form again."""
        return {name: values[-1] for name, values in self.fields.items() if values}


async def read_form(request: LitestarRequest[Any, Any, Any]) -> Form:
    """Read the body of a form; the dependency `form` of every handler that asks for it."""
    if request.method in ("GET", "HEAD"):
        return Form()
    data = await request.form()
    fields: dict[str, list[str]] = {}
    files: dict[str, list[UploadFile]] = {}
    for name, value in data.multi_items():
        if isinstance(value, UploadFile):
            files.setdefault(name, []).append(value)
        else:
            fields.setdefault(name, []).append(str(value))
    return Form(fields=fields, files=files)


FormInput: TypeAlias = NamedDependency[Form]
"""Annotation of the handler argument `form`."""

"""The settings screen: every settings field of the core and the plugins, and the stylesheet with the site's accent."""

from __future__ import annotations

import re
from typing import Any

from litestar.response import Redirect, Response

from core import state
from core.errors import InvalidInput
from core.plugins import plugin_of
from core.site import Site
from core.values import SettingsField
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

MAX_LENGTH = 5000

GROUP_LABELS = {"site": "Site", "message": "Sender", "mailbox": "Answers", "zone": "Client Zone"}
"""Plugin of the core → heading above its settings, and what a message came by; a message id."""


@get("/dashboard/settings", permission="site.settings")
def show_settings(request: Request) -> Response[str]:
    """All settings, grouped by plugin."""
    return _page(request, Form())


@post("/dashboard/settings", permission="site.settings")
def save_settings(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Save all settings, or none when one of them can't be used."""
    site = request.site
    cleaned = {key: _clean(site, declared, form) for key, declared in site.contributions.settings_fields.items()}
    if form.errors:
        return _page(request, form, status=422)
    with site.begin() as session:
        for key, value in cleaned.items():
            if value != site.setting(key):
                state.save_setting(session, key, value)
    request.scope["state"]["site_changed"] = True
    return request.redirect("/dashboard/settings", "Settings saved.")


def clean_colour(text: str) -> str:
    """A colour as #rrggbb. Raises InvalidInput for anything else: it is written into a stylesheet."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise InvalidInput("Choose a colour, such as %(example)s.", example="#2457d6")
    return text.lower()


def _clean(site: Site, declared: SettingsField, form: Form) -> str:
    if declared.kind == "yesno":
        return "yes" if form.ticked(declared.key) else "no"
    if declared.key not in form.fields:
        # Its plugin was switched on after the page was opened: nobody has emptied it.
        return site.setting(declared.key)
    text = form.text(declared.key, multiline=declared.kind == "textarea")
    try:
        if len(text) > MAX_LENGTH:
            raise InvalidInput("This is too long: %(max)s characters at most.", max=MAX_LENGTH)
        if declared.choices and text not in {choice.value for choice in declared.choices}:
            raise InvalidInput("Choose one of the options.")
        if declared.kind == "colour":
            text = clean_colour(text)
        return declared.clean(text) if declared.clean else text
    except InvalidInput as error:
        form.fail(error, declared.key)
        return text


def _page(request: Request, form: Form, *, status: int = 200) -> Response[str]:
    site = request.site
    groups: dict[str, list[dict[str, Any]]] = {}
    for key, declared in site.contributions.settings_fields.items():
        typed = form.values.get(key, "no" if declared.kind == "yesno" else "") if form.errors else site.setting(key)
        groups.setdefault(plugin_of(key), []).append(
            {
                "field": declared,
                "value": typed,
                "error": form.errors.get(key),
                "options": [
                    {"value": choice.value, "label": request.language.text(choice.label)} for choice in declared.choices
                ],
            }
        )
    return request.page(
        "site/settings.html",
        status=status,
        groups=[(group_label(site, key), entries) for key, entries in groups.items()],
        errors=form.errors,
    )


def group_label(site: Site, plugin: str) -> str:
    """A plugin's name for people, also of one of the core's: the heading above its settings. A message id."""
    return GROUP_LABELS.get(plugin) or site.plugin_label(plugin)


@get("/site.css", public=True)
def site_style(request: Request) -> Response[str]:
    """The stylesheet in which the site sets its accent colour; its address changes with the settings."""
    return Response(
        f":root {{ --accent: {request.site.setting('site.accent')}; }}\n",
        media_type="text/css",
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )


ROUTES: list[Any] = [show_settings, save_settings, site_style]

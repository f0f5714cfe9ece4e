"""Public forms of plugins, and the tick boxes that other plugins add to them (hook `public_fields`)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from core import state
from core.errors import InvalidInput
from core.plugins import Failure, describe
from core.values import PublicField, Submission

if TYPE_CHECKING:
    from core.site import Site
    from core.web.requests import Form, Request

log = logging.getLogger("tresen.forms")


def public_fields(request: Request, form: str) -> Sequence[PublicField]:
    """The tick boxes that plugins add to the public form called `form` ("notes.ask"), in the page's language.

    A plugin that raises is left out and recorded: a broken plugin never costs an order.
    """
    site = request.site
    fields: list[PublicField] = []
    for implementation in site.plugins.implementations("public_fields", site.enabled):
        try:
            fields.extend(implementation(site=site, form=form, language=request.language.code))
        except (Exception, SystemExit) as error:
            log.exception("Plugin %r failed in hook 'public_fields'", implementation.plugin)
            failure = Failure(plugin=implementation.plugin, place="public_fields", message=describe(error))
            with site.begin() as session:
                state.record_failure(session, failure)
    return sorted(fields, key=lambda field: (field.order, field.key))


def check_public_fields(fields: Sequence[PublicField], form: Form) -> None:
    """Note an error for each box that must be ticked and was not."""
    for field in fields:
        if field.required and not form.ticked(field.key):
            form.fail(InvalidInput("Tick this box to go on.", field=field.key))


def submit_public_form(
    session: Session,
    request: Request,
    form: Form,
    name: str,
    fields: Sequence[PublicField],
    *,
    contact_id: int,
    email: str,
    occurred_at: datetime,
) -> None:
    """Tell the plugins which of their boxes were ticked, after the form was captured and in the same transaction.

    `fields` are those that were shown (`public_fields`); `name` is the form's, as in `public_fields`.
    """
    site: Site = request.site
    site.tell(
        session,
        "public_form_submitted",
        submission=Submission(
            form=name,
            contact_id=contact_id,
            email=email,
            ticked=frozenset(field.key for field in fields if form.ticked(field.key)),
            wordings={field.key: field.wording for field in fields},
            page=site.settings.base_url + request.scope["path"],
            language=request.language.code,
            occurred_at=occurred_at,
        ),
    )

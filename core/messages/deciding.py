"""Whether a message may be sent: every plugin is asked, and one refusal stops it (FEATURES M3)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen
from sqlalchemy.orm import Session

from core import state
from core.errors import SendRefused
from core.plugins import Failure, describe, plugin_of
from core.values import Outgoing, SendVerdict

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.messages")

FAILED = "It could not say whether this message may be sent."
"""Reason of a plugin that failed when it was asked, a message id. Its error is on the Module screen."""

NOBODY = "No module that is switched on knows who has agreed to advertising."
"""Reason for advertising that no plugin has a say in, a message id."""

OWNER_OFF = "It is switched off, and nobody else knows who wants this kind of advertising."
"""Reason for a topic whose plugin is off, a message id."""


@frozen(kw_only=True)
class Allowed:
    """What the plugins that let a message go have added to it."""

    headers: Mapping[str, str] = field(factory=dict)
    footers: tuple[str, ...] = ()


def ask_may_send(session: Session, site: Site, message: Outgoing) -> Allowed:
    """Ask every enabled plugin, each in a savepoint of the caller's transaction.

    Raises SendRefused at the first that refuses. One that fails refuses too, and is recorded: advertising that nobody
    may get must not go out because of a mistake in the plugin that would have stopped it (DESIGN section 3). Nor does
    any of which no plugin says a word: the one that knows who agreed to it may be switched off.
    """
    check_owner(site, message.topic)
    headers: dict[str, str] = {}
    footers: list[str] = []
    was_asked_about = False
    for implementation in site.plugins.implementations("may_send", site.enabled):
        savepoint = session.begin_nested()
        try:
            verdict = implementation(session=session, site=site, message=message)
            if verdict is not None and not isinstance(verdict, SendVerdict):
                raise TypeError(f"may_send answers {verdict!r:.80}. Return None or a SendVerdict.")
            savepoint.commit()
        except (Exception, SystemExit) as error:
            log.exception("Plugin %r failed in hook 'may_send'", implementation.plugin)
            savepoint.rollback()
            failure = Failure(plugin=implementation.plugin, place="may_send", message=describe(error))
            state.record_failure(session, failure)
            raise SendRefused(FAILED, plugin=implementation.plugin) from error
        if verdict is None:
            continue
        was_asked_about = True
        if verdict.verdict == "refuse":
            raise SendRefused("%(reason)s", plugin=implementation.plugin, reason=verdict.reason)
        headers.update(verdict.headers)
        if verdict.footer:
            footers.append(verdict.footer)
    if message.purpose == "marketing" and not was_asked_about:
        raise SendRefused("%(reason)s", plugin="", reason=NOBODY)
    return Allowed(headers=headers, footers=tuple(footers))


def check_owner(site: Site, topic: str) -> None:
    """Raises SendRefused for a topic whose plugin is off: nobody else knows who wants to hear of it."""
    if topic and plugin_of(topic) not in site.enabled:
        raise SendRefused("%(reason)s", plugin=plugin_of(topic), reason=OWNER_OFF)


def reason_of(refused: SendRefused) -> str:
    """The reason of a refusal as it is stored and shown, a message id."""
    return str(refused.values.get("reason", refused.message))

"""What a message can be for: the three purposes, and the kinds of advertising that plugins tell apart (FEATURES M3)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy.orm import Session

from core import state
from core.errors import InvalidInput
from core.messages.models import Audience
from core.messages.states import PURPOSE_HINT_TEXTS, PURPOSE_LABELS
from core.plugins import Failure, describe, plugin_of
from core.values import MessageTopic, Purpose

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.messages")


PERSONAL_MOST = 50
"""To how many chosen contacts one personal message may be written: a class, a tour, the guests of an evening."""

REACH_TEXTS = (
    "A newsletter is advertising or a system notification. Personal messages go to one person, or to %(max)s chosen "
    "contacts at most.",
)
"""Why a personal message is not for so many, a message id."""


@frozen(kw_only=True)
class MessageKind:
    """Something to choose when a message is written: `value` in the form, and what it means."""

    value: str
    label: str
    hint: str
    purpose: Purpose
    topic: str = ""


def offered_topics(site: Site, language: str) -> list[MessageTopic]:
    """All topics of the enabled plugins; one that raises is left out, and named on the Module screen."""
    with site.session() as session:
        topics, failures = _ask(session, site, language)
    for failure in failures:
        with site.begin() as session:
            state.record_failure(session, failure)
    return topics


def _ask(session: Session, site: Site, language: str) -> tuple[list[MessageTopic], list[Failure]]:
    found: list[MessageTopic] = []
    failures: list[Failure] = []
    for implementation in site.plugins.implementations("message_topics", site.enabled):
        savepoint = session.begin_nested()
        try:
            topics = list(implementation(session=session, site=site, language=language))
            strange = [one for one in topics if not _fits(one, implementation.plugin)]
            if strange:
                raise TypeError(
                    f"message_topics answers {strange[0]!r:.80}. Return MessageTopic values with keys of your own."
                )
            savepoint.commit()
        except (Exception, SystemExit) as error:
            log.exception("Plugin %r failed in hook 'message_topics'", implementation.plugin)
            savepoint.rollback()
            failures.append(Failure(plugin=implementation.plugin, place="message_topics", message=describe(error)))
            continue
        found.extend(topics)
    return sorted(found, key=lambda one: (one.order, one.key)), failures


def _fits(topic: object, plugin: str) -> bool:
    return isinstance(topic, MessageTopic) and plugin_of(topic.key) == plugin


def message_kinds(site: Site, language: str) -> list[MessageKind]:
    """Everything that a message can be for, in words of a language; topics stand below advertising."""
    text = site.language(language).text
    kinds = [
        MessageKind(value=purpose, label=text(label), hint=text(PURPOSE_HINT_TEXTS[purpose]), purpose=purpose)
        for purpose, label in PURPOSE_LABELS.items()
    ]
    topics = offered_topics(site, language)
    return [
        *kinds,
        *(
            MessageKind(
                value=one.key,
                label=text("Advertising: %(topic)s", topic=one.label),
                hint=one.hint,
                purpose="marketing",
                topic=one.key,
            )
            for one in topics
        ),
    ]


def chosen_kind(kinds: Sequence[MessageKind], value: str) -> MessageKind:
    """The one of these that was chosen. Raises InvalidInput (field `purpose`)."""
    for one in kinds:
        if one.value == value:
            return one
    raise InvalidInput("Choose what this message is for.", field="purpose")


def may_be_personal(audience: Audience, number: int) -> bool:
    """Whether one personal message may go to these: nobody is asked about it, so it is for few, who were chosen.

    Anything else would be a way around what people agreed to (FEATURES M3; § 7 UWG).
    """
    return audience == "selection" and number <= PERSONAL_MOST


def check_reach(purpose: Purpose, audience: Audience, number: int) -> None:
    """Raises InvalidInput (field `purpose`) for a personal message to more than `may_be_personal` allows."""
    if purpose == "personal" and not may_be_personal(audience, number):
        raise InvalidInput(REACH_TEXTS[0], field="purpose", max=PERSONAL_MOST)


def check_topic(session: Session, site: Site, purpose: Purpose, topic: str) -> None:
    """Raises InvalidInput (field `topic`) for a topic that there is none of, or on what is no advertising."""
    if not topic:
        return
    known, _ = _ask(session, site, site.settings.language)
    if purpose != "marketing" or topic not in {one.key for one in known}:
        raise InvalidInput("There is no topic '%(topic)s' of advertising.", field="topic", topic=topic)

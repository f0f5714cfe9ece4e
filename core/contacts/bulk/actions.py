"""The core's own bulk actions (FEATURES L7): tag, untag, inactive, reactivate; each one statement per table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, delete, exists, func, literal, select, update
from sqlalchemy.orm import Session

from core.contacts.bulk.events import tell_each
from core.contacts.log import add_activities
from core.contacts.matching import contacts
from core.contacts.models import Contact, ContactTag, Tag, now
from core.contacts.profile import known_tags
from core.contacts.tags import clean_tag, ensure_tag
from core.database.upsert import insert_missing, write_many
from core.errors import InvalidInput
from core.values import Activity, Actor, BulkAction, BulkField, Choice

if TYPE_CHECKING:
    from core.site import Site

Values = Mapping[str, str]
Ids = Select[tuple[int]]

TAGS = frozenset({"tags"})


# Tags


def prepare_tag(session: Session, site: Site, values: Values) -> Values:
    """The tag that was typed, made when there is none; one that was removed comes back under its old id."""
    name = clean_tag(values["tag"])
    if "," in name:
        raise InvalidInput("One tag at a time, please.", field="tag")
    tag_id = ensure_tag(session, name, wanted_id=int(values.get("tag_id", 0)))
    return {"tag": name, "tag_id": str(tag_id)}


def prepare_untag(session: Session, site: Site, values: Values) -> Values:
    """The tag that was chosen; `tag` is its name as it is then."""
    tag_id = values["tag_id"]
    known = tag_id.isascii() and tag_id.isdigit() and len(tag_id) <= 18
    name = session.scalar(select(Tag.name).where(Tag.id == int(tag_id))) if known else None
    if name is None:
        raise InvalidInput("Choose a tag from the list.", field="tag_id")
    return {"tag": name, "tag_id": tag_id}


def has_tag(values: Values) -> ColumnElement[bool]:
    """The contacts that have the tag, asked contact by contact: a batch must not read all that have it."""
    return exists().where(ContactTag.tag_id == int(values["tag_id"]), ContactTag.contact_id == contacts.c.id)


def has_tag_not(values: Values) -> ColumnElement[bool]:
    """The contacts without the tag."""
    return ~has_tag(values)


def tag_many(session: Session, site: Site, contact_ids: Ids, values: Values, actor: Actor) -> int:
    """Give contacts a tag. Nothing happens when the tag was removed in the meantime."""
    name = _held_tag(session, values)
    if name is None:
        return 0
    chosen = contact_ids.subquery()
    source = select(literal(int(values["tag_id"]), ContactTag.tag_id.type), chosen.c[0]).where(chosen.c[0] > 0)
    session.execute(
        insert_missing(session, ContactTag, ["tag_id", "contact_id"], source, keys=["tag_id", "contact_id"])
    )
    count = add_activities(session, contact_ids, Activity(kind="contact.tagged", reference=name), actor=actor)
    tell_each(session, site, "contact_updated", contact_ids, changed=TAGS)
    return count


def untag_many(session: Session, site: Site, contact_ids: Ids, values: Values, actor: Actor) -> int:
    """Take a tag from contacts; it keeps existing for the others."""
    name = _held_tag(session, values)
    if name is None:
        return 0
    write_many(
        session,
        delete(ContactTag).where(
            ContactTag.tag_id == int(values["tag_id"]), ContactTag.contact_id.in_(contact_ids.scalar_subquery())
        ),
    )
    count = add_activities(session, contact_ids, Activity(kind="contact.untagged", reference=name), actor=actor)
    tell_each(session, site, "contact_updated", contact_ids, changed=TAGS)
    return count


def _held_tag(session: Session, values: Values) -> str | None:
    """The tag's name, its row held so that nobody removes it meanwhile; None when it is gone."""
    statement = select(Tag.name).where(Tag.id == int(values["tag_id"])).with_for_update(key_share=True)
    return session.scalar(statement)


def tags_of_chosen(session: Session, contact_ids: Ids) -> Sequence[Choice]:
    """The tags that the chosen contacts have, with their numbers."""
    statement = (
        select(Tag.id, Tag.name, func.count())
        .join(ContactTag, ContactTag.tag_id == Tag.id)
        .where(ContactTag.contact_id.in_(contact_ids.scalar_subquery()))
        .group_by(Tag.id, Tag.name, Tag.key)
        .order_by(Tag.key)
    )
    return [Choice(value=str(tag_id), label=f"{name} ({count})") for tag_id, name, count in session.execute(statement)]


# Tags as a whole: offered on their own screen, not in the list.


def prepare_retag(session: Session, site: Site, values: Values) -> Values:
    """Two tags, the one to go and the one it becomes."""
    gone = prepare_untag(session, site, values)
    into = prepare_untag(session, site, {"tag_id": values["into_id"]})
    if gone["tag_id"] == into["tag_id"]:
        raise InvalidInput("Choose a tag from the list.", field="into_id")
    return {**gone, "into": into["tag"], "into_id": into["tag_id"]}


def retag_many(session: Session, site: Site, contact_ids: Ids, values: Values, actor: Actor) -> int:
    """Give contacts another tag in place of one."""
    into = _held_tag(session, {"tag_id": values["into_id"]})
    if into is None:
        raise InvalidInput("The tag “%(tag)s” was removed in the meantime.", tag=values["into"])
    chosen = contact_ids.subquery()
    source = select(literal(int(values["into_id"]), ContactTag.tag_id.type), chosen.c[0]).where(chosen.c[0] > 0)
    session.execute(
        insert_missing(session, ContactTag, ["tag_id", "contact_id"], source, keys=["tag_id", "contact_id"])
    )
    write_many(
        session,
        delete(ContactTag).where(
            ContactTag.tag_id == int(values["tag_id"]), ContactTag.contact_id.in_(contact_ids.scalar_subquery())
        ),
    )
    activity = Activity(kind="contact.retagged", reference=into, data={"before": values["tag"]})
    count = add_activities(session, contact_ids, activity, actor=actor)
    tell_each(session, site, "contact_updated", contact_ids, changed=TAGS)
    return count


def drop_tag(session: Session, site: Site, values: Values, actor: Actor) -> None:
    """Remove a tag whose contacts have lost it; those who got it in the meantime lose it now, and it is logged."""
    untag_many(session, site, _latecomers(session, values), values, actor)
    session.execute(delete(Tag).where(Tag.id == int(values["tag_id"])))


def drop_retagged(session: Session, site: Site, values: Values, actor: Actor) -> None:
    """Remove a tag that became another; those who got it in the meantime get the other, too."""
    retag_many(session, site, _latecomers(session, values), values, actor)
    session.execute(delete(Tag).where(Tag.id == int(values["tag_id"])))


def _latecomers(session: Session, values: Values) -> Ids:
    """Who has the tag when all that had it at the beginning are done; written out, so that it stays the same."""
    ids = session.scalars(select(contacts.c.id).where(has_tag(values), contacts.c.merged_into_id.is_(None))).all()
    return select(contacts.c.id).where(contacts.c.id.in_(ids))


# Inactive


def is_active(values: Values) -> ColumnElement[bool]:
    """The active contacts."""
    return contacts.c.inactive_at.is_(None)


def is_inactive(values: Values) -> ColumnElement[bool]:
    """The inactive contacts."""
    return contacts.c.inactive_at.is_not(None)


def deactivate_many(session: Session, site: Site, contact_ids: Ids, values: Values, actor: Actor) -> int:
    """Take contacts out of every list but the inactive ones (FEATURES C7)."""
    moment = now()
    _update(session, contact_ids, inactive_at=moment, updated_at=moment)
    count = add_activities(session, contact_ids, Activity(kind="contact.deactivated"), actor=actor)
    tell_each(session, site, "contact_deactivated", contact_ids)
    return count


def reactivate_many(session: Session, site: Site, contact_ids: Ids, values: Values, actor: Actor) -> int:
    """Bring contacts back into the lists."""
    _update(session, contact_ids, inactive_at=None, updated_at=now())
    return add_activities(session, contact_ids, Activity(kind="contact.reactivated"), actor=actor)


def _update(session: Session, contact_ids: Ids, **values: object) -> None:
    write_many(
        session,
        update(Contact).where(Contact.id.in_(contact_ids.scalar_subquery())).values(**values),
    )


ACTIONS: Sequence[BulkAction] = (
    BulkAction(
        key="contact.tag",
        label="Add a tag",
        permission="contact.edit",
        icon="tag",
        run=tag_many,
        fields=(BulkField(name="tag", label="Tag", suggestions=known_tags, max_length=60),),
        prepare=prepare_tag,
        changes=has_tag_not,
        undo="contact.untag",
        done=("Tag “%(tag)s” added to %(count)s contact.", "Tag “%(tag)s” added to %(count)s contacts."),
        order=10,
    ),
    BulkAction(
        key="contact.untag",
        label="Remove a tag",
        permission="contact.edit",
        icon="tag",
        run=untag_many,
        fields=(BulkField(name="tag_id", label="Tag", kind="select", choices=tags_of_chosen),),
        prepare=prepare_untag,
        changes=has_tag,
        undo="contact.tag",
        done=("Tag “%(tag)s” removed from %(count)s contact.", "Tag “%(tag)s” removed from %(count)s contacts."),
        order=11,
    ),
    BulkAction(
        key="contact.deactivate",
        label="Inactive",
        permission="contact.edit",
        icon="archive",
        run=deactivate_many,
        changes=is_active,
        undo="contact.reactivate",
        done=("%(count)s contact is inactive now.", "%(count)s contacts are inactive now."),
        only="active",
        order=900,
    ),
    BulkAction(
        key="contact.reactivate",
        label="Make active again",
        permission="contact.edit",
        icon="undo",
        run=reactivate_many,
        changes=is_inactive,
        undo="contact.deactivate",
        done=("%(count)s contact is active again.", "%(count)s contacts are active again."),
        only="inactive",
        order=901,
    ),
)
"""In the order of the menu."""

REMOVE_TAG = BulkAction(
    key="contact.remove_tag",
    label="Remove tag",
    permission="contact.tags",
    icon="tag",
    run=untag_many,
    prepare=prepare_untag,
    changes=has_tag,
    finish=drop_tag,
    undo="contact.tag",
    done=(
        "Tag “%(tag)s” is removed, from %(count)s contact.",
        "Tag “%(tag)s” is removed, from %(count)s contacts.",
    ),
)
RETAG = BulkAction(
    key="contact.retag",
    label="Join tags",
    permission="contact.tags",
    icon="tag",
    run=retag_many,
    prepare=prepare_retag,
    changes=has_tag,
    finish=drop_retagged,
    done=(
        "“%(tag)s” is “%(into)s” now, for %(count)s contact.",
        "“%(tag)s” is “%(into)s” now, for %(count)s contacts.",
    ),
)
INNER: Mapping[str, BulkAction] = {one.key: one for one in (REMOVE_TAG, RETAG)}
"""What the screen of tags does, with the same means."""


def action_of(site: Site, key: str) -> BulkAction | None:
    """The bulk action with this key; None when its plugin is off."""
    return site.contributions.contact_bulk_actions.get(key) or INNER.get(key)

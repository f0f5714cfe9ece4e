"""What a form asks: its fields, their kinds, and the rules of a form that staff may save."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from attrs import asdict, evolve, field, frozen
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core import Conflict, InvalidInput, Language, NotFound, upsert
from plugins.forms.models import Entry, Form

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "name": "Name",
        "email": "E-mail address",
        "tel": "Phone number",
        "text": "One line",
        "textarea": "Several lines",
        "choice": "Choice",
        "checkbox": "Tick box",
    }
)
"""Kind of field → its name for people. Name, address and number become the contact's details."""

ONCE: frozenset[str] = frozenset({"name", "email", "tel"})
"""Kinds that a form has at most once."""

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

RESERVED_SLUGS: frozenset[str] = frozenset({"embed", "thanks"})

RESERVED_KEYS: frozenset[str] = frozenset({"website", "token"})
"""Names of inputs that are no fields: the honeypot, and the signed time of the page."""

MAX_FIELDS = 40
MAX_CHOICES = 50
MAX_LABEL = 200
MAX_TEXT = 2000
MAX_SLUG = 60


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@frozen(kw_only=True)
class Field:
    """One field of a form. `key` names its input and never changes, whatever becomes of the label."""

    key: str
    label: str
    kind: str
    required: bool = False
    choices: Sequence[str] = field(default=(), converter=_texts)

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {**asdict(self), "choices": list(self.choices)}


def _fields(values: Iterable[Field]) -> tuple[Field, ...]:
    return tuple(values)


@frozen(kw_only=True)
class Definition:
    """A form as its pages need it: plain values for a template. `id` 0 is one that is not saved yet."""

    id: int = 0
    slug: str = ""
    name: str = ""
    intro: str = ""
    thanks: str = ""
    fields: Sequence[Field] = field(default=(), converter=_fields)
    active: bool = True
    is_sample: bool = False
    version: int = 1

    def spoken(self, language: Language) -> Definition:
        """The form in a language: only the sample's texts are translated, what staff wrote stays as it is."""
        if not self.is_sample:
            return self
        return evolve(
            self,
            name=language.text(self.name),
            intro=language.text(self.intro),
            thanks=language.text(self.thanks),
            fields=[evolve(one, label=language.text(one.label)) for one in self.fields],
        )


@frozen(kw_only=True)
class Listed:
    """A form in the list of forms, with what came in by it."""

    form: Definition
    accepted: int
    quarantined: int
    last_at: Any


def definition_of(form: Form) -> Definition:
    """The plain values of a stored form."""
    return Definition(
        id=form.id,
        slug=form.slug,
        name=form.name,
        intro=form.intro,
        thanks=form.thanks,
        fields=[Field(**one) for one in form.fields],
        active=form.active,
        is_sample=form.is_sample,
        version=form.version,
    )


def find_form(session: Session, slug: str) -> Definition:
    """The form with this address, active or not. Raises NotFound."""
    form = session.scalar(select(Form).where(Form.slug == slug))
    if form is None:
        raise NotFound("There is no such form.")
    return definition_of(form)


def get_form(session: Session, form_id: int) -> Definition:
    """The form with this id. Raises NotFound."""
    form = session.get(Form, form_id)
    if form is None:
        raise NotFound("There is no such form.")
    return definition_of(form)


def list_forms(session: Session) -> list[Listed]:
    """All forms by name, each with the numbers of its entries."""
    counts = {
        (row.form_id, row.state): (row.number, row.last_at)
        for row in session.execute(
            select(
                Entry.form_id,
                Entry.state,
                func.count().label("number"),
                func.max(Entry.occurred_at).label("last_at"),
            ).group_by(Entry.form_id, Entry.state)
        )
    }
    listed = []
    for form in session.scalars(select(Form).order_by(Form.name, Form.id)):
        accepted, last_at = counts.get((form.id, "accepted"), (0, None))
        quarantined, _ = counts.get((form.id, "quarantined"), (0, None))
        listed.append(Listed(form=definition_of(form), accepted=accepted, quarantined=quarantined, last_at=last_at))
    return listed


def check(draft: Definition) -> dict[str, InvalidInput]:
    """What is wrong with a form, by input; empty when it can be saved."""
    errors: dict[str, InvalidInput] = {}

    def wrong(name: str, message: str, **values: object) -> None:
        errors.setdefault(name, InvalidInput(message, field=name, **values))

    if not draft.name:
        wrong("name", "Enter a name for the form.")
    if not SLUG.fullmatch(draft.slug) or draft.slug in RESERVED_SLUGS or len(draft.slug) > MAX_SLUG:
        wrong("slug", "Use small letters without accents, digits and hyphens, as in contact-us.")
    for name, text, limit in (
        ("name", draft.name, MAX_LABEL),
        ("intro", draft.intro, MAX_TEXT),
        ("thanks", draft.thanks, MAX_TEXT),
    ):
        if len(text) > limit:
            wrong(name, "This is too long: %(max)s characters at most.", max=limit)
    kinds = [one.kind for one in draft.fields]
    if kinds.count("email") != 1:
        wrong("fields", "A form needs one field for the e-mail address: it says who the contact is.")
    if len(draft.fields) > MAX_FIELDS:
        wrong("fields", "A form has %(max)s fields at most.", max=MAX_FIELDS)
    for index, one in enumerate(draft.fields):
        name = f"label-{index}"
        if not one.label:
            wrong(name, "Enter what is asked here.")
        elif len(one.label) > MAX_LABEL:
            wrong(name, "This is too long: %(max)s characters at most.", max=MAX_LABEL)
        if one.kind in ONCE and kinds.index(one.kind) != index:
            wrong(f"kind-{index}", "A form asks for this once. Choose another kind.")
        if one.kind == "choice" and len(one.choices) < 2:
            wrong(f"choices-{index}", "Enter two choices or more, one a line.")
        elif one.kind == "choice" and (
            len(one.choices) > MAX_CHOICES or any(len(choice) > MAX_LABEL for choice in one.choices)
        ):
            wrong(
                f"choices-{index}",
                "At most %(number)s choices of %(max)s characters.",
                number=MAX_CHOICES,
                max=MAX_LABEL,
            )
    return errors


def save_form(session: Session, draft: Definition) -> int:
    """Save a checked form; answers its id.

    Raises InvalidInput on `slug` for an address that is taken, and Conflict when somebody else saved the form
    since it was opened.
    """
    values = {
        "name": draft.name,
        "intro": draft.intro,
        "thanks": draft.thanks,
        "fields": [one.as_json() for one in with_keys(draft.fields)],
        "active": draft.active,
        "is_sample": False,
    }
    if not draft.id:
        row = {**values, "slug": draft.slug, "version": 1}
        made: int | None = session.execute(upsert(session, Form, row, keys=["slug"]).returning(Form.id)).scalar()
        if made is None:
            raise InvalidInput("Another form has this address. Choose a different one.", field="slug")
        return made
    changed = session.execute(
        update(Form)
        .where(Form.id == draft.id, Form.version == draft.version)
        .values(**values, version=Form.version + 1)
        .returning(Form.id)
    ).scalar()
    if changed is None:
        raise Conflict("Someone else has changed this form in the meantime. Nothing was saved.")
    return changed


def with_keys(fields: Sequence[Field]) -> list[Field]:
    """The fields, each new one with a key made of its label; keys that are there stay."""
    taken = {one.key for one in fields if one.key} | RESERVED_KEYS
    keyed = []
    for one in fields:
        key = one.key
        if not key:
            stem = "email" if one.kind == "email" else slug_of(one.label).replace("-", "_")[:40] or "field"
            key, number = stem, 1
            while key in taken:
                number += 1
                key = f"{stem}_{number}"
            taken.add(key)
        keyed.append(evolve(one, key=key))
    return keyed


def slug_of(text: str) -> str:
    """Small ASCII letters, digits and hyphens made of a text: „Über uns“ becomes ueber-uns."""
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.casefold().replace(umlaut, letters)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].strip("-")

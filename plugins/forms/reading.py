"""What lists, panels, columns, tiles and the export show of entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, Select, bindparam, func, select, tuple_
from sqlalchemy.orm import Session

from core import Choice, Contact, Language, NotFound, Site, TileData, comparison
from plugins.forms.definitions import definition_of
from plugins.forms.models import Entry, Form

PER_PAGE = 50
BATCH = 500
IN_PANEL = 10


@frozen(kw_only=True)
class Answer:
    """One answer with its question, as both stood when the form was sent."""

    label: str
    kind: str
    value: str


@frozen(kw_only=True)
class ShownEntry:
    """One entry with the names of its form and its contact."""

    id: int
    form_id: int
    form_name: str
    is_sample: bool
    contact_id: int | None
    contact_name: str
    email: str
    answers: Sequence[Answer]
    boxes: Sequence[Mapping[str, Any]]
    occurred_at: datetime
    page: str
    language: str
    state: str
    suspicion: str

    @property
    def excerpt(self) -> str:
        """The longest answer, for a list."""
        said = [one.value for one in self.answers if one.kind in ("textarea", "text", "choice") and one.value]
        text = " ".join(max(said, key=len, default="").split())
        return text if len(text) <= 120 else text[:117].rstrip() + "…"


@frozen(kw_only=True)
class Page:
    """One page of entries, newest first, and the keys of the ones around it."""

    entries: Sequence[ShownEntry]
    older: str
    newer: str


@frozen(kw_only=True)
class EntriesPanel:
    """The latest entries of a contact, and how many there are."""

    entries: Sequence[ShownEntry]
    total: int


def _statement() -> Select[Entry, str, bool, str, str]:
    return (
        select(
            Entry,
            Form.name,
            Form.is_sample,
            Contact.name.label("contact_name"),
            Contact.email.label("contact_email"),
        )
        .join(Form, Form.id == Entry.form_id)
        .outerjoin(Contact, Contact.id == Entry.contact_id)
    )


def _shown(row: Any) -> ShownEntry:
    entry: Entry = row.Entry
    return ShownEntry(
        id=entry.id,
        form_id=entry.form_id,
        form_name=row.name,
        is_sample=row.is_sample,
        contact_id=entry.contact_id,
        contact_name=row.contact_name or row.contact_email or "",
        email=entry.email,
        answers=[Answer(label=one["label"], kind=one["kind"], value=one["value"]) for one in entry.answers],
        boxes=entry.boxes,
        occurred_at=entry.occurred_at,
        page=entry.page,
        language=entry.language,
        state=entry.state,
        suspicion=entry.suspicion,
    )


def list_entries(
    session: Session, *, state: str, form_id: int | None = None, older_than: str = "", newer_than: str = ""
) -> Page:
    """A page of entries by keyset on (occurred_at, id); an unreadable key is the first page."""
    statement = _statement().where(Entry.state == state)
    if form_id is not None:
        statement = statement.where(Entry.form_id == form_id)
    place = tuple_(Entry.occurred_at, Entry.id)
    before, after = _read_key(older_than), _read_key(newer_than)
    backward = after is not None and before is None
    if before is not None:
        statement = statement.where(place < _tuple(before))
    elif after is not None:
        statement = statement.where(place > _tuple(after))
    order = (Entry.occurred_at.asc(), Entry.id.asc()) if backward else (Entry.occurred_at.desc(), Entry.id.desc())
    rows = [_shown(row) for row in session.execute(statement.order_by(*order).limit(PER_PAGE + 1))]
    more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
    if backward:
        rows.reverse()
    has_older, has_newer = (True, more) if backward else (more, before is not None)
    return Page(
        entries=rows,
        older=_key(rows[-1]) if rows and has_older else "",
        newer=_key(rows[0]) if rows and has_newer else "",
    )


def _key(entry: ShownEntry) -> str:
    return f"{int(entry.occurred_at.timestamp() * 1_000_000)}-{entry.id}"


def _read_key(text: str) -> tuple[datetime, int] | None:
    moment, _, number = text.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= 17 for part in (moment, number)):
        return None
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(moment))
    except OverflowError:
        return None
    return when, int(number)


def _tuple(key: tuple[datetime, int]) -> ColumnElement[Any]:
    return tuple_(
        bindparam("at", key[0], type_=Entry.occurred_at.type), bindparam("at_id", key[1], type_=Entry.id.type)
    )


def get_entry(session: Session, entry_id: int) -> ShownEntry:
    """One entry. Raises NotFound."""
    row = session.execute(_statement().where(Entry.id == entry_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such entry.")
    return _shown(row)


def count_quarantined(session: Session) -> int:
    """How many entries wait in quarantine."""
    return session.scalar(select(func.count(Entry.id)).where(Entry.state == "quarantined")) or 0


def last_quarantined(session: Session) -> int:
    """The newest id in quarantine, up to which it can be emptied; 0 when there is nothing."""
    return session.scalar(select(func.max(Entry.id)).where(Entry.state == "quarantined")) or 0


def form_choices(session: Session) -> list[Choice]:
    """All forms, for filters."""
    return [
        Choice(value=str(form.id), label=form.name)
        for form in session.scalars(select(Form).order_by(Form.name, Form.id))
    ]


def panel_of(session: Session, contact_id: int) -> EntriesPanel | None:
    """The entries of a contact; None for one who sent none."""
    of_contact = Entry.contact_id == contact_id
    total = session.scalar(select(func.count(Entry.id)).where(of_contact)) or 0
    if not total:
        return None
    rows = session.execute(
        _statement().where(of_contact).order_by(Entry.occurred_at.desc(), Entry.id.desc()).limit(IN_PANEL)
    )
    return EntriesPanel(entries=[_shown(row) for row in rows], total=total)


def count_entries(session: Session, contact_ids: Sequence[int]) -> Mapping[int, object]:
    """Contact → number of entries."""
    return {
        row.contact_id: row.number
        for row in session.execute(
            select(Entry.contact_id, func.count().label("number"))
            .where(Entry.contact_id.in_(contact_ids))
            .group_by(Entry.contact_id)
        )
    }


def last_entries(session: Session, contact_ids: Sequence[int]) -> Mapping[int, object]:
    """Contact → moment of the last entry."""
    return {
        row.contact_id: row.last_at
        for row in session.execute(
            select(Entry.contact_id, func.max(Entry.occurred_at, type_=Entry.occurred_at.type).label("last_at"))
            .where(Entry.contact_id.in_(contact_ids))
            .group_by(Entry.contact_id)
        )
    }


def by_form(value: str) -> ColumnElement[bool] | None:
    """The contacts that sent the form with this id."""
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        return None
    return Contact.id.in_(select(Entry.contact_id).where(Entry.form_id == int(value), Entry.state == "accepted"))


def by_last_entry(value: str) -> ColumnElement[bool] | None:
    """The contacts whose last entry came in these days."""
    found = (
        select(Entry.contact_id, func.max(Entry.occurred_at).label("last_at"))
        .where(Entry.contact_id.is_not(None))
        .group_by(Entry.contact_id)
        .subquery()
    )
    return comparison("date", found.c.last_at, found.c.contact_id)(value)


def recent_entries(session: Session) -> TileData:
    """Entries of the last thirty days."""
    since = datetime.now(UTC) - timedelta(days=30)
    number = session.scalar(select(func.count(Entry.id)).where(Entry.state == "accepted", Entry.occurred_at >= since))
    return TileData(value=number or 0, detail="in the last 30 days")


def export_rows(site: Site, language: Language, form_id: int | None) -> Iterator[list[str]]:
    """The accepted entries as rows of texts, headings first, oldest first; read in batches of `BATCH`.

    Questions that a form asked once and asks no more have their columns behind the present ones.
    """
    labels: dict[tuple[int, str], str] = {}
    with site.session() as session:
        forms = session.scalars(select(Form).where(*([Form.id == form_id] if form_id else [])).order_by(Form.id))
        names = {}
        for form in map(definition_of, forms):
            names[form.id] = form.spoken(language).name
            labels |= {(form.id, one.key): one.label for one in form.spoken(language).fields}
    for batch in _batches(site, form_id):
        for entry in batch:
            for one in entry.answers:
                labels.setdefault((entry.form_id, one["key"]), one["label"])
    text = language.text
    # The same question in two forms is one column.
    columns = list(dict.fromkeys(labels.values()))
    yield [text("Sent at"), text("Form"), text("Contact"), *columns, text("Page"), text("Language")]
    for batch in _batches(site, form_id):
        for entry in batch:
            cells = {labels[entry.form_id, one["key"]]: _cell(one, language) for one in entry.answers}
            yield [
                entry.occurred_at.astimezone(language.zone).strftime("%Y-%m-%d %H:%M:%S"),
                names[entry.form_id],
                str(entry.contact_id or ""),
                *(cells.get(column, "") for column in columns),
                entry.page,
                entry.language,
            ]


def _cell(answer: Mapping[str, str], language: Language) -> str:
    if answer["kind"] == "checkbox":
        return language.text("Yes") if answer["value"] else language.text("No")
    return answer["value"]


def _batches(site: Site, form_id: int | None) -> Iterator[Sequence[Entry]]:
    last = 0
    while True:
        with site.session() as session:
            statement = select(Entry).where(Entry.id > last, Entry.state == "accepted")
            if form_id:
                statement = statement.where(Entry.form_id == form_id)
            batch = session.scalars(statement.order_by(Entry.id).limit(BATCH)).all()
        if not batch:
            return
        yield batch
        last = batch[-1].id

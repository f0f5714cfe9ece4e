"""What the pages of a contact show: stored values turned into cells and sentences of one language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from core.contacts.custom_fields.storing import read_entered
from core.contacts.details import GROUP_LABELS, GROUPS, Origin
from core.contacts.field_texts import in_words
from core.contacts.fields import read_for_page
from core.contacts.history import LogEntry, cursor
from core.contacts.profile import Note, Person, Profile, Suggestion
from core.contacts.sentences import Words
from core.plugins import Failure
from core.web.requests import Request

OTHER = {
    "name": "%(source)s gives another name",
    "phone": "%(source)s gives another phone number",
    "address": "%(source)s gives another address",
    "language": "%(source)s gives another language",
}
"""Group → what a suggestion says (C6), a message id."""


def words(request: Request) -> Words:
    """Words in the person's language, for the kinds that are known now."""
    return Words(kinds=request.site.contributions.activity_kinds, language=request.language)


def address_of(contact_id: int, *rest: object, **query: str) -> str:
    """The address of a contact's page, or of one below it."""
    path = "/".join(["/dashboard/contacts", str(contact_id), *(str(part) for part in rest)])
    return f"{path}?{urlencode(query)}" if query else path


def picture_of(person: Person) -> str | None:
    """The address of a contact's picture; None without."""
    return address_of(person.id, "picture", person.picture) if person.picture else None


def detail_rows(request: Request, profile: Profile) -> list[dict[str, Any]]:
    """Details with where each came from and since when (C6), as the component `details` takes them."""
    spoken, language = words(request), request.language
    email = profile.person.email
    rows: list[dict[str, Any]] = [
        {
            "label": language.text("Email"),
            "value": {"kind": "email", "text": email, "href": "mailto:" + quote(email, safe="@")},
        }
    ]
    if profile.aliases:
        rows.append({"label": language.text("Also known as"), "value": ", ".join(profile.aliases)})
    for group, names in GROUPS.items():
        if group == "name":
            continue
        text = spoken.group(group, {name: profile.details[name] for name in names})
        value: object = text or None
        if group == "phone" and (digits := "".join(one for one in text if one in "+0123456789")):
            value = {"kind": "phone", "text": text, "href": f"tel:{digits}"}
        rows.append(
            {
                "label": language.text(GROUP_LABELS[group]),
                "value": value,
                "source": origin_text(request, profile.origins.get(group)) if text else None,
            }
        )
    if profile.details["name"]:
        rows.insert(
            0,
            {
                "label": language.text("Name"),
                "value": profile.details["name"],
                "source": origin_text(request, profile.origins.get("name")),
            },
        )
    rows.append(
        {
            "label": language.text("Joined"),
            "value": {
                "kind": "date",
                "text": language.datetime(profile.joined_at),
                "iso": profile.joined_at.isoformat(),
            },
        }
    )
    return rows


def field_rows(request: Request, contact_id: int) -> tuple[list[dict[str, Any]], list[Failure]]:
    """The fields that have a value, with who entered those that staff added, as `details` takes them (C14)."""
    language = request.language
    fields = [
        field
        for field in request.site.contributions.contact_fields.values()
        if field.on_profile and field.read is not None and request.allows(field.permission)
    ]
    if not fields:
        return [], []
    values, failures = read_for_page(request.site, fields, contact_id)
    with request.site.session() as session:
        entered = read_entered(session, contact_id)
    rows = []
    for field in fields:
        if text := in_words(field, values.get(field.key), language):
            source = entered.get(field.key)
            known = (source.name or language.text("automatically"), language.date(source.since)) if source else None
            rows.append(
                {
                    "label": language.text(field.label),
                    "value": text,
                    "source": language.text("entered by %(source)s, since %(date)s", source=known[0], date=known[1])
                    if known
                    else None,
                }
            )
    return rows, failures


def origin_text(request: Request, origin: Origin | None) -> str | None:
    """„aus Bestellung 1007, seit 21.11.2026“, or who typed it."""
    if origin is None:
        return None
    message = "entered by %(source)s, since %(date)s" if origin.name else "from %(source)s, since %(date)s"
    return request.language.text(
        message, source=words(request).source(origin), date=request.language.date(origin.since)
    )


def suggestion_rows(request: Request, profile: Profile) -> list[dict[str, str]]:
    """What the lock held back, with the addresses that settle it."""
    spoken = words(request)

    def settle(suggestion: Suggestion, how: str) -> str:
        # Which state of it was seen: a newer order replaces a suggestion in place.
        seen = cursor(suggestion.origin.since, suggestion.id)
        return address_of(profile.person.id, "suggestions", suggestion.id, how, seen=seen)

    return [
        {
            "text": request.language.text(OTHER[one.group], source=spoken.source(one.origin)),
            "before": spoken.group(one.group, profile.details).replace("\n", ", "),
            "after": spoken.group(one.group, one.values).replace("\n", ", "),
            "accept": settle(one, "accept"),
            "dismiss": settle(one, "dismiss"),
        }
        for one in profile.suggestions
    ]


def module_rows(request: Request, profile: Profile) -> list[dict[str, str]]:
    """The modules a contact has had to do with, with first and last time (C10)."""
    known = request.site.contributions.modules
    rows = []
    for use in profile.modules:
        module = known.get(use.key)
        first, last = request.language.date(use.first_at), request.language.date(use.last_at)
        rows.append(
            {
                "label": request.language.text(module.label) if module else use.key,
                "icon": module.icon if module else "puzzle",
                "when": first if first == last else f"{first} – {last}",
            }
        )
    return rows


def note_rows(request: Request, notes: Sequence[Note], contact_id: int) -> list[dict[str, Any]]:
    """Notes with the addresses of their files, and what the person may do with each."""
    return [
        {
            "id": f"note-{note.id}",
            "who": note.author,
            "time": _note_time(request, note),
            "iso": note.created_at.isoformat(),
            "text": note.text,
            "attachments": [
                {
                    "name": file.name,
                    "size": size_text(request, file.size),
                    "href": address_of(contact_id, "files", file.id),
                }
                for file in note.files
            ],
            "actions": _note_actions(request, note, contact_id),
        }
        for note in notes
    ]


def _note_time(request: Request, note: Note) -> str:
    language = request.language
    written = language.datetime(note.created_at)
    if note.edited_at is None:
        return written
    return language.text("%(written)s, edited %(edited)s", written=written, edited=language.datetime(note.edited_at))


def _note_actions(request: Request, note: Note, contact_id: int) -> list[dict[str, Any]]:
    if not may_change_note(request, note.author_id):
        return []
    text = request.language.text
    edit, delete = (address_of(contact_id, "notes", note.id, what) for what in ("edit", "delete"))
    return [
        {"label": text("Edit"), "icon": "edit", "href": edit, "dialog": True},
        {"label": text("Delete"), "icon": "trash", "href": delete, "dialog": True, "danger": True},
    ]


def may_change_note(request: Request, author_id: int | None) -> bool:
    """Whether the person may edit or delete a note: one's own, or with the right to do so with everybody's (C13)."""
    if not request.allows("contact.edit") or request.person is None:
        return False
    return author_id == request.person.id or request.allows("contact.notes")


def size_text(request: Request, size: int) -> str:
    """A file's size: 240 kB, 1,2 MB."""
    if size < 1_000_000:
        return f"{request.language.number(max(1, round(size / 1000)))} kB"
    return f"{request.language.number(round(size / 1_000_000, 1))} MB"


def log_days(request: Request, entries: Sequence[LogEntry], person: Person) -> list[dict[str, Any]]:
    """Log entries by day, as the component `timeline` takes them."""
    spoken, language = words(request), request.language
    days: list[dict[str, Any]] = []
    for entry in entries:
        label = language.long_date(entry.occurred_at)
        if not days or days[-1]["label"] != label:
            days.append({"label": label, "entries": []})
        known = entry.kind in spoken.kinds
        days[-1]["entries"].append(
            {
                "text": spoken.sentence(entry.kind, entry.reference, entry.data),
                "icon": spoken.icon(entry.kind),
                "who": _who(request, entry, person),
                "time": language.time(entry.occurred_at),
                "iso": entry.occurred_at.isoformat(),
                # The page of a plugin that is off is not there.
                "href": entry.href if known else "",
                "detail": spoken.changes(entry.data),
            }
        )
    return days


def _who(request: Request, entry: LogEntry, person: Person) -> str:
    if entry.actor_name:
        return entry.actor_name
    return person.title if entry.actor_kind == "visitor" else request.language.text("automatically")


def action_entries(request: Request, person: Person) -> list[dict[str, Any]]:
    """What the person may do with this contact (P2), as the component `menu` takes it."""
    entries = []
    for action in request.site.contributions.contact_actions:
        if action.fits(inactive=person.inactive) and request.allows(action.permission):
            target = action.href.replace("{contact_id}", str(person.id))
            if action.method == "get":
                target += ("&" if "?" in target else "?") + urlencode({"next": address_of(person.id)})
            entries.append(
                {
                    "label": request.language.text(action.label),
                    "icon": action.icon,
                    "dialog": action.method == "get",
                    "shortcut": action.shortcut or None,
                    "href" if action.method == "get" else "action": target,
                    "danger": action.dangerous,
                }
            )
    return entries

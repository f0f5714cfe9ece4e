"""What the pages of an import show, as plain values in the person's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.contacts.views import LIST_PATH
from core.i18n import Language
from core.transfer import imports
from core.transfer.encodings import ENCODINGS
from core.transfer.mapping import everything, targets
from core.transfer.models import ContactImport, ImportedContact
from core.transfer.recognising import QUESTIONS, read_start
from core.web.requests import Form, Request

MAPPED = "column-"
"""Beginning of the names of the fields that say what a column is."""

SHOWN = 50
"""Rows of the lists on a page; the file to download has all."""

EXAMPLES = 3

KINDS: Mapping[str, str] = {
    "csv": "CSV",
    "xlsx": "Excel (XLSX)",
    "vcard": "Address cards (vCard)",
    "paste": "Pasted addresses",
}
"""Kind of a file → its name for people."""

DELIMITERS: Mapping[str, tuple[str, str]] = {
    ",": (",", "Comma"),
    ";": (";", "Semicolon"),
    "\t": ("tab", "Tab"),
    "|": ("|", "Vertical bar"),
}
"""Delimiter → what the form sends for it, and its name for people."""

WRITTEN: Mapping[str, str] = {
    "dmy": "Day before month",
    "mdy": "Month before day",
    ",": "After a comma",
    ".": "After a point",
}
"""How dates and numbers are written → its name for people."""

STATES: Mapping[str, tuple[str, str]] = {
    "checking": ("Is being checked", "blue"),
    "checked": ("Checked", "blue"),
    "running": ("Is running", "blue"),
    "done": ("Done", "green"),
    "cancelled": ("Stopped", "amber"),
    "failed": ("Failed", "red"),
    "undoing": ("Is being taken back", "blue"),
    "undone": ("Taken back", "neutral"),
}

OUTCOMES: Mapping[str, tuple[str, str]] = {
    "new": ("New", "green"),
    "changed": ("Changed", "blue"),
    "unchanged": ("Unchanged", "neutral"),
    "suggested": ("Locked: suggestion", "amber"),
    "repeated": ("Once more in the file", "neutral"),
    "refused": ("Refused", "red"),
}
"""Outcome of a row → its name for people, and its colour."""

TITLES: Mapping[str, str] = {
    "checking": "The file is being checked",
    "checked": "Check and import",
    "running": "The import is running",
    "done": "The import is done",
    "cancelled": "The import was cancelled",
    "failed": "The import has failed",
    "undoing": "The import is being taken back",
    "undone": "The import was taken back",
}


def options_view(request: Request, chosen: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """The fields that hold for the file as a whole."""
    language = request.language
    return {
        "policies": [{"value": key, "label": language.text(label)} for key, label in imports.POLICIES.items()],
        "policy": chosen["policy"],
        "tags": form.text("tags") if "tags" in form.fields else ", ".join(chosen["tags"]),
        "choices": [
            {
                "key": one.key,
                "label": language.text(one.label),
                "hint": language.text(one.hint),
                "ticked": one.key in chosen["choices"],
            }
            for one in request.site.contributions.import_choices.values()
            if request.allows(one.permission)
        ],
    }


def list_view(request: Request, rows: Sequence[ContactImport]) -> list[dict[str, Any]]:
    """Earlier imports, as rows of a table."""
    language = request.language
    return [
        {
            "cells": [
                {"kind": "link", "text": row.name, "href": f"{LIST_PATH}/import/{row.id}"},
                {"kind": "date", "text": language.datetime(row.started_at or row.created_at)},
                {"kind": "number", "text": language.number(row.numbers.get("new", 0))},
                row.actor_name,
                {
                    "kind": "badge",
                    "text": language.text(STATES[row.state][0]),
                    "tone": STATES[row.state][1],
                },
            ]
        }
        for row in rows
    ]


def plan_view(request: Request, row: ContactImport, form: Form) -> dict[str, Any]:
    """What was recognised, with its evidence, and what is asked."""
    language, plan = request.language, row.plan
    try:
        _, records = read_start(imports.path_of(request.site, row.stored_name), row.kind, plan, 200)
    except (OSError, ValueError):
        records = []
    telling = sorted(
        (record for record in records if not record.problem), key=lambda record: all(map(str.isascii, record.cells))
    )[:EXAMPLES]
    offered = [(key, language.text(label)) for key, label in targets(request.site, request.allows).items()]
    columns = []
    for place, heading in enumerate(plan["headings"]):
        name = f"{MAPPED}{place}"
        columns.append(
            {
                "name": name,
                "heading": heading or f"#{place + 1}",
                "value": form.text(name) if name in form.fields else plan["mapping"].get(str(place), ""),
                "examples": [
                    record.cells[place][:80] for record in telling if place < len(record.cells) and record.cells[place]
                ],
            }
        )
    encodings = dict(ENCODINGS) | (
        {} if plan["encoding"] in ENCODINGS else {plan["encoding"]: plan["encoding"].upper()}
    )
    return {
        "name": row.name,
        "kind": row.kind,
        "kind_label": language.text(KINDS[row.kind]),
        "begun": row.state not in ("new", "checked", "checking"),
        "questions": [language.text(QUESTIONS[one]) for one in plan["questions"]],
        "asked": list(plan["questions"]),
        "encodings": [{"value": key, "label": label} for key, label in encodings.items()],
        "encoding": form.text("encoding") or plan["encoding"],
        "delimiters": [{"value": key, "label": language.text(label)} for key, label in DELIMITERS.values()],
        "delimiter": form.text("delimiter") or DELIMITERS[plan["delimiter"]][0],
        "header": plan["header"],
        "dates": form.text("dates") or plan["dates"],
        "decimal": form.text("decimal") or plan["decimal"],
        "unguard": plan["unguard"],
        "columns": columns,
        "targets": [{"value": key, "label": label} for key, label in offered],
        **options_view(request, plan, form),
    }


def state_view(request: Request, session: Session, row: ContactImport) -> dict[str, Any]:
    """An import as it stands."""
    language, numbers = request.language, row.numbers
    records = numbers.get("records", 0)
    wrong = imports.problems_of(session, row.id, refused=True, limit=SHOWN)
    notes = imports.problems_of(session, row.id, refused=False, limit=SHOWN)
    return {
        "name": row.name,
        "state": row.state,
        "title": language.text(TITLES[row.state]),
        "facts": _facts(language, row),
        "share": round(100 * numbers.get("share", 0)),
        "progress_text": language.plural("%(n)s row", "%(n)s rows", records),
        "outcomes": [
            {"label": language.text(label), "number": language.number(numbers.get(key, 0)), "tone": tone}
            for key, (label, tone) in OUTCOMES.items()
            if numbers.get(key) or key in ("new", "changed", "unchanged", "refused")
        ],
        "to_import": sum(numbers.get(key, 0) for key in ("new", "changed", "suggested", "stated")),
        "import_text": language.plural("Import %(n)s row", "Import %(n)s rows", records - numbers.get("refused", 0)),
        "repeated": numbers.get("repeated", 0),
        "policy": language.text(imports.POLICIES[row.plan["policy"]]),
        "choices": _choices(request, row),
        "read_as": _read_as(request, row),
        "left_out": row.plan.get("left_out", []),
        "informative": row.plan.get("informative", []),
        "examples": _examples(language, numbers),
        "refused": [_problem(language, one) for one in wrong],
        "refused_more": _more(language, numbers.get("refused", 0)),
        "notes": [_problem(language, one) for one in notes],
        "notes_more": _more(language, numbers.get("notes", 0)),
        "error": numbers.get("error", ""),
        "undone": _undone(language, numbers),
        **_kept(request, session, row),
    }


def _facts(language: Language, row: ContactImport) -> list[dict[str, str]]:
    plan = row.plan
    facts = [{"label": language.text("Kind of file"), "value": language.text(KINDS[row.kind])}]
    if row.kind in ("csv", "vcard"):
        name = ENCODINGS.get(plan["encoding"], plan["encoding"].upper())
        facts.append({"label": language.text("Encoding"), "value": name})
    if row.kind == "csv":
        facts.append({"label": language.text("Separated by"), "value": language.text(DELIMITERS[plan["delimiter"]][1])})
    for key, label in (("dates", "Dates"), ("decimal", "Decimals")):
        if plan[key]:
            facts.append({"label": language.text(label), "value": language.text(WRITTEN[plan[key]])})
    facts.append({"label": language.text("Rows"), "value": language.number(row.numbers.get("records", 0))})
    facts.append({"label": language.text("Known addresses"), "value": language.text(imports.POLICIES[plan["policy"]])})
    if plan["tags"]:
        facts.append({"label": language.text("Tags for all"), "value": ", ".join(plan["tags"])})
    return facts


def _read_as(request: Request, row: ContactImport) -> str:
    """Which column is what, where its heading says it in other words."""
    if row.kind not in ("csv", "xlsx"):
        return ""
    known, language = targets(request.site, everything), request.language
    pairs = []
    for place, key in sorted(row.plan["mapping"].items(), key=lambda one: int(one[0])):
        heading, label = row.plan["headings"][int(place)] or f"#{int(place) + 1}", language.text(known.get(key, key))
        pairs.append(heading if heading.casefold() == label.casefold() else f"{heading} → {label}")
    return ", ".join(pairs)


def _choices(request: Request, row: ContactImport) -> list[str]:
    """What came of the choices that were ticked, a sentence each."""
    language, found = request.language, []
    offered = request.site.contributions.import_choices
    for key in sorted({*row.plan["choices"], *row.numbers.get("applied", {})}):
        if key not in offered:
            continue
        label = language.text(offered[key].label)
        if row.state in ("checking", "checked"):
            found.append(language.text("“%(choice)s” is ticked.", choice=label))
            continue
        done, left = (row.numbers.get(name, {}).get(key, 0) for name in ("applied", "left"))
        found.append(
            language.text(
                "“%(choice)s”: %(done)s recorded, %(left)s left as they were.",
                choice=label,
                done=language.number(done),
                left=language.number(left),
            )
        )
    return found


def _examples(language: Language, numbers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The first people of each kind, as they will be read."""
    rows = []
    for outcome, people in numbers.get("examples", {}).items():
        label, tone = OUTCOMES[outcome]
        for one in people:
            place = " ".join(part for part in (one.get("postal_code", ""), one.get("city", "")) if part)
            address = ", ".join(
                part for part in (one.get("street", ""), place, language.country(one.get("country", ""))) if part
            )
            rows.append(
                {
                    "line": one["line"],
                    "cells": [
                        {"kind": "number", "text": language.number(one["line"])},
                        {"kind": "badge", "text": language.text(label), "tone": tone},
                        one["email"],
                        one.get("name", ""),
                        one.get("phone", ""),
                        address,
                        one.get("tags", ""),
                    ],
                }
            )
    return sorted(rows, key=lambda one: one["line"])


def _problem(language: Language, one: Any) -> dict[str, Any]:
    value = one.value or ", ".join(cell for cell in one.cells if cell)[:120]
    return {
        "cells": [
            {"kind": "number", "text": language.number(one.line)},
            one.column,
            value,
            language.text(one.message, **one.words),
        ]
    }


def _more(language: Language, number: int) -> str:
    return language.plural("and %(n)s more", "and %(n)s more", number - SHOWN) if number > SHOWN else ""


def _undone(language: Language, numbers: Mapping[str, Any]) -> list[dict[str, str]]:
    words = {"removed": "Contacts removed", "restored": "Contacts as they were before", "kept": "Left as they are"}
    return [
        {"label": language.text(label), "number": language.number(numbers.get(key, 0))}
        for key, label in words.items()
        if key in numbers or "removed" in numbers
    ]


def _kept(request: Request, session: Session, row: ContactImport) -> dict[str, Any]:
    """The contacts that taking back left as they are, and why."""
    if "kept" not in row.numbers:
        return {"kept": [], "kept_more": ""}
    language, one = request.language, ImportedContact
    condition = (one.import_id == row.id, one.kept != "")
    statement = (
        select(Contact.id, Contact.name, Contact.email, one.kept)
        .join(Contact, Contact.id == one.contact_id)
        .where(*condition)
        .order_by(one.contact_id)
        .limit(SHOWN)
    )
    number = session.scalar(select(func.count()).where(*condition)) or 0
    return {
        "kept": [
            {
                "cells": [
                    {"kind": "link", "text": found.name or found.email, "href": f"{LIST_PATH}/{found.id}"},
                    found.email,
                    language.text(found.kept),
                ]
            }
            for found in session.execute(statement)
        ],
        "kept_more": _more(language, number),
    }

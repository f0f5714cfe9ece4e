"""What the API says of imports, as JSON, and what programs send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import frozen
from litestar.datastructures import UploadFile

from core.api.routing import BASE
from core.transfer.models import ContactImport, ImportProblem
from core.transfer.recognising import QUESTIONS
from core.web.requests import Request

SAID = ("encoding", "delimiter", "dates", "decimal")
"""What is recognised, and can be said."""

COUNTED = ("records", "new", "changed", "unchanged", "suggested", "repeated", "refused", "notes")
TAKEN_BACK = ("removed", "restored", "kept")


@frozen(kw_only=True)
class NewImport:
    """A file to import (`file`), or addresses as text (`text`), with what is said about it as form fields.

    `policy` is one of fill, overwrite, skip; `tags` are for everybody, separated by commas; `choices` the keys of
    plugins' offers, separated by commas. The rest is recognised, unless it is said.
    """

    file: UploadFile | None = None
    text: str = ""
    policy: str = "fill"
    tags: str = ""
    choices: str = ""
    encoding: str = ""
    delimiter: str = ""
    dates: str = ""
    decimal: str = ""


@frozen(kw_only=True)
class ImportChange:
    """Answers about a file that was not begun; what is left out stays.

    `dates` is dmy or mdy, `decimal` the sign before decimals. `columns` says what a column is: its heading, or its
    place as `#3`, and the key of a field, or "" for one that is to be left out.
    """

    policy: str | None = None
    tags: Sequence[str] | None = None
    choices: Sequence[str] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    unguard: bool | None = None
    dates: str | None = None
    decimal: str | None = None
    columns: Mapping[str, str] | None = None


@frozen(kw_only=True)
class ColumnResource:
    """A column of the file, and the key of what it is; "" is left out."""

    heading: str
    field: str


@frozen(kw_only=True)
class QuestionResource:
    """Something that has to be said before the file can be checked: `key` is the member to send, but for columns."""

    key: str
    text: str


@frozen(kw_only=True)
class ImportResource:
    """An import: `state` is one of new, checking, checked, running, done, cancelled, failed, undoing, undone.

    `numbers` counts rows by what becomes of them (new, changed, unchanged, suggested, repeated, refused), and what was
    taken back (removed, restored, kept); those of a check are what would happen. `share` is how much was read, from 0
    to 1.
    """

    id: int
    name: str
    kind: str
    state: str
    share: float
    numbers: Mapping[str, int]
    questions: Sequence[QuestionResource]
    columns: Sequence[ColumnResource]
    left_out: Sequence[str]
    encoding: str
    delimiter: str
    header: bool
    dates: str
    decimal: str
    policy: str
    tags: Sequence[str]
    choices: Sequence[str]
    error: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    href: str
    dashboard: str


@frozen(kw_only=True)
class ImportPage:
    """The last imports, newest first."""

    imports: Sequence[ImportResource]


@frozen(kw_only=True)
class ProblemResource:
    """A row that was refused (`refused`), or something about one; `cells` are the row as it was read."""

    line: int
    refused: bool
    column: str
    value: str
    reason: str
    cells: Sequence[str]


@frozen(kw_only=True)
class ProblemPage:
    """Problems in the order of the rows; `next` is the address of the next page."""

    problems: Sequence[ProblemResource]
    next: str | None


@frozen(kw_only=True)
class DiscardResult:
    """That a file was forgotten without being imported."""

    name: str


@frozen(kw_only=True)
class FieldChoices:
    """What a column can be: key and label."""

    fields: Mapping[str, str]


def import_resource(request: Request, row: ContactImport) -> ImportResource:
    """An import as it stands."""
    plan, numbers, address = row.plan, row.numbers, request.site.settings.base_url
    counted = {key: numbers.get(key, 0) for key in COUNTED} | {
        key: numbers[key] for key in TAKEN_BACK if key in numbers
    }
    return ImportResource(
        id=row.id,
        name=row.name,
        kind=row.kind,
        state=row.state,
        share=numbers.get("share", 0),
        numbers=counted,
        questions=[QuestionResource(key=one, text=request.language.text(QUESTIONS[one])) for one in plan["questions"]],
        columns=[
            ColumnResource(heading=heading or f"#{place + 1}", field=plan["mapping"].get(str(place), ""))
            for place, heading in enumerate(plan["headings"])
        ],
        left_out=plan["left_out"],
        error=numbers.get("error", ""),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        href=f"{address}{BASE}/imports/{row.id}",
        dashboard=f"{address}/dashboard/contacts/import/{row.id}",
        **{name: plan[name] for name in (*SAID, "header", "policy", "tags", "choices")},
    )


def problem_resource(request: Request, one: ImportProblem) -> ProblemResource:
    """A problem in the language of the request."""
    return ProblemResource(
        line=one.line,
        refused=one.refused,
        column=one.column,
        value=one.value,
        reason=request.language.text(one.message, **one.words),
        cells=one.cells,
    )

"""Import over the API (FEATURES I1 to I6): upload, what was recognised, what would happen, run, cancel, take back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from litestar.params import FromPath, FromQuery, JSONBody, MultipartBody

from core.api.import_resources import (
    SAID,
    DiscardResult,
    FieldChoices,
    ImportChange,
    ImportPage,
    ImportResource,
    NewImport,
    ProblemPage,
    import_resource,
    problem_resource,
)
from core.api.routing import BASE, api_delete, api_get, api_patch, api_post, api_upload
from core.contacts.files import storing
from core.contacts.tagging import split_tags
from core.contacts.tags import clean_tag
from core.errors import InvalidInput
from core.transfer import imports, running
from core.transfer.mapping import targets
from core.transfer.recognising import DELIMITERS
from core.web.requests import Request

PERMISSION = "contact.import"
MAX_PAGE = 500


@api_get("/imports", permission=PERMISSION)
def read_imports(request: Request) -> ImportPage:
    """Read the last imports that were begun."""
    with request.site.session() as session:
        return ImportPage(imports=[import_resource(request, row) for row in imports.list_imports(session)])


@api_get("/imports/fields", permission=PERMISSION)
def read_import_fields(request: Request) -> FieldChoices:
    """Read what a column of a file can be."""
    text = request.language.text
    return FieldChoices(fields={key: text(label) for key, label in targets(request.site, request.allows).items()})


@api_upload("/imports", permission=PERMISSION, max_body=imports.MAX_SIZE + 5_000_000)
def create_import(request: Request, data: MultipartBody[NewImport]) -> ImportResource:
    """Upload a file, or send addresses as text; nothing is imported yet.

    The answer says what was recognised and what is open. Without an open question the file is checked: a small one
    at once, a large one in the background. Then `POST /imports/{import_id}/run` imports it.
    """
    site = request.site
    words = {"policy": data.policy, "tags": split_tags(data.tags), "choices": re.findall(r"[^\s,]+", data.choices)}
    chosen = _options(request, words) | {name: getattr(data, name) for name in SAID if getattr(data, name)}
    with storing(site.settings.data_dir) as store:
        if data.file is not None and data.file.filename:
            saved = store.save(data.file.filename, data.file.file, limit=imports.MAX_SIZE)
        else:
            saved = imports.store_text(store, request.language.text("Pasted addresses"), data.text)
        kind, plan = imports.recognise_file(
            site, saved, kind="" if data.file is not None else "paste", chosen=chosen, allows=request.allows
        )
        with site.begin() as session:
            import_id = imports.new_import(session, saved, request.actor, kind, plan).id
    if not plan["questions"]:
        running.check(site, import_id, request.actor)
    return _read(request, import_id)


@api_get("/imports/{import_id:int}", permission=PERMISSION)
def read_import(request: Request, import_id: FromPath[int]) -> ImportResource:
    """Read how an import stands."""
    return _read(request, import_id)


@api_patch("/imports/{import_id:int}", permission=PERMISSION)
def change_import(request: Request, import_id: FromPath[int], data: JSONBody[ImportChange]) -> ImportResource:
    """Say how a file is to be read and taken in; it is checked anew."""
    site = request.site
    with site.session() as session:
        plan = imports.find_import(session, import_id).plan
    row = imports.change_plan(site, import_id, _chosen(request, plan, data), request.allows)
    if not row.plan["questions"]:
        running.check(site, import_id, request.actor)
    return _read(request, import_id)


@api_post("/imports/{import_id:int}/run", permission=PERMISSION, status=202)
def run_import(request: Request, import_id: FromPath[int]) -> ImportResource:
    """Import a checked file, in the background."""
    return _begin(request, import_id, "running")


@api_post("/imports/{import_id:int}/undo", permission=PERMISSION, status=202)
def undo_import(request: Request, import_id: FromPath[int]) -> ImportResource:
    """Take an import back as a whole, in the background; what people changed since stays."""
    return _begin(request, import_id, "undoing")


@api_post("/imports/{import_id:int}/cancel", permission=PERMISSION)
def cancel_import(request: Request, import_id: FromPath[int]) -> ImportResource:
    """Stop an import after the batch under way; what was taken in stays, and can be taken back."""
    with request.site.begin() as session:
        imports.cancel(session, request.site, import_id)
    running.forget_reading(request.site, import_id)
    return _read(request, import_id)


@api_delete("/imports/{import_id:int}", permission=PERMISSION)
def discard_import(request: Request, import_id: FromPath[int]) -> DiscardResult:
    """Forget a file that was not imported."""
    with request.site.begin() as session:
        return DiscardResult(name=imports.discard(session, request.site, import_id))


@api_get("/imports/{import_id:int}/problems", permission=PERMISSION)
def read_problems(
    request: Request, import_id: FromPath[int], after: FromQuery[str] = "", limit: FromQuery[int] = 100
) -> ProblemPage:
    """Read which rows were refused, and what was noted about others."""
    found = re.fullmatch(r"(\d{1,18})-(\d{1,18})", after or "0-0", re.ASCII)
    if found is None or not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("A page has 1 to %(max)s entries.", field="limit", max=MAX_PAGE)
    with request.site.session() as session:
        imports.find_import(session, import_id)
        place = (int(found[1]), int(found[2]))
        rows = imports.problems_of(session, import_id, after=place, limit=limit)
    following = f"after={rows[-1].line}-{rows[-1].id}&limit={limit}" if len(rows) == limit else ""
    address = f"{request.site.settings.base_url}{BASE}/imports/{import_id}/problems?{following}"
    return ProblemPage(problems=[problem_resource(request, one) for one in rows], next=address if following else None)


def _begin(request: Request, import_id: int, state: imports.State) -> ImportResource:
    with request.site.begin() as session:
        imports.begin(session, request.site, import_id, state, request.actor)
    return _read(request, import_id)


def _read(request: Request, import_id: int) -> ImportResource:
    with request.site.begin() as session:
        row = imports.find_import(session, import_id, lock=True)
        imports.settle(session, row)
        return import_resource(request, row)


def _options(request: Request, said: Mapping[str, Any]) -> dict[str, Any]:
    """Policy, tags and choices as they were sent. Raises InvalidInput for what there is not."""
    chosen: dict[str, Any] = {}
    if "policy" in said:
        if said["policy"] not in imports.POLICIES:
            raise InvalidInput("Send one of: %(all)s", field="policy", all=", ".join(imports.POLICIES))
        chosen["policy"] = said["policy"]
    if "tags" in said:
        chosen["tags"] = [clean_tag(name) for name in said["tags"]]
    if "choices" in said:
        offered = request.site.contributions.import_choices
        allowed = [key for key, one in offered.items() if request.allows(one.permission)]
        for key in said["choices"]:
            if key not in allowed:
                raise InvalidInput("Send one of: %(all)s", field="choices", all=", ".join(allowed))
        chosen["choices"] = list(said["choices"])
    return chosen


def _chosen(request: Request, plan: Mapping[str, Any], data: ImportChange) -> dict[str, Any]:
    """All that holds for the file now: what was said before, and what is said with this."""
    names = ("policy", "tags", "choices", *SAID, "header", "unguard")
    said = {name: value for name in names if (value := getattr(data, name)) is not None}
    if said.get("delimiter", ",") not in DELIMITERS:
        raise InvalidInput("Send one of: %(all)s", field="delimiter", all=" ".join(map(repr, DELIMITERS)))
    chosen = {name: plan[name] for name in ("policy", "tags", "choices", "header", "unguard", "delimiter")}
    # What was open is not said by being there.
    chosen |= {name: plan[name] for name in ("dates", "decimal") if plan[name]}
    chosen |= {"encoding": plan["encoding"]} if "encoding" not in plan["questions"] else {}
    anew = any(said.get(name, plan[name]) != plan[name] for name in ("encoding", "delimiter", "header"))
    if anew:
        chosen = {name: value for name, value in chosen.items() if name not in ("header", "delimiter")}
    chosen |= {**said, **_options(request, said)}
    if data.columns is not None:
        chosen["mapping"] = _mapping(request, plan, data.columns)
    elif not anew and not {"email", "twice"} & set(plan["questions"]):
        chosen["mapping"] = plan["mapping"]
    return chosen


def _mapping(request: Request, plan: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, str]:
    headings, known = plan["headings"], targets(request.site, request.allows)
    mapping = dict(plan["mapping"])
    for heading, key in columns.items():
        place = re.fullmatch(r"#(\d{1,4})", heading, re.ASCII)
        number = int(place[1]) - 1 if place else headings.index(heading) if heading in headings else -1
        if not 0 <= number < len(headings) or (key and key not in known):
            raise InvalidInput("“%(text)s” is no column of the file, or no field.", field="columns", text=heading[:80])
        mapping = {one: other for one, other in mapping.items() if one != str(number) and (other != key or not key)}
        if key:
            mapping[str(number)] = key
    return mapping


ROUTES: list[Any] = [
    read_imports,
    read_import_fields,
    create_import,
    read_import,
    change_import,
    run_import,
    undo_import,
    cancel_import,
    discard_import,
    read_problems,
]

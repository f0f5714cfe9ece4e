"""What is done with contacts over the API: bulk actions, merging, deleting; and the jobs and views that go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath, JSONBody
from sqlalchemy.orm import Session

from core.api.contacts import one_resource
from core.api.resources import ContactResource
from core.api.routing import BASE, api_delete, api_get, api_post
from core.contacts.bulk.running import start
from core.contacts.bulk.selections import select_matching, select_ticked
from core.contacts.finding import lock_contact
from core.contacts.merging.merging import merge_contacts, with_patience
from core.contacts.segments import list_segments
from core.contacts.views import TABS, read_view
from core.contacts.wording import Wording
from core.errors import InvalidInput, NotFound
from core.jobs import JobStatus, read_job
from core.privacy.erasing import erase
from core.values import BulkAction
from core.web.contact_list.bulk import read_asked
from core.web.requests import Form, Request


@frozen(kw_only=True)
class BulkRequest:
    """A bulk action for exactly the contacts in `ids`, or for all that a `view` of the list means.

    `view` are the parameters of the list as in its address: `{"segment": 3}`, `{"contact.tag": ["4", "5"]}`.
    `values` is what the action asks for (`GET /bulk-actions`).
    """

    action: str
    ids: Sequence[int] | None = None
    view: Mapping[str, str | int | Sequence[str]] | None = None
    values: Mapping[str, str] = {}


@frozen(kw_only=True)
class BulkResult:
    """How many contacts were chosen, and how many changed; `job` is the address of a large one that is under way."""

    chosen: int
    changed: int
    job: str | None


@frozen(kw_only=True)
class BulkActionResource:
    """A bulk action, and the names of what it asks for."""

    key: str
    label: str
    values: Sequence[str]
    dangerous: bool


@frozen(kw_only=True)
class BulkActionPage:
    """All bulk actions that the token may do."""

    actions: Sequence[BulkActionResource]


@frozen(kw_only=True)
class JobResource:
    """A job: `state` is one of queued, running, done, failed, cancelled; `done` of `total` is how far it is."""

    id: int
    state: str
    done: int
    total: int | None
    error: str


@frozen(kw_only=True)
class SegmentResource:
    """A saved view of the list (FEATURES L6); `filter` names its contacts in any view. `words` say what it means."""

    id: int
    name: str
    shared: bool
    words: str
    filter: str


@frozen(kw_only=True)
class SegmentPage:
    """The segments of everyone, and those of the token's account."""

    segments: Sequence[SegmentResource]


@frozen(kw_only=True)
class MergeRequest:
    """The contact that is to be merged into this one."""

    absorb: int


@frozen(kw_only=True)
class MergeResult:
    """The contact that is left, and the number by which the merge can be undone in the dashboard."""

    contact: ContactResource
    merge: int


@frozen(kw_only=True)
class ErasureResult:
    """That a contact was deleted; `receipt` says in the dashboard what went and what the law makes a plugin keep."""

    receipt: str


@api_get("/bulk-actions", permission="contact.view")
def read_bulk_actions(request: Request) -> BulkActionPage:
    """Read which bulk actions there are."""
    return BulkActionPage(
        actions=[
            BulkActionResource(
                key=action.key,
                label=request.language.text(action.label),
                values=[field.name for field in action.fields],
                dangerous=action.dangerous,
            )
            for action in request.site.contributions.contact_bulk_actions.values()
            if request.allows(action.permission) and action.run is not None
        ]
    )


@api_post("/contacts/bulk", permission="contact.view")
def act_on_many(request: Request, data: JSONBody[BulkRequest]) -> BulkResult:
    """Do something with many contacts.

    Up to 500 at once; more become a job, which works through them batch by batch.
    """
    site, actor = request.site, request.actor
    action = _action(request, data.action)
    if (data.ids is None) == (data.view is None):
        raise InvalidInput("Send either ids or a view.", field="ids")
    view = read_view(_parameters(data.view), site, request.allows) if data.view is not None else None
    with site.begin() as session:
        if view is not None:
            selection = select_matching(session, site, view, action=action.key, actor=actor)
        else:
            selection = select_ticked(session, data.ids or (), action=action.key, actor=actor)
        if not selection.chosen:
            return BulkResult(chosen=0, changed=0, job=None)
        form = Form(fields={name: [value] for name, value in data.values.items()})
        values = read_asked(request, form, action, session, selection)
        for error in form.errors.values():
            raise error
        started = start(session, site, selection, values, actor)
        return BulkResult(
            chosen=selection.chosen,
            changed=started.changed,
            job=_address(request, f"/jobs/{started.job_id}") if started.job_id is not None else None,
        )


def _action(request: Request, key: str) -> BulkAction:
    action = request.site.contributions.contact_bulk_actions.get(key)
    if action is None or action.run is None:
        raise NotFound("There is no such action. Its module may be switched off.")
    if not request.allows(action.permission):
        raise PermissionDeniedException("Your role does not allow this.")
    return action


def _parameters(view: Mapping[str, str | int | Sequence[str]]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in view.items():
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        pairs.extend((name, str(one)) for one in values)
    return pairs


@api_get("/jobs/{job_id:int}", permission="contact.view")
def read_one_job(request: Request, job_id: FromPath[int]) -> JobResource:
    """Read how far a job is that this account has begun."""
    with request.site.session() as session:
        job: JobStatus = read_job(session, job_id)
    if job.actor.id != request.actor.id:
        raise NotFound("There is no such job.")
    return JobResource(id=job.id, state=job.state, done=job.done, total=job.total, error=job.error)


@api_get("/segments", permission="contact.view")
def read_segments(request: Request) -> SegmentPage:
    """Read the saved views of the list."""
    assert request.person is not None, "the route asks for a permission"
    with request.site.session() as session:
        saved = list_segments(session, request.person.id)
    return SegmentPage(
        segments=[
            SegmentResource(
                id=one.id,
                name=one.name,
                shared=one.account_id is None,
                words=_in_words(request, one.id),
                filter=f"segment={one.id}",
            )
            for one in saved
        ]
    )


def _in_words(request: Request, segment_id: int) -> str:
    view = read_view([("segment", str(segment_id))], request.site, request.allows)
    wording = Wording(site=request.site, language=request.language, view=view)
    tab = request.language.text(TABS[view.tab])
    said = wording.group(view.where) if view.where else ""
    return f"{tab}: {said}" if said else tab


@api_post("/contacts/{contact_id:int}/merge", permission="contact.merge")
def merge_two(request: Request, contact_id: FromPath[int], data: JSONBody[MergeRequest]) -> MergeResult:
    """Merge another contact into this one.

    Everything of both is on this one then; the other's address stays known (FEATURES C9). Details that only the other
    one has are taken.
    """
    site, actor = request.site, request.actor

    def work(session: Session) -> int:
        return merge_contacts(session, site, contact_id, data.absorb, actor).merge_id

    merge_id = with_patience(site, work)
    return MergeResult(contact=one_resource(request, contact_id), merge=merge_id)


@api_delete("/contacts/{contact_id:int}", permission="contact.erase")
def erase_contact(request: Request, contact_id: FromPath[int]) -> ErasureResult:
    """Delete a contact for good: everything that is known of the person, in every plugin (FEATURES C8)."""
    with request.site.begin() as session:
        lock_contact(session, contact_id)
        receipt = erase(session, request.site, [contact_id], request.actor)
    return ErasureResult(receipt=f"{request.site.settings.base_url}/dashboard/contacts/receipts/{receipt.id}")


def _address(request: Request, path: str) -> str:
    return request.site.settings.base_url + BASE + path


ROUTES: list[Any] = [
    read_bulk_actions,
    act_on_many,
    read_one_job,
    read_segments,
    merge_two,
    erase_contact,
]

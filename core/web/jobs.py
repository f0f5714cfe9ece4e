"""`/dashboard/jobs/{id}`: how far a queued job is, for whoever queued it, and a note when it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from litestar.datastructures import Cookie
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.errors import NotFound
from core.jobs import JobStatus, cancel_job, read_job
from core.signing import sign, unsign
from core.web.cookies import cookie_name, drop_cookie, make_cookie
from core.web.requests import FormInput, Request, local_path
from core.web.routing import get, post

if TYPE_CHECKING:
    from core.i18n import Language
    from core.site import Site

JOBS_COOKIE = "tresen_jobs"
"""Numbers of the jobs that this browser waits for; each page then looks whether one of them is done."""

JOBS_SECONDS = 86_400
MAX_WATCHED = 10

ENDED_TEXTS: Mapping[str, str] = {
    "done": "“%(title)s” is done.",
    "failed": "“%(title)s” could not be completed.",
    "cancelled": "“%(title)s” was stopped.",
}
"""State → what is said elsewhere, a message id."""


def job_path(job_id: int, next: str = "") -> str:
    """The address of a job's page; `next` is where the person goes on afterwards."""
    return with_next(f"/dashboard/jobs/{job_id}", next)


def with_next(path: str, next: str) -> str:
    """A path with the page to return to as its parameter `next`."""
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'next': next})}" if next else path


# The page


@get("/dashboard/jobs/{job_id:int}", permission="site.overview")
def job_page(request: Request, job_id: FromPath[int], next: FromQuery[str] = "") -> Response[str]:
    """How far the job is, or what came of it."""
    with request.site.session() as session:
        job = read_job(session, job_id)
    _check_seen_by(request, job)
    language, result = request.language, job.result
    numbers = {"done": language.number(job.done)}
    if job.total is not None:
        numbers["total"] = language.number(job.total)
    answer = request.page(
        "site/job.html",
        job=job,
        title=_title(request, job),
        numbers=numbers,
        path=job_path(job.id),
        message=_message(language, job),
        left=language.number(result.get("values", {}).get("left", 0) or 0) if result else "0",
        next=next,
        href=local_path(next) if next else result.get("href") or "",
        undo=result.get("undo") or "",
    )
    if job.is_over:
        forget_jobs(request, answer, [job_id])
    return answer


@post("/dashboard/jobs/{job_id:int}/cancel", permission="site.overview")
def cancel(request: Request, form: FormInput, job_id: FromPath[int]) -> Redirect:
    """Stop the job before its next step; what it did stays."""
    with request.site.session() as session:
        _check_seen_by(request, read_job(session, job_id))
    with request.site.begin() as session:
        stopped = cancel_job(session, job_id)
    if not stopped:
        return request.redirect(job_path(job_id, form.text("next")), "This was over already.", kind="info")
    return request.redirect(job_path(job_id, form.text("next")))


def _check_seen_by(request: Request, job: JobStatus) -> None:
    """Whoever queued a job sees it, and who has the permission that its kind asks for. Raises NotFound."""
    declared = request.site.contributions.jobs.get(job.key)
    own = job.actor.kind == "staff" and request.person is not None and job.actor.id == request.person.id
    shared = declared is not None and declared.permission is not None and request.allows(declared.permission)
    if not own and not shared:
        raise NotFound("There is no such job.")


def _title(request: Request, job: JobStatus) -> str:
    """What the job is called: as it was queued (`title` in its data, a message id), else as its kind is."""
    declared = request.site.contributions.jobs.get(job.key)
    return request.language.text(str(job.data.get("title") or (declared.label if declared else job.key)))


def _message(language: Language, job: JobStatus) -> str:
    """What a finished job says; numbers as the language writes them."""
    message = job.result.get("message")
    if not message:
        return ""
    values = {
        name: language.number(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in job.result.get("values", {}).items()
    }
    return language.text(str(message), **values)


# Waiting for it elsewhere


def redirect_to_job(request: Request, job_id: int, next: str = "") -> Redirect:
    """Answer what queued a job: go to its page, from there to `next`, and be told on any other when it is done."""
    answer = request.redirect(job_path(job_id, next))
    answer.set_cookie(_cookie(request.site, [*watched(request), job_id][-MAX_WATCHED:]))
    return answer


def watched(request: Request) -> list[int]:
    """The jobs that this browser waits for."""
    stored = request.cookies.get(cookie_name(request.site, JOBS_COOKIE), "")
    body = unsign(request.site.secret, "jobs", stored) if stored else None
    return [int(one) for one in body.split()] if body else []


def _cookie(site: Site, job_ids: list[int]) -> Cookie:
    if not job_ids:
        return drop_cookie(site, JOBS_COOKIE)
    text = " ".join(str(one) for one in job_ids)
    return make_cookie(site, JOBS_COOKIE, sign(site.secret, "jobs", text), max_age=JOBS_SECONDS)


def forget_jobs(request: Request, answer: Response[str], job_ids: Sequence[int]) -> None:
    """Wait for these jobs no longer: their end was shown."""
    if not job_ids:
        return
    waiting = watched(request)
    if set(waiting) & set(job_ids):
        answer.set_cookie(_cookie(request.site, [one for one in waiting if one not in job_ids]))


def ended_jobs(request: Request) -> list[tuple[int, dict[str, Any]]]:
    """The jobs waited for that are over, each with the toast that says so; nothing is asked while nobody waits."""
    waiting = watched(request)
    if not waiting or request.person is None or request.scope["path"].startswith("/dashboard/jobs/"):
        return []
    ended = []
    with request.site.session() as session:
        for job_id in waiting:
            try:
                job = read_job(session, job_id)
                _check_seen_by(request, job)
            except NotFound:
                continue
            if job.is_over:
                ended.append((job_id, _toast(request, job)))
    return ended


def _toast(request: Request, job: JobStatus) -> dict[str, Any]:
    language = request.language
    text = _message(language, job) if job.state == "done" else ""
    if not text:
        text = language.text(ENDED_TEXTS[job.state], title=_title(request, job))
    return {
        "text": text,
        "kind": {"done": "success", "failed": "error", "cancelled": "info"}[job.state],
        "undo_url": job.result.get("undo") or None,
        "link": {"label": language.text("View"), "href": job_path(job.id)},
    }


ROUTES: list[Any] = [job_page, cancel]

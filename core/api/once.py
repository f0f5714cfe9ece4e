"""Doing what a program asks at most once: the header `Idempotency-Key` of any request that changes something.

The request is worked on in one transaction, whatever its handler opens, and its answer is written in the same: a killed
process has done all of it or nothing, and the program that asks again gets the answer, or has it done (THREATS T-B4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from threading import get_ident
from typing import Any

from attrs import define, evolve, field
from litestar.response import Response
from litestar.serialization import encode_json
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.api import keys
from core.api.problems import problem
from core.database.engine import Database
from core.plugins import Call, Outcome, SideBySide
from core.site import Site
from core.web.requests import Request

HEADER = "idempotency-key"

NEEDED = (
    "Send the header Idempotency-Key with a new value for each request, such as a UUID: a request that is sent again "
    "is then not done again."
)


@define(eq=False)
class OneTransaction:
    """A site's database as a handler sees it that is worked on in one transaction: whatever it opens is part of that.

    `over` gives it the database as it is: for what happens after the commit.
    """

    database: Database
    _session: Session
    over: bool = False
    _thread: int = field(factory=get_ident)

    @property
    def engine(self) -> Engine:
        """The engine, for its dialect."""
        return self.database.engine

    @property
    def writing(self) -> Engine:
        """The engine for writing."""
        return self.database.writing

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.database.is_sqlite

    @contextmanager
    def session(self) -> Iterator[Session]:
        """The session of the transaction; another thread gets one of its own."""
        if self.over or get_ident() != self._thread:
            with self.database.session() as session:
                yield session
            return
        yield self._session

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A savepoint of the transaction: rolled back by an exception, as a transaction would be."""
        if self.over:
            with self.database.begin() as session:
                yield session
            return
        with self._session.begin_nested():
            yield self._session
        # As a new session would read what was just written, relations and database defaults included.
        self._session.expire_all()


class OneByOne(SideBySide):
    """Plugins' code, called one by one in this thread: others would not see what is not committed yet."""

    def run(self, calls: Sequence[Call], budget: float) -> list[Outcome]:
        """Run all calls."""
        return super().run([evolve(call, here=True) for call in calls], budget)


class _Refused(Exception):
    """Carries an answer out of the transaction that must be given up."""

    def __init__(self, answer: Response[Any]) -> None:
        self.answer = answer


def answer_once(
    handler: Callable[..., Any], request: Request, body: bytes, status: int, named: dict[str, Any], *, needed: bool
) -> Any:
    """Call a handler of the API; with the header, at most once for each key.

    What is refused has done nothing, and its key is free again.
    """
    header = request.headers.get(HEADER)
    if header is None:
        if needed:
            return problem(400, request.language.text("This request can't be read"), request.language.text(NEEDED))
        return handler(request, **named)
    assert request.person is not None, "the route asks for a permission"
    site, path = request.site, request.scope["path"]
    query = request.scope["query_string"]
    asked = keys.Asked(
        account_id=request.person.id,
        key=keys.read_key(header),
        path=path,
        fingerprint=keys.fingerprint(site, str(request.method).encode(), path.encode(), query, body),
    )
    try:
        held = keys.claim(site, asked)
        if isinstance(held, keys.Answered):
            return _again(request, held)
        try:
            return _work(handler, request, held, status, named)
        except _Refused as refused:
            keys.let_go(site, held)
            return refused.answer
        except BaseException:
            keys.let_go(site, held)
            raise
    except keys.OtherRequest as error:
        text = request.language.text
        return problem(422, text("This can't be accepted"), text(error.message), field=error.field)
    except keys.UnderWay:
        return problem(
            409,
            request.language.text("Someone else was faster"),
            request.language.text("A request with this Idempotency-Key is being worked on. Ask again in a moment."),
            headers={"retry-after": "1"},
        )


def _work(handler: Callable[..., Any], request: Request, held: keys.Held, status: int, named: dict[str, Any]) -> Any:
    site: Site = request.site
    state = request.scope["state"]
    with site.begin() as session:
        keys.hold_on(session, held)
        joined = copy(site)
        transaction = OneTransaction(site.database, session)
        joined.database = transaction  # type: ignore[assignment]
        joined.side_by_side = OneByOne()
        state["site"] = joined
        try:
            answer = handler(request, **named)
        finally:
            transaction.over = True
            state["site"] = site
        response = answer if isinstance(answer, Response) else Response(answer, status_code=status)
        code = response.status_code or status
        if code >= 400:
            raise _Refused(response)
        text = encode_json(response.content).decode()
        headers = {name: value for name, value in response.headers.items() if name.lower() == "location"}
        keys.keep_answer(session, held, code, headers, text)
    return _as_json(code, headers, text)


def _as_json(status: int, headers: Any, text: str) -> Response[bytes]:
    return Response(text.encode(), status_code=status, headers=headers, media_type="application/json")


def _again(request: Request, known: keys.Answered) -> Response[Any]:
    if known.status == keys.GONE:
        return problem(
            keys.GONE,
            request.language.text("There is nothing here"),
            request.language.text("This was done. Its answer was deleted with the person it speaks of."),
        )
    answer = _as_json(known.status, dict(known.headers), known.answer)
    answer.headers["idempotent-replayed"] = "true"
    return answer

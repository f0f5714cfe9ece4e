"""What happens once a transaction is committed, such as removing files that its rows named."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import event
from sqlalchemy.orm import Session

WAITING = "tresen_after_commit"


def after_commit(session: Session, function: Callable[[], None]) -> None:
    """Call `function` when the session's transaction, and not just a savepoint of it, is committed.

    Nothing can be taken back then: it must catch its own errors. It is also called when a savepoint in which it was
    registered was rolled back, so it looks at what is stored.
    """
    if WAITING not in session.info:
        session.info[WAITING] = []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_rollback", _forget)
    session.info[WAITING].append(function)


def _committed(session: Session) -> None:
    if session.in_nested_transaction():
        return
    waiting, session.info[WAITING] = session.info[WAITING], []
    for function in waiting:
        function()


def _forget(session: Session) -> None:
    # Told of the transaction only, never of a savepoint.
    session.info[WAITING] = []

"""Work that is done outside of requests: jobs, checks, commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen, validators

from core.values.basics import Actor
from core.values.checking import check_key, is_text, order_field

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from sqlalchemy.orm import Session

    from core.site import Site


@define(kw_only=True)
class Task:
    """A queued job in one of its steps: what the step reads, and what it changes for the next one.

    `data` and `result` hold what JSON can hold; `done` of `total` is the progress people see. At the end `result` may
    have a `message` (a message id) with its `values`, `href`, the page to go on with, and `undo`, the path of a POST
    that takes it back.
    """

    id: int
    data: dict[str, Any]
    total: int | None
    done: int
    result: dict[str, Any]
    actor: Actor


@frozen(kw_only=True)
class Job:
    """Work that the worker does: `step` for a queued job, or `run` for one that is due `every` so often.

    `step(session, site, task)` is called in a transaction of its own, again and again until it answers True. What it
    wrote and the changes of its `task` are committed together, so a killed process neither loses nor repeats one.
    A step should take a second at most: on SQLite nobody else writes meanwhile.

    `run(site)` runs in one process at a time. One that takes longer than `patience` is taken for dead, and another
    process begins it again.
    """

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    step: Callable[[Session, Site, Task], bool] | None = None
    every: timedelta | None = None
    run: Callable[[Site], None] | None = None
    patience: timedelta = timedelta(minutes=5)
    permission: str | None = None
    order: int = order_field

    def __attrs_post_init__(self) -> None:
        if (self.step is None) == (self.run is None):
            raise ValueError(f"Job {self.key!r} needs either step= or run=, and not both.")
        if (self.run is None) != (self.every is None):
            raise ValueError(f"Job {self.key!r} needs every= with run=, and only with it.")


@frozen(kw_only=True)
class Check:
    """Something that must hold in the plugin's tables, looked at by `tresen doctor`.

    `find(session, site)` reads and answers a sentence for each place where it does not hold, in English as all commands
    speak, without names and addresses of people; none when all is well. A hundred sentences are enough.
    `repair(session, site)` mends what can be worked out from other rows, in a transaction of its own that is kept only
    if it raises nothing; without it, the sentences say what a person has to do.
    """

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    find: Callable[[Session, Site], Sequence[str]] = field(validator=validators.is_callable())
    repair: Callable[[Session, Site], None] | None = None
    order: int = order_field


@frozen(kw_only=True)
class Command:
    """A command of `tresen`: the key "notes.tidy_up" is called as `notes tidy-up`.

    `help` is one English sentence; `arguments(parser)` adds what it takes; `run(site, arguments)` does it and answers
    the exit status, 0 when it went well. A TresenError is printed and becomes the status 1.
    """

    key: str = field(validator=check_key)
    help: str = field(validator=is_text)
    run: Callable[[Site, Namespace], int] = field(validator=validators.is_callable())
    arguments: Callable[[ArgumentParser], object] | None = None
    order: int = order_field

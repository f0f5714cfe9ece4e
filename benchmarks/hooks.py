"""What telling an event to twenty plugins costs, against twenty savepoints with a plain call in each."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from sqlalchemy.orm import Session

from benchmarks.measuring import Result, compare
from core import hookimpl
from core.plugins import make_plugin
from core.testing import make_site

PLUGINS = 20


def _plugin(number: int) -> ModuleType:
    module = ModuleType(f"bench{number}")

    def contact_created(session: Session, contact_id: int) -> None:
        return None

    module.contact_created = hookimpl(contact_created)  # type: ignore[attr-defined]
    return module


def run(folder: Path, contacts: int) -> list[Result]:
    """One event, told to all."""
    site = make_site(folder, *(make_plugin(_plugin(number), f"bench{number}") for number in range(PLUGINS)))

    def told() -> None:
        with site.begin() as session:
            site.tell(session, "contact_created", contact_id=1)

    def by_hand() -> None:
        with site.begin() as session:
            for _ in range(PLUGINS):
                with session.begin_nested():
                    pass

    result = compare(f"tell an event to {PLUGINS} plugins", told, f"{PLUGINS} savepoints", by_hand, rounds=50)
    site.close()
    return [result]

"""Sites, plugins and captures for tests of one contact: its capture, its profile, its editing."""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve
from sqlalchemy import select

from core.contacts.models import Contact
from core.database.base import Base
from core.hookspecs import hookimpl
from core.plugins import Plugin, make_plugin
from core.site import Site
from core.testing import make_site
from core.values import Activity, ActivityKind, Actor, Capture, Captured, Details, Module
from tests.sample_plugin import plugin as sample_plugin
from tests.support.dumps import Dump, rows_of

KARLA = Actor(kind="staff", id=7, name="Karla Lindner")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LINDEN = Details(
    name="Anna Müller",
    phone="030 123456",
    street="Lindenstraße 4",
    postal_code="10969",
    city="Berlin",
    country="DE",
)


def counter(tmp_path: Path, **hooks: Callable[..., Any]) -> Plugin:
    """A plugin called „counter“ with a module and a kind of entry, and the hooks given."""
    module = types.ModuleType("counter")
    module.__file__ = str(tmp_path / "counter" / "plugin.py")
    module.__package__ = "counter"
    module.modules = hookimpl(lambda: [Module(key="counter", label="Theke", icon="bag")])  # type: ignore[attr-defined]
    module.activity_kinds = hookimpl(  # type: ignore[attr-defined]
        lambda: [
            ActivityKind(key="counter.sold", label="Sale", text="Bought for %(total)s", source="Sale %(reference)s"),
            ActivityKind(key="counter.broken", label="Broken", text="Lacks %(nothing)s and %(reference)"),
        ]
    )
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    return make_plugin(module, "counter")


def template(tmp_path: Path, name: str, text: str) -> str:
    """Write a template of the plugin „counter“; answers its name."""
    folder = tmp_path / "counter" / "templates" / "counter"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return f"counter/{name}"


def open_counter(tmp_path: Path, database_url: str, *more: Plugin, **hooks: Callable[..., Any]) -> Site:
    """A site with the plugin „counter“ and the sample plugin, which writes down the events it is told."""
    site = make_site(
        tmp_path / "data",
        counter(tmp_path, **hooks),
        make_plugin(sample_plugin),
        *more,
        database_url=database_url,
        language="en",
    )
    assert site.refused == ()
    return site


def sale(
    email: str = "anna@example.org",
    *,
    reference: str = "1007",
    at: datetime = NOON,
    details: Details = LINDEN,
    **values: Any,
) -> Capture:
    """A sale at the counter."""
    return Capture(
        email=email,
        module="counter",
        occurred_at=at,
        details=details,
        activity=Activity(
            kind="counter.sold",
            reference=reference,
            data={"total": 8450, "total_currency": "EUR"},
            href=f"/dashboard/counter/{reference}",
        ),
        **values,
    )


def capture(site: Site, wanted: Capture | None = None, **values: Any) -> Captured:
    """Capture in a transaction of its own."""
    from core.contacts.capture import capture_contact

    with site.begin() as session:
        return capture_contact(session, site, wanted or sale(**values))


def contact_of(site: Site, contact_id: int) -> Contact:
    """The contact as it is stored now."""
    with site.session() as session:
        return session.get_one(Contact, contact_id)


def heard(site: Site, hook: str) -> list[tuple[int | None, str]]:
    """What the sample plugin was told through an event hook."""
    from tests.sample_plugin.models import Heard

    with site.session() as session:
        rows = session.scalars(select(Heard).where(Heard.hook == hook).order_by(Heard.id))
        return [(row.contact_id, row.detail) for row in rows]


def stored(site: Site) -> Dump:
    """Every row of every table: what a refused request must leave as it was."""
    looked_at = Base.metadata.tables.keys() - {"staff_sessions", "site_state", "plugin_states"}
    return rows_of(site, [Base.metadata.tables[name] for name in looked_at])


def moved(details: Details, **values: str) -> Details:
    """Details with some of them changed."""
    return evolve(details, **values)

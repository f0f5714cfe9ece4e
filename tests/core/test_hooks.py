"""Every hook is typed, documented, implemented by the sample plugin and really used; events stay apart."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Activity, Capture, Site, add_activity, capture_contact, hookspecs
from core.builtin import BUILTIN
from core.contacts.models import Contact, ContactActivity
from core.plugins import Plugin, discover
from core.state import PluginFailure
from core.testing import make_client, make_site, sign_in
from core.values import SYSTEM
from tests.sample_plugin import plugin as sample
from tests.support.plugins import plugin_module

ROOT = Path(__file__).parents[2]

HOOKS = sorted(name for name, value in vars(hookspecs).items() if hasattr(value, "tresen_spec"))


def _bundled() -> list[Plugin]:
    """The plugins in plugins/, and the core's own."""
    found, refused = discover()
    assert not refused, [refusal.message for refusal in refused]
    return [*BUILTIN, *(plugin for plugin in found if plugin.package.startswith("plugins."))]


def _implements(module: object, hook: str) -> bool:
    return hasattr(getattr(module, hook, None), "tresen_impl")


# The contract


def test_there_are_hooks() -> None:
    assert "contact_columns" in HOOKS
    assert len(HOOKS) > 20


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_fully_annotated(hook: str) -> None:
    signature = inspect.signature(getattr(hookspecs, hook))

    assert signature.return_annotation is not signature.empty
    assert [one.name for one in signature.parameters.values() if one.annotation is one.empty] == []


@pytest.mark.parametrize("hook", HOOKS)
def test_the_annotations_of_a_hook_are_types_that_exist(hook: str) -> None:
    from litestar.handlers import BaseRouteHandler

    from core.demo import Demo

    here = {"Site": Site, "Session": Session, "Demo": Demo, "BaseRouteHandler": BaseRouteHandler}

    hints = typing.get_type_hints(getattr(hookspecs, hook), localns=here)

    assert "return" in hints


@pytest.mark.parametrize("hook", HOOKS)
def test_the_docstring_of_a_hook_has_its_four_parts(hook: str) -> None:
    text = " ".join((inspect.getdoc(getattr(hookspecs, hook)) or "").split())

    parts = [text.find(part) for part in ("When: ", "Return: ", "Combined: ", "If it raises: ")]
    assert min(parts) > 0, f"{hook}: {parts}"
    assert parts == sorted(parts)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_sample_plugin_implements_a_hook(hook: str) -> None:
    assert _implements(sample, hook)


TOLD = frozenset(
    {
        "screen_capture",
        "contact_created",
        "contacts_created",
        "contact_captured",
        "contact_updated",
        "stage_changed",
        "contact_deactivated",
        "message_received",
        "message_sent",
        "plugin_enabled",
        "plugin_disabled",
    }
)
"""Decisions and events that the contract promises to other people's plugins: `test_events.py` sees each one arrive."""


def test_every_contribution_is_used_by_a_bundled_plugin_or_the_core() -> None:
    unused = [
        hook
        for hook in HOOKS
        if hook not in TOLD and not any(_implements(plugin.module, hook) for plugin in _bundled())
    ]

    assert not unused, f"A hook comes with a real use; these have none: {', '.join(unused)}"


# The documentation


def _documented() -> dict[str, str]:
    """Hook → its part of docs/hooks.md."""
    text = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    parts = re.split(r"^### `(\w+)`\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_documentation_names_every_hook_and_no_other() -> None:
    assert sorted(_documented()) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_the_documentation_of_a_hook_has_its_signature_and_four_parts(hook: str) -> None:
    part = _documented()[hook]
    arguments = list(inspect.signature(getattr(hookspecs, hook)).parameters)

    assert f"{hook}({', '.join(arguments)})" in part
    for word in ("**When**", "**Return**", "**Combined**", "**If it raises**"):
        assert word in part, f"{hook} has no {word}"
    assert "```python" in part


# Events


def _writes(kind: str) -> Callable[..., None]:
    def contact_created(session: Session, contact_id: int) -> None:
        add_activity(session, contact_id, Activity(kind=kind), actor=SYSTEM)

    return contact_created


def _writes_and_raises(kind: str, error: BaseException) -> Callable[..., None]:
    def contact_created(session: Session, contact_id: int) -> None:
        add_activity(session, contact_id, Activity(kind=kind), actor=SYSTEM)
        raise error

    return contact_created


def _breaks_the_database(session: Session, contact_id: int) -> None:
    session.add(ContactActivity(contact_id=contact_id, kind="bad.written", actor_kind="system"))
    # A row of no contact, written only when the savepoint ends.
    session.add(ContactActivity(contact_id=-1, kind="bad.written", actor_kind="system"))


def _capture(site: Site) -> int:
    with site.begin() as session:
        capture = Capture(
            email="ada@example.org", module="notes", activity=Activity(kind="notes.written", reference="7")
        )
        return capture_contact(session, site, capture).contact_id


def _kinds(site: Site) -> set[str]:
    with site.session() as session:
        return set(session.scalars(select(ContactActivity.kind)))


def _failures(site: Site) -> list[tuple[str, str, str, int]]:
    with site.session() as session:
        rows = session.scalars(select(PluginFailure)).all()
    return [(row.plugin, row.place, row.message, row.count) for row in rows]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (_writes_and_raises("bad.written", ValueError("no paper")), "ValueError: no paper"),
        (_writes_and_raises("bad.written", SystemExit(2)), "SystemExit: 2"),
        (_breaks_the_database, "IntegrityError: "),
    ],
    ids=["raises", "exits", "breaks a rule of the database"],
)
def test_t_g2_a_failing_plugin_loses_its_own_writes_and_nobody_elses(
    tmp_path: Path, database_url: str, broken: Any, message: str
) -> None:
    site = make_site(
        tmp_path,
        plugin_module("acme", contact_created=_writes("acme.written")),
        plugin_module("bad", contact_created=broken),
        plugin_module("zoo", contact_created=_writes("zoo.written")),
        database_url=database_url,
    )

    contact_id = _capture(site)

    with site.session() as session:
        assert session.get(Contact, contact_id) is not None
    assert _kinds(site) == {"notes.written", "acme.written", "zoo.written"}
    ((plugin, place, said, count),) = _failures(site)
    assert (plugin, place, count) == ("bad", "contact_created", 1)
    assert said.startswith(message)
    site.close()


def test_t_g2_the_module_screen_names_a_failing_plugin_until_the_list_is_cleared(
    tmp_path: Path, database_url: str
) -> None:
    broken = _writes_and_raises("bad.written", ValueError("no <b>paper</b>"))
    site = make_site(tmp_path, plugin_module("bad", contact_created=broken), database_url=database_url)
    _capture(site)

    with make_client(site) as client:
        sign_in(site, client)
        shown = client.get("/dashboard/modules").text
        assert "ValueError: no <b>paper</b>" in unescape(shown)
        assert "<b>paper</b>" not in shown
        assert client.post("/dashboard/modules/bad/failures/forget").status_code == 200
        assert "ValueError" not in client.get("/dashboard/modules").text

    assert _failures(site) == []
    # Asking opened a connection again, after the client had closed the site.
    site.close()


def test_t_g2_failures_at_one_place_are_counted(tmp_path: Path) -> None:
    broken = _writes_and_raises("bad.written", ValueError("no paper"))
    site = make_site(tmp_path, plugin_module("bad", contact_captured=lambda: 1 / 0, contact_created=broken))
    for name in ("ada", "ben"):
        with site.begin() as session:
            capture = Capture(email=f"{name}@example.org", module="notes", activity=Activity(kind="notes.written"))
            capture_contact(session, site, capture)

    assert sorted(_failures(site)) == [
        ("bad", "contact_captured", "ZeroDivisionError: division by zero", 2),
        ("bad", "contact_created", "ValueError: no paper", 2),
    ]
    site.close()


def test_t_g2_what_the_caller_takes_back_takes_back_what_plugins_wrote(tmp_path: Path, database_url: str) -> None:
    site = make_site(
        tmp_path, plugin_module("acme", contact_created=_writes("acme.written")), database_url=database_url
    )

    def capture_and_fail() -> None:
        with site.begin() as session:
            capture = Capture(email="ada@example.org", module="notes", activity=Activity(kind="notes.written"))
            capture_contact(session, site, capture)
            raise RuntimeError("The caller gives up.")

    with pytest.raises(RuntimeError):
        capture_and_fail()

    assert _kinds(site) == set()
    site.close()


def test_a_plugin_that_is_off_is_told_nothing(tmp_path: Path) -> None:
    site = make_site(tmp_path, plugin_module("acme", contact_created=_writes("acme.written")))
    site = site.switch("acme", on=False)

    _capture(site)

    assert _kinds(site) == {"notes.written"}
    site.close()

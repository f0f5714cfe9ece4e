"""A plugin that keeps rows about contacts does its duties, or is refused with who, what, and the way out (T-R2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, Integer, String, Table

from core.builtin import BUILTIN
from core.database.base import Base
from core.duties import DUTIES, core_tables, personal_tables, references, tables_of
from core.plugins import discover, make_plugin
from core.testing import make_site
from tests.sample_plugin import plugin as sample
from tests.support.plugins import plugin_module


@pytest.fixture
def personal_table() -> Iterator[Table]:
    """A table of a plugin called „diary“ that refers to contacts."""
    table = Table(
        "diary_pages",
        Base.metadata,
        Column("id", Integer, primary_key=True),
        Column("contact_id", Integer, ForeignKey("contacts.id", ondelete="CASCADE")),
        Column("text", String),
    )
    yield table
    Base.metadata.remove(table)


@pytest.mark.usefixtures("personal_table")
def test_t_r2_a_plugin_with_rows_about_contacts_and_without_the_duties_is_refused(tmp_path: Path) -> None:
    site = make_site(tmp_path, plugin_module("diary", contact_columns=lambda: list[Any]()))

    (refusal,) = site.refused
    assert refusal.plugin == "diary"
    assert refusal.message == (
        "Plugin 'diary' keeps rows about contacts (table 'diary_pages') and does not implement 'merge_contacts'. "
        "Without it, when two contacts are merged, its rows would stay behind. Add the hook; docs/hooks.md shows how."
    )
    assert "diary" not in site.enabled
    assert "diary" not in site.plugins
    site.close()


@pytest.mark.usefixtures("personal_table")
@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("erase_contacts", "when a person is erased, what it keeps of them would stay"),
        ("export_contact", "what it keeps of a person would be missing from the data handed out to them"),
    ],
)
def test_t_r2_a_plugin_that_lacks_one_duty_is_refused_by_its_name(tmp_path: Path, missing: str, reason: str) -> None:
    duties = {duty: lambda: None for duty in DUTIES if duty != missing}

    site = make_site(tmp_path, plugin_module("diary", **duties))

    (refusal,) = site.refused
    assert f"does not implement '{missing}'. Without it, {reason}." in refusal.message
    assert "diary" not in site.plugins
    site.close()


@pytest.mark.usefixtures("personal_table")
def test_t_r2_a_plugin_that_does_its_duties_is_let_in(tmp_path: Path) -> None:
    duties = {duty: lambda: None for duty in DUTIES}

    site = make_site(tmp_path, plugin_module("diary", **duties))

    assert site.refused == ()
    assert "diary" in site.enabled
    site.close()


def test_t_r2_a_plugin_without_rows_about_contacts_owes_nothing(tmp_path: Path) -> None:
    site = make_site(tmp_path, plugin_module("notes", contact_columns=lambda: list[Any]()))

    assert site.refused == ()
    site.close()


def test_every_table_that_refers_to_contacts_has_an_owner_that_does_the_duties() -> None:
    plugins = [*BUILTIN, *discover()[0], make_plugin(sample)]
    owned = {table.name for plugin in plugins for table in tables_of(plugin)} | {one.name for one in core_tables()}
    referring = {
        table.name
        for table in personal_tables(Base.metadata.tables.values())
        if any(mapper.local_table is table for mapper in Base.registry.mappers)
    }

    assert {"contact_tags", "messages", "shop_orders", "consent_events", "sample_plugin_points"} <= referring
    assert referring <= owned
    assert set(references(Base.metadata.tables["contact_distinct_pairs"])) == {"low_id", "high_id"}

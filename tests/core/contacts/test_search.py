"""L5: the search finds what people mean, by an index that follows every change, and keeps nothing of the erased."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, delete, insert, select, text, update

from core import Activity, Capture, Details, capture_contact
from core.contacts import places
from core.contacts.directory import find_contacts
from core.contacts.folding import name_key, search_text, spellings
from core.contacts.merging.combining import write_aliases
from core.contacts.models import Contact
from core.contacts.search_index import FORGETS_AT_ONCE, POSTGRESQL_INDEX, forget_removed
from core.contacts.search_texts import refresh_search_texts
from core.contacts.statements import in_order, make_plan
from core.contacts.views import View
from core.site import Site
from core.testing import count_queries, make_site
from tests.core.contacts.list_support import START, add, open_site, plugin_of


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[Site]:
    with open_site(tmp_path, fresh_database) as site:
        yield site


def found(site: Site, query: str, **view: Any) -> set[int]:
    page, _ = find_contacts(site, View(search=query, **view), list(site.contributions.contact_columns.values()))
    return {row["id"] for row in page.rows}


@pytest.mark.parametrize(
    ("name", "finds", "not_found"),
    [
        ("Jürgen Müller", ("jürgen", "jurgen", "JUERGEN", "MÜLLER", "muell", "ülle"), ("mueler", "mülller")),
        ("Mueller", ("Müller", "mueller"), ("muller",)),
        ("Muller", ("Müller", "muller"), ("mueller",)),
        ("Anna Groß", ("gross", "GROSS", "groß", "gro"), ("grosss",)),
        ("Çağla Şimşek İpek", ("cagla", "Şimşek", "ipek", "simsek cagla"), ("chagla",)),
        ("Åse Ødegård", ("ase", "aase", "odegard", "oedegaard"), ("oodegard",)),
        ("Nguyễn Thị Ánh", ("nguyen", "Nguyễn"), ("nguyenx",)),
        ("李 小龍", ("李", "小龍"), ("大",)),
        ("100 % _ \\ \" ' AND OR NOT * ^", ("100 %", "%", '"', "AND", "_ \\", "not *"), ("100_%",)),
    ],
)
def test_l5_finds_names_however_they_are_typed(
    site: Site, name: str, finds: tuple[str, ...], not_found: tuple[str, ...]
) -> None:
    one = add(site, "first@example.org", name=name)
    add(site, "second@elsewhere.example", name="Zacharias Quix")

    assert [query for query in finds if one not in found(site, query)] == []
    assert [query for query in not_found if one in found(site, query)] == []


def test_l5_short_words_are_looked_for_too(site: Site) -> None:
    one, two = add(site, "ng@example.org", name="Ng"), add(site, "li@example.org", name="Li Wei")

    assert found(site, "ng") == {one}
    assert found(site, "l") == {one, two}
    assert found(site, "we li") == {two}
    assert found(site, "xq") == set()


def test_l5_the_index_follows_every_way_a_contact_changes(site: Site) -> None:
    def capture(email: str, name: str) -> int:
        with site.begin() as session:
            details = Details(name=name, city="Köln")
            return capture_contact(
                session, site, Capture(email=email, module="notes", activity=Activity(kind="notes.x"), details=details)
            ).contact_id

    one = capture("anna@example.org", "Anna Anders")
    assert found(site, "anders") == found(site, "koln") == {one}
    capture("anna@example.org", "Anna Berger")
    assert (found(site, "anders"), found(site, "berger")) == (set(), {one})

    with site.begin() as session:
        session.execute(insert(Contact), [{"email": "m@x.example", "email_key": "m@x.example", "joined_at": START}])
        session.execute(update(Contact).where(Contact.id == one).values(search_text=Contact.search_text + "\nbarefoot"))
    assert found(site, "m@x.ex") != set()
    assert found(site, "barefoot") == {one}

    with site.begin() as session:
        refresh_search_texts(session, [one])
    assert found(site, "barefoot") == set()
    with site.begin() as session:
        session.execute(delete(Contact).where(Contact.id == one))
    assert found(site, "berger") == set()
    if site.database.is_sqlite:
        with site.begin() as session:
            # Raises when the index holds anything else than the contacts' texts.
            session.execute(text("INSERT INTO contact_search (contact_search) VALUES ('integrity-check')"))


def test_l5_a_change_that_is_rolled_back_is_not_in_the_index(site: Site) -> None:
    one = add(site, name="Anna Anders")
    with site.begin() as session:
        savepoint = session.begin_nested()
        session.execute(update(Contact).where(Contact.id == one).values(search_text="berger"))
        savepoint.rollback()
    assert (found(site, "anders"), found(site, "berger")) == ({one}, set())


def test_l5_an_alias_finds_the_contact_that_was_kept(site: Site) -> None:
    kept = add(site, "new@example.org", name="Anna Neu")
    add(site, "old@example.org", name="Anna Alt", merged_into=kept)
    with site.begin() as session:
        write_aliases(session, session.get_one(Contact, kept))

    assert found(site, "old@example") == {kept}


def stored(site: Site) -> list[bytes]:
    """The pages of the SQLite index, as they are in the file."""
    with site.session() as session:
        return list(session.scalars(text("SELECT block FROM contact_search_data WHERE id > 10 ORDER BY id")))


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("forgotten", [True] if FORGETS_AT_ONCE else [True, False])
def test_c8_an_erased_contact_leaves_no_letters_in_the_index(site: Site, forgotten: bool) -> None:
    """`forgotten=False` is the control, which there is only where SQLite does not forget by itself."""
    with site.begin() as session:
        many = [f"p{n}@x.example" for n in range(50)]
        session.execute(insert(Contact), [{"email": one, "email_key": one, "joined_at": START} for one in many])
        forget_removed(session.connection())
    before = stored(site)
    one = add(site, "erase.me@example.org", name="Quirin Xylander")
    assert found(site, "xylander") == {one}

    with site.begin() as session:
        session.execute(delete(Contact).where(Contact.id == one))
        if forgotten:
            forget_removed(session.connection())

    assert found(site, "xylander") == set()
    # Page for page what it was before the contact came.
    assert (stored(site) == before) is forgotten


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_l5_works_on_postgresql_without_the_extension(tmp_path: Path, empty_database_url: str) -> None:
    """An account that may make tables and no extensions: search finds the same, without the index."""
    admin = create_engine(
        empty_database_url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"DROP ROLE IF EXISTS plain_{name}"))
        connection.execute(text(f"CREATE ROLE plain_{name} LOGIN PASSWORD 'plain'"))
        connection.execute(text(f"GRANT ALL ON SCHEMA public TO plain_{name}"))
        connection.execute(text(f"REVOKE CREATE ON DATABASE {name} FROM plain_{name}, public"))
    url = admin.url.set(username=f"plain_{name}", password="plain").render_as_string(hide_password=False)
    site = make_site(tmp_path, plugin_of("notes"), database_url=url)
    try:
        one = add(site, "anna@example.org", name="Anna Müller")
        with site.session() as session:
            assert session.scalar(text(f"SELECT to_regclass('{POSTGRESQL_INDEX}')")) is None
        assert found(site, "mueller") == {one}
    finally:
        site.close()
        with admin.connect() as connection:
            connection.execute(text(f"DROP OWNED BY plain_{name}"))
            connection.execute(text(f"DROP ROLE plain_{name}"))
        admin.dispose()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_l5_postgresql_has_the_index(site: Site) -> None:
    with site.session() as session:
        assert session.scalar(text(f"SELECT to_regclass('{POSTGRESQL_INDEX}')")) is not None


def test_the_migration_folds_what_was_there(tmp_path: Path, empty_database_url: str) -> None:
    from core.database.migrate import CORE, downgrade, upgrade

    site = make_site(tmp_path, plugin_of("notes"), database_url=empty_database_url)
    one = add(site, "anna@example.org", name="Ähnlich, Änne")
    downgrade(site.database, CORE, "0003")
    with site.begin() as session:
        session.execute(text("UPDATE contacts SET search_text = 'ähnlich, änne'"))
    upgrade(site.database, [CORE])

    with site.session() as session:
        row = session.execute(select(Contact.name_sort, Contact.search_text)).one()
    assert row == ("ahnlich, anne", "ahnlich, anne\naehnlich, aenne\nanna@example.org")
    assert found(site, "aenne") == {one}
    site.close()


# Few and many: found first, or read in order


@pytest.mark.parametrize("few", [0, 3, 10_000])
@pytest.mark.parametrize("sort", ["contact.joined", "contact.name", "sample_plugin.points"])
@pytest.mark.parametrize("descending", [True, False])
def test_l3_l5_pages_are_the_same_found_first_or_read_in_order(
    site: Site, monkeypatch: pytest.MonkeyPatch, few: int, sort: str, descending: bool
) -> None:
    """Every page size and both directions of turning give one list, whichever way the contacts are found."""
    from tests.sample_plugin.models import Points

    names = ("Zoe", "", "anna", "Ärger", "Bert", "", "Anna", "zacharias", "Öl", "Otto")
    ids = [
        add(site, f"q{n}@example.org", name=name, days=n % 4, tags=("VIP", "Rot") if n % 3 else ("VIP",))
        for n, name in enumerate(names)
    ]
    add(site, "other@elsewhere.example", name="Other")
    with site.begin() as session:
        session.add_all(Points(contact_id=contact_id, points=n % 3) for n, contact_id in enumerate(ids) if n % 2)
    filters: Any = (("contact.tag", (str(tag(site, "vip")),)),)
    columns = list(site.contributions.contact_columns.values())
    monkeypatch.setattr(places, "FEW", 10_000)
    everybody = View(search="example.org", filters=filters, sort=sort, descending=descending)
    whole, _ = find_contacts(site, everybody, columns)
    expected = [row["id"] for row in whole.rows]
    assert sorted(expected) == ids

    monkeypatch.setattr(places, "FEW", few)
    for view in (
        View(search="example.org", sort=sort, descending=descending),
        View(filters=filters, sort=sort, descending=descending),
        everybody,
    ):
        for size in (3, 10):
            walked, after, last = [], "", ""
            while True:
                page, _ = find_contacts(site, view, columns, after=after, size=size)
                walked.extend(row["id"] for row in page.rows)
                after, last = page.next or "", page.previous or last
                if not after:
                    break
            assert walked == expected, (view, size)
            assert page.total is not None
            assert page.total == 10 or few < 10
            if size == 3:
                before, _ = find_contacts(site, view, columns, before=last, size=size)
                assert [row["id"] for row in before.rows] == expected[6:9]


def tag(site: Site, key: str) -> int:
    from core.contacts.models import Tag

    with site.session() as session:
        return session.execute(select(Tag.id).where(Tag.key == key)).scalar_one()


def test_the_number_of_statements_does_not_grow_with_the_contacts(site: Site) -> None:
    columns = list(site.contributions.contact_columns.values())
    counted = []
    for number in range(2):
        for _ in range(30 * number + 1):
            add(site)
        find_contacts(site, View(search="example"), columns)
        with count_queries(site) as queries:
            find_contacts(site, View(search="example"), columns)
        counted.append(len(queries))
    assert counted[0] == counted[1]


# Sorting


def test_l3_names_stand_where_german_readers_look(site: Site) -> None:
    names = (
        "Zander",
        "Öhler",
        "ohm",
        "Ohler",
        "Ähnlich",
        "Albers",
        "Ünal",
        "Udo",
        "Groß",
        "Grossmann",
        "",
        "Çelik",
        "cem",
    )
    for name in names:
        add(site, name=name)
    columns = list(site.contributions.contact_columns.values())
    page, _ = find_contacts(site, View(sort="contact.name", descending=False), columns)

    assert [row["name"] for row in page.rows] == [
        "Ähnlich", "Albers", "Çelik", "cem", "Groß", "Grossmann", "Öhler", "Ohler", "ohm", "Udo", "Ünal", "Zander", "",
    ]  # fmt: skip


# On PostgreSQL a plan says nothing here: it scans what is small, whatever its indexes.
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_l3_every_column_of_the_core_is_sorted_by_an_index(site: Site) -> None:
    slow = []
    for key in ("contact.name", "contact.email", "contact.phone", "contact.country", "contact.joined"):
        for descending, from_cursor in product((True, False), repeat=2):
            plan = make_plan(site.contributions.contact_columns[key], "all", descending=descending)
            statement = in_order(site, plan, "valued", backward=False, from_cursor=from_cursor)
            compiled = str(statement.compile(site.database.engine))
            with site.session() as session:
                steps = session.connection().exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {compiled}", (1,) * compiled.count("?")
                )
                said = " ".join(str(step[3]) for step in steps)
            if "INDEX" not in said or "TEMP B-TREE" in said:
                slow.append((key, descending, from_cursor, said))
    assert slow == []


# Folding


def test_folding() -> None:
    assert spellings("Müller") == ("muller", "mueller")
    assert spellings("mueller") == ("mueller",)
    assert spellings("STRASSE") == spellings("Straße") == ("strasse",)
    assert spellings("ﬁsch") == ("fisch",)
    assert name_key("   jürgen   GROß   ") == "jurgen gross"
    assert name_key(" ") is None
    assert search_text("Ä B", "x@y.example", "x@y.example", "+49 30/1", "", ["Öl"]).split("\n") == [
        "a b", "ae b", "x@y.example", "+49 30/1", "49301", "ol", "oel",
    ]  # fmt: skip


def test_sqlite_is_new_enough_for_the_index() -> None:
    assert sqlite3.sqlite_version_info >= (3, 34)

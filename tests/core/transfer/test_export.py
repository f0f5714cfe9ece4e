"""Export (FEATURES L10, I7; THREATS T-I8, T-Z8): all, the list as it stands, or the ticked, in three formats."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient
from sqlalchemy import insert, select, update

from core.contacts.models import Contact
from core.i18n import LANGUAGES
from core.site import Site
from core.testing import make_client, sign_in
from core.transfer import exporting
from core.transfer.cells import guard_cell, join_words, split_words, unguard_cell
from core.transfer.csv_files import csv_columns, csv_lines
from core.transfer.exporting import Export, export_pieces
from core.transfer.layout import OWN
from core.transfer.models import ContactExport
from tests.core.transfer.support import EXPORT, add, cells_of, download, rows_of

NAUGHTY = '=HYPERLINK("http://evil.example")'


def fill(site: Site) -> list[int]:
    ids = [
        add(site, "anna@example.org", name="Anna Müller", phone="+49 228 1", country="DE", tags=("VIP", 'a, "b"')),
        add(site, "berta@example.org", name=NAUGHTY, city="-Köln", street="'=x"),
        add(site, "carl@example.org", name="Carl; der Große", street="Zeile 1"),
    ]
    with site.begin() as session:
        session.execute(update(Contact).where(Contact.id == ids[2]).values(inactive_at=datetime.now(UTC)))
    return ids


def test_i7_all_contacts_as_csv_with_headings_of_this_site(site: Site, staff: TestClient[Any]) -> None:
    fill(site)
    heads, *rows = rows_of(download(staff))

    assert heads[:3] == ["Email", "Name", "Phone number"]
    assert heads[-4:] == ["Stage", "Modules", "Details locked", "Inactive"]
    assert [row[0] for row in rows] == ["anna@example.org", "berta@example.org", "carl@example.org"]
    anna, _, carl = (dict(zip(heads, row, strict=True)) for row in rows)
    assert anna["Name"] == "Anna Müller"
    assert anna["Country"] == "DE"
    assert split_words(anna["Tags"]) == ['a, "b"', "VIP"]
    assert anna["Stage"] == "Lead"
    assert (anna["Inactive"], carl["Inactive"]) == ("", "Yes")


def test_i7_excel_gets_semicolons_and_a_byte_order_mark(site: Site, staff: TestClient[Any]) -> None:
    fill(site)
    staff.headers["accept-language"] = "de"
    content = download(staff, format="excel")

    assert content.startswith(b"\xef\xbb\xbf")
    heads, *rows = rows_of(content, ";")
    assert heads[:3] == ["E-Mail", "Name", "Telefonnummer"]
    assert rows[2][1] == "Carl; der Große"


def test_t_i8_formulas_are_harmless_in_csv_and_text_in_xlsx(site: Site, staff: TestClient[Any]) -> None:
    fill(site)
    safe = {row[0]: row for row in rows_of(download(staff))}["berta@example.org"]
    exact = {row[0]: row for row in rows_of(download(staff, chosen="1", exact="1", column=[c.key for c in OWN]))}
    sheet = {row[0]: row for row in cells_of(download(staff, format="xlsx"))}["berta@example.org"]

    assert (safe[1], safe[6], safe[3]) == (f"'{NAUGHTY}", "'-Köln", "''=x")
    assert exact["berta@example.org"][1] == NAUGHTY
    assert (sheet[1], sheet[6], sheet[3]) == (NAUGHTY, "-Köln", "'=x")
    book = zipfile.ZipFile(io.BytesIO(download(staff, format="xlsx")))
    assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


@given(st.text())
def test_t_i8_a_guarded_cell_comes_back_unchanged(text: str) -> None:
    assert unguard_cell(guard_cell(text)) == text
    assert not guard_cell(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.lists(st.lists(st.text('ab,;"\n\r\t 1'), min_size=2, max_size=2), min_size=1))
def test_i7_columns_are_written_as_the_standard_library_writes_rows(rows: list[list[str]]) -> None:
    for delimiter in ",;":
        assert csv_columns(list(zip(*rows, strict=True)), delimiter) == csv_lines(rows, delimiter)


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Z"))).map(str.strip).filter(bool)))
def test_i7_several_words_in_a_cell_come_back(words: list[str]) -> None:
    assert split_words(join_words(words)) == words


def test_l10_the_list_as_it_stands_is_exported(site: Site, staff: TestClient[Any]) -> None:
    fill(site)
    page = staff.get(f"{EXPORT}?q=anna&sort=contact.name")
    assert "All contacts (3)" in page.text
    assert "The contacts of the list (1)" in page.text
    rows = rows_of(download(staff, view="q=anna&sort=contact.name", scope="view"))

    assert [row[0] for row in rows[1:]] == ["anna@example.org"]


def test_l10_the_ticked_are_exported_and_never_another(site: Site, staff: TestClient[Any]) -> None:
    ids = fill(site)
    asked = staff.post(EXPORT, data={"id": [str(ids[0]), str(ids[2])], "tab": "all", "action": "export"})
    assert "The ticked contacts (2)" in asked.text
    rows = rows_of(download(staff, scope="ticked", id=[str(ids[0]), str(ids[2]), "x", "0"]))

    assert [row[0] for row in rows[1:]] == ["anna@example.org", "carl@example.org"]


def test_l10_all_that_match_is_the_filter_and_not_the_ticks(site: Site, staff: TestClient[Any]) -> None:
    ids = fill(site)
    asked = staff.post(EXPORT, data={"id": [str(ids[1])], "all_matching": "1", "q": "anna"})

    assert "The contacts of the list (1)" in asked.text
    assert "ticked contacts" not in asked.text


def test_l10_what_is_missing_is_said_beside_the_field(staff: TestClient[Any]) -> None:
    answer = staff.post(EXPORT, data={"view": "", "scope": "nobody", "format": "pdf", "chosen": "1"})

    assert answer.status_code == 422
    for text in ("Choose which contacts", "Choose a kind of file", "Choose at least one column"):
        assert text in answer.text


@pytest.mark.parametrize("view", ["q=anna&nothing=1", "sort=password_hash"])
def test_t_z6_a_view_that_cannot_be_is_refused(staff: TestClient[Any], view: str) -> None:
    data = {"view": view, "scope": "view", "format": "csv"}
    assert staff.post(EXPORT, data=data).status_code == 400


def test_t_z8_a_link_is_worth_nothing_in_another_session_or_later(site: Site, staff: TestClient[Any]) -> None:
    fill(site)
    staff.follow_redirects = False
    link = staff.post(EXPORT, data={"view": "", "scope": "all", "format": "csv"}).headers["location"]
    staff.follow_redirects = True
    with make_client(site) as other:
        sign_in(site, other, "manager")
        assert other.get(link).status_code == 404
    assert staff.get(link).status_code == 200
    with site.begin() as session:
        session.execute(update(ContactExport).values(created_at=datetime.now(UTC) - timedelta(hours=2)))
    assert staff.get(link).status_code == 404


def test_t_z3_an_assistant_may_not_export(site: Site) -> None:
    fill(site)
    with make_client(site) as client:
        sign_in(site, client, "assistant")
        assert client.get(EXPORT).status_code == 403
        assert client.post(EXPORT, data={"scope": "all", "format": "csv"}).status_code == 403
    with site.session() as session:
        assert session.scalar(select(ContactExport.id)) is None


def test_i7_memory_does_not_grow_with_the_contacts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "BATCH", 200)

    def peak(format: Any) -> int:
        tracemalloc.start()
        for _ in export_pieces(site, Export(columns=OWN, format=format), site.language("de")):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    def make(start: int, number: int) -> None:
        rows = [
            {"email": f"p{one}@example.org", "email_key": f"p{one}@example.org", "name": f"Person {one} " * 8}
            for one in range(start, start + number)
        ]
        with site.begin() as session:
            session.execute(insert(Contact), [{**row, "joined_at": datetime.now(UTC)} for row in rows])

    make(0, 600)
    peak("csv")
    few = peak("csv"), peak("xlsx")
    make(600, 1800)
    many = peak("csv"), peak("xlsx")

    assert many[0] < few[0] * 1.3
    assert many[1] < few[1] * 1.3


def test_i7_a_column_is_guarded_as_its_cells_are() -> None:
    from core.transfer.cells import guard_column

    cells = ["", "a", "=a", "'a", "'=a", " +a", "'5", "-", "＝a"]
    assert guard_column(cells) == [guard_cell(cell) for cell in cells]


def test_every_language_writes_each_heading_once(site: Site) -> None:
    from core.transfer.layout import headings

    for code in LANGUAGES:
        heads = headings(OWN, site.language(code))
        assert len(set(heads)) == len(heads)

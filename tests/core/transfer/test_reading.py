"""Reading what people upload (FEATURES I1, I3; THREATS T-I1 to T-I5, T-I10)."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from itertools import product
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from litestar.testing import TestClient

from core.site import Site
from core.testing import make_site
from core.transfer.csv_reading import CsvSource
from core.transfer.encodings import find_encoding
from core.transfer.models import ContactImport
from core.transfer.pasting import split_pasted
from core.transfer.words import date_order, decimal_sign
from tests.core.transfer.import_support import IMPORT, count, people, refusal, text_of, upload

TEXT = "E-Mail;Name\nanna@example.org;Änne Müßig\n"


def test_t_i1_every_usual_encoding_is_read_right(site: Site, staff: TestClient[Any]) -> None:
    encodings = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
    for encoding in encodings:
        upload(site, staff, TEXT.replace("anna", encoding).encode(encoding)).run()

    assert people(site) == {f"{encoding}@example.org": {"name": "Änne Müßig"} for encoding in encodings}


def test_t_i1_what_is_not_sure_is_asked_and_never_guessed(site: Site, staff: TestClient[Any]) -> None:
    for encoding in ("cp850", "mac-roman", "cp1251"):
        name = "Щукин Яков" if encoding == "cp1251" else "Jörg Mäßig Äßler Hüne"
        content = f"E-Mail;Name\nanna@example.org;{name}\n".encode(encoding)
        answer = staff.post(IMPORT, files={"file": ("a.csv", content)}, data={"policy": "fill"})

        assert str(answer.url).endswith("/plan"), encoding
        assert "Are the umlauts" in answer.text
        if encoding != "cp1251":
            staff.post(str(answer.url), data={"encoding": encoding, "delimiter": ";", "header": "yes", "unguard": "1"})
            assert name in text_of(staff.get(str(answer.url).removesuffix("/plan")).text)
    assert count(site) == 0


def test_t_i1_a_broken_character_refuses_its_row_only(tmp_path: Path, site: Site, staff: TestClient[Any]) -> None:
    good = "".join(f"p{n}@example.org;Jörg\n" for n in range(30)).encode()
    content = b"E-Mail;Name\n" + good + b"bad@example.org;J\xf6rg\n"
    answer = staff.post(IMPORT, files={"file": ("a.csv", content)}, data={"policy": "fill"})
    assert str(answer.url).endswith("/plan")
    plan = {"encoding": "utf-8-sig", "delimiter": ";", "header": "yes", "column-0": "email", "column-1": "name"}
    page = text_of(staff.post(str(answer.url), data=plan).text)

    assert "These characters can't be read in this encoding." in page
    assert "Import 30 rows" in page


def test_t_i2_delimiters_line_ends_and_quoted_line_ends(site: Site, staff: TestClient[Any]) -> None:
    expected = {}
    for number, (delimiter, end) in enumerate(product([",", ";", "\t", "|"], ["\n", "\r\n", "\r"])):
        email = f"a{number}@example.org"
        rows = [["E-Mail", "Name", "Ort"], [email, f'"Anna{end}Maria"', f'"Bonn{delimiter} ""Süd"""']]
        upload(site, staff, end.join(delimiter.join(row) for row in rows) + end).run()
        expected[email] = {"name": "Anna Maria", "city": " ".join(f'Bonn{delimiter} "Süd"'.split())}

    assert people(site) == expected


def records(tmp_path: Path, content: bytes) -> list[tuple[int, list[str], str]]:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    source = CsvSource(path, "utf-8-sig", ",")
    try:
        return [(one.line, list(one.cells), one.problem) for one in source]
    finally:
        source.close()


def test_t_i3_an_unclosed_quotation_mark_costs_one_row(tmp_path: Path) -> None:
    found = records(tmp_path, b'e,n\na@x.de,"Anna\nb@x.de,Berta\nc@x.de,"C\nD"\nd@x.de,Dora\n')

    assert [(line, bool(problem)) for line, _, problem in found] == [(2, True), (3, False), (4, False), (6, False)]


def test_t_i3_a_quotation_mark_that_is_closed_nowhere(tmp_path: Path) -> None:
    found = records(tmp_path, b'e,n\na@x.de,"Anna\n' + b"b@x.de,Berta\n" * 3)

    assert [(line, bool(problem)) for line, _, problem in found] == [(2, True), (3, False), (4, False), (5, False)]
    assert "is not closed" in found[0][2]


def test_t_i3_ragged_rows_nul_and_huge_cells_are_reported_with_their_line(site: Site, staff: TestClient[Any]) -> None:
    content = (
        b"email,name,city\n"
        b"a@example.org,Anna,Bonn\n"
        b"b@example.org,Berta\n"
        b"c@example.org,Carl,Ulm,more\n"
        b"d@example.org,Do\x00ra,Ulm\n" + b"e@example.org," + b"x" * 140_000 + b",Ulm\n"
        b'f@example.org,"Fritz" the,Ulm\n'
        b"g@example.org,Gerd,Ulm,,\n"
        b",,\n"
        b"h@example.org,Hans,Ulm\n"
    )
    one = upload(site, staff, content)
    assert [(line, reason.split(":")[0]) for line, reason in one.refused()] == [
        (3, "This row has 2 cells, and the heading has 3."),
        (4, "This row has 4 cells, and the heading has 3."),
        (5, "This row has a character that can't be stored (NUL)."),
        (6, "This row is too long."),
        (7, "The quotation marks in this row do not fit."),
    ]
    one.run()
    assert sorted(people(site)) == ["a@example.org", "g@example.org", "h@example.org"]


REFUSED = [
    (b"", "This file is empty."),
    (b"\n\n  \n", "This file is empty."),
    (b"email,name\n", "This file has a heading, but no rows."),
    (gzip.compress(b"email\n" + b"a@example.org\n" * 10_000), "This file is packed (gzip)."),
    (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, "This is a file of an old Excel"),
    (b"%PDF-1.7 ...", "This is a PDF."),
    (b"\x89PNG\r\n\x1a\n" + b"\x00\x01" * 600, "This is no text file."),
    (b"PK\x03\x04" + b"x" * 50, "This file is damaged."),
]


def test_t_i4_what_is_no_list_of_people_is_refused(site: Site, staff: TestClient[Any]) -> None:
    for content, said in REFUSED:
        assert said in refusal(staff, content), said
    assert count(site, ContactImport) == 0
    assert count(site) == 0
    assert not [path for path in (site.settings.data_dir / "files").rglob("*") if path.is_file()]


OPEN = [
    ("Wer,Wo\nAnna,Bonn\n", "Which column holds the e-mail address?"),
    ("email,name,email\na@example.org,A,b@example.org\n", "Two columns have the same heading."),
    ("email,joined\na@example.org,01.02.2026\n", "Which comes first in the dates"),
]


def test_t_i4_what_is_open_is_asked_and_nothing_is_written(site: Site, staff: TestClient[Any]) -> None:
    for content, question in OPEN:
        answer = staff.post(IMPORT, files={"file": ("a.csv", content.encode())}, data={"policy": "fill"})

        assert str(answer.url).endswith("/plan")
        assert question in text_of(answer.text)
        assert staff.post(str(answer.url).replace("/plan", "/run")).status_code == 409
    assert count(site) == 0


def test_i3_what_was_recognised_can_be_corrected(site: Site, staff: TestClient[Any]) -> None:
    answer = staff.post(
        IMPORT,
        files={"file": ("a.csv", b"Wer,Mail dazu,Seit\nAnna,a@example.org,01.02.2026\n")},
        data={"policy": "fill"},
    )
    plan = {"encoding": "utf-8-sig", "delimiter": ",", "header": "yes", "unguard": "1", "column-0": "name"}
    twice = staff.post(str(answer.url), data={**plan, "column-1": "name", "column-2": "joined"})
    assert twice.status_code == 422
    assert "Choose each only once" in twice.text
    right = {**plan, "column-1": "email", "column-2": "joined"}
    asked = staff.post(str(answer.url), data=right)
    assert "Which comes first in the dates" in asked.text
    page = staff.post(str(answer.url), data={**right, "dates": "mdy"})
    assert "Import 1 row" in text_of(page.text)


def test_t_i4_unknown_columns_are_reported_and_left_out(site: Site, staff: TestClient[Any]) -> None:
    one = upload(site, staff, "email,shoe size,Stage\na@example.org,38,Customer\n")
    assert "Left out, because it is not known what they are: shoe size" in one.text()
    assert "never changed by an import: Stage" in one.text()
    one.run()
    with site.session() as session:
        from core.contacts.models import Contact

        assert session.query(Contact.stage).scalar() == "lead"


def workbook(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_i1_xlsx_with_numbers_dates_and_gaps(site: Site, staff: TestClient[Any]) -> None:
    from datetime import datetime

    content = workbook(
        ["E-Mail", "Name", "PLZ", "Telefon", "Kunde seit", None],
        ["a@example.org", "=1+1", 53111, 491715550100.0, datetime(2024, 3, 1), None],  # noqa: DTZ001 (workbooks know no zones)
        [None, None, None],
        ["kaputt", "X"],
        ["b@example.org", "Bo"],
    )
    one = upload(site, staff, content, "people.xlsx")
    assert [line for line, _ in one.refused()] == [4]
    one.run()
    assert people(site)["a@example.org"]["postal_code"] == "53111"
    assert people(site)["a@example.org"]["phone"] == "491715550100"
    assert people(site)["b@example.org"] == {"name": "Bo"}


def test_t_i5_a_workbook_that_is_a_bomb_is_refused(site: Site, staff: TestClient[Any]) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/sharedStrings.xml", "w") as part:
            for _ in range(70):
                part.write(b"<si><t>a</t></si>" * 60_000)

    assert "too large to be read" in refusal(staff, target.getvalue(), "bomb.xlsx")
    assert count(site, ContactImport) == 0


def test_i1_vcards_with_their_faults(site: Site, staff: TestClient[Any]) -> None:
    from tests.core.transfer.import_support import FILES

    one = upload(site, staff, (FILES / "cards.vcf").read_bytes(), "cards.vcf")

    assert [reason for _, reason in one.refused()] == ["This row has no e-mail address.", "This card does not end."]


def test_t_i10_pasted_addresses(site: Site, staff: TestClient[Any]) -> None:
    text = 'a@example.org, "Berta, die" <b@example.org>, ; c@example.org;d@example.org e@example.org\nkeine f@example'
    page = staff.post(IMPORT, data={"pasted": text, "policy": "fill", "tags": "Messe"})
    assert page.status_code == 200
    said = text_of(page.text)
    assert "Import 5 rows" in said
    assert "There is no e-mail address in this." in said
    from core.testing import run_queued_jobs

    staff.post(re.sub(r"$", "/run", str(page.url)))
    run_queued_jobs(site)
    assert list(people(site)) == [f"{letter}@example.org" for letter in "abcde"]
    assert people(site)["b@example.org"] == {"name": "Berta, die", "tags": "Messe"}


def test_t_i10_splitting() -> None:
    assert [(email, name) for _, email, name in split_pasted('a@x.de, "b" <b@x.de>, ;')] == [
        ("a@x.de", ""),
        ("b@x.de", "b"),
    ]


def test_i3_dates_and_numbers_that_leave_it_open() -> None:
    assert date_order(["01.02.2026", "03.04.2026"]) == ("", True)
    assert date_order(["01.02.2026", "13.04.2026"]) == ("dmy", False)
    assert date_order(["01/02/2026", "04/13/2026"]) == ("mdy", False)
    assert date_order(["2026-02-01"]) == ("", False)
    assert decimal_sign(["1.234", "5"]) == ("", True)
    assert decimal_sign(["1.234", "1,5"]) == (",", False)
    assert decimal_sign(["1.234,50"]) == (",", False)


def test_t_i1_encodings_are_told_by_all_bytes(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_bytes(b"email,name\n" + b"a@example.org,Anna\n" * 100_000 + "b@example.org,Müller\n".encode("cp1252"))

    assert find_encoding(path).name == "cp1252"


def test_t_i5_what_is_larger_than_a_gigabyte_is_refused_before_it_is_read(site: Site, staff: TestClient[Any]) -> None:
    headers = {"content-length": "1100000000", "content-type": "multipart/form-data; boundary=x"}
    answer = staff.post(IMPORT, content=b"--x", headers=headers)

    assert answer.status_code == 413
    assert count(site, ContactImport) == 0


def test_t_i5_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    from core.transfer import encodings, recognising, running
    from core.transfer.commands import Asked, bring_in

    for module in (recognising, encodings):
        monkeypatch.setattr(module, "CHUNK", 10_000)
    monkeypatch.setattr(recognising, "EVIDENCE_ROWS", 50)
    monkeypatch.setattr(running, "MOST", 50)

    site = make_site(tmp_path / "data")

    def peak(number: int, *, traced: bool = True) -> int:
        path = tmp_path / f"{number}.csv"
        path.write_text("email,name\n" + "".join(f"p{one}@example.org,{'x' * 100}\n" for one in range(number)))
        if traced:
            tracemalloc.start()
        bring_in(site, path, Asked(), dry_run=True)
        used = tracemalloc.get_traced_memory()[1] if traced else 0
        tracemalloc.stop()
        return used

    peak(1200, traced=False)
    assert peak(1200) < peak(600) * 1.1 + 50_000
    site.close()

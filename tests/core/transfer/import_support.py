"""For the tests of import: a file goes through the pages as a person would send it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

from attrs import frozen
from litestar.testing import TestClient
from sqlalchemy import func, select

from core.contacts.models import Contact, ContactActivity, ContactTag, Tag
from core.site import Site
from core.testing import run_queued_jobs
from core.transfer.models import ContactImport
from tests.core.transfer.support import IMPORT

FILES = Path(__file__).parent / "files"


@frozen
class Import:
    """An import by its number, and the client that looks at it."""

    site: Site
    client: TestClient[Any]
    id: int

    @property
    def url(self) -> str:
        return f"{IMPORT}/{self.id}"

    @property
    def row(self) -> ContactImport:
        with self.site.session() as session:
            row = session.get(ContactImport, self.id)
            assert row is not None
            return row

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers that are not nought, without examples."""
        skipped = ("examples", "share", "left", "applied", "records", "stated", "held")
        return {key: value for key, value in self.row.numbers.items() if value and key not in skipped}

    def text(self) -> str:
        return text_of(self.client.get(self.url).text)

    def run(self) -> Import:
        answer = self.client.post(f"{self.url}/run")
        assert answer.status_code == 200, answer.text
        run_queued_jobs(self.site)
        assert self.row.state == "done", self.text()
        return self

    def undo(self) -> Import:
        assert self.client.post(f"{self.url}/undo").status_code == 200
        run_queued_jobs(self.site)
        assert self.row.state == "undone"
        return self

    def refused(self) -> list[tuple[int, str]]:
        """Line and reason of the refused rows, as the file to be mended has them."""
        lines = self.client.get(f"{self.url}/refused").content.decode("utf-8-sig")
        import csv
        import io

        delimiter = self.row.plan["delimiter"] if self.row.kind == "csv" else ","
        rows = list(csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter))
        return [(int(row[0]), row[1]) for row in rows[1:]]


def text_of(html: str) -> str:
    """What a page says."""
    main = html[html.index("<main") : html.index("</main>")]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)))


def upload(
    site: Site, client: TestClient[Any], content: bytes | str, name: str = "people.csv", **fields: Any
) -> Import:
    """Send a file, which must be recognised without a question."""
    answer = client.post(
        IMPORT,
        files={"file": (name, content.encode() if isinstance(content, str) else content)},
        data={"policy": "fill", **fields},
    )
    assert answer.status_code == 200, text_of(answer.text)
    found = re.search(r"/import/(\d+)(/plan)?$", str(answer.url))
    assert found, answer.url
    assert not found[2], text_of(answer.text)
    run_queued_jobs(site)
    return Import(site, client, int(found[1]))


def refusal(client: TestClient[Any], content: bytes, name: str = "people.csv") -> str:
    """What is said about a file that can't be imported."""
    answer = client.post(IMPORT, files={"file": (name, content)}, data={"policy": "fill"})
    assert answer.status_code == 422, answer.status_code
    return text_of(answer.text)


def people(site: Site) -> dict[str, dict[str, str]]:
    """Every contact by its address, with what is not empty of its details; tags separated by commas."""
    names = ("name", "phone", "street", "street2", "postal_code", "city", "region", "country", "language")
    with site.session() as session:
        tags: dict[int, list[str]] = {}
        asked = select(ContactTag.contact_id, Tag.name).join(Tag, Tag.id == ContactTag.tag_id).order_by(Tag.key)
        for contact_id, name in session.execute(asked):
            tags.setdefault(contact_id, []).append(name)
        return {
            one.email: {name: value for name in names if (value := getattr(one, name))}
            | ({"tags": ",".join(tags[one.id])} if one.id in tags else {})
            for one in session.scalars(select(Contact).order_by(Contact.id))
        }


def dump(site: Site) -> list[Any]:
    """All contacts with details, origins and tags, and how many log entries each has: for „nothing was changed“."""
    with site.session() as session:
        contacts = [
            (one.id, one.email, one.name, one.phone, one.street, one.city, one.origins, one.search_text, one.stage)
            for one in session.scalars(select(Contact).order_by(Contact.id))
        ]
        tags = session.execute(select(ContactTag.contact_id, ContactTag.tag_id).order_by(ContactTag.contact_id)).all()
        return [contacts, [tuple(row) for row in tags]]


def count(site: Site, model: Any = Contact) -> int:
    with site.session() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


__all__ = ["FILES", "ContactActivity", "Import", "count", "dump", "people", "refusal", "text_of", "upload"]

"""What a message quotes is told from what its writer wrote, and folded where people read it (FEATURES M2, K4)."""

from __future__ import annotations

import re
from pathlib import Path
from time import perf_counter

import pytest

from core.messages.models import Message
from core.messages.quoting import parts_of
from core.testing import make_client, make_site, sign_in
from tests.core.messages.mail_support import add_contact
from tests.core.zone.zone_support import enter

QUOTED = [
    ("Yes.\n\nOn Sun, 22 Nov 2026 at 12:00, Laden <laden@example.org> wrote:\n> When?\n>\n> Yours", "Yes."),
    ("Ja.\n\nAm 22.11.26 um 12:00 schrieb Bäckerei Lindner:\n\n> Wann?\n", "Ja."),
    ("Ja.\n\nAm So., 22. Nov. 2026 um 12:00 Uhr schrieb Bäckerei Lindner <\nladen@example.org>:\n\n> Wann?", "Ja."),
    ("Ja.\n> Wann?\n", "Ja."),
    ("> When?\nAt eight.\n> And where?\n\nHere.\n> Bye\n", "> When?\nAt eight.\n> And where?\n\nHere."),
    ("Ja.\n\n-----Ursprüngliche Nachricht-----\nVon: Laden\nGesendet: Sonntag\nAn: Anna\n\nWann?", "Ja."),
    ("Ja.\n\n________________________________\nFrom: Laden <a@b>\nSent: Sunday\nTo: Anna\n\nWhen?", "Ja."),
    ("Ja.\n\n*Von:* Laden <a@b>\n*Datum:* Sonntag\n\nWann?", "Ja."),
]  # fmt: skip

WHOLE = [
    "Only this.",
    "> Nothing but\n> a quotation",
    "On Monday my mother wrote:\ncome at eight.",
    "> When?\nAt eight.",
    "Von: mir\nFür: dich",
    "From: Bonn to Berlin\nit takes\nlong\nand\nDate: none",
    "",
]


def test_m2_what_is_quoted_is_told_from_what_was_written() -> None:
    for text, own in QUOTED:
        parts = parts_of(text)
        assert parts.own == own, text
        assert "".join((parts.own + parts.quoted).split()) == "".join(text.split()), "nothing is lost"
        assert parts.quoted
    for text in WHOLE:
        assert (parts_of(text).own, parts_of(text).quoted) == (text, "")


def test_t_j4_long_texts_are_looked_through_quickly() -> None:
    for text in (
        "> a\n" * 50_000,
        "x\n" + "On " * 30_000 + "\n> a",
        "From: a\n" * 20_000,
        "\n" * 100_000,
        "-" * 100_000,
    ):
        before = perf_counter()
        parts_of(text)
        assert perf_counter() - before < 0.5


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_m2_k4_what_is_quoted_is_folded_for_staff_and_customers(tmp_path: Path, database_url: str) -> None:
    site = make_site(tmp_path, database_url=database_url, base_url="https://crm.example.org")
    contact_id = add_contact(site)
    text = "At eight.\n\nOn Sunday, the shop wrote:\n> When <b>do</b> you come?"
    with site.begin() as session:
        session.add(Message(contact_id=contact_id, direction="in", text=text))
    folded = re.compile(
        r'<div>At eight\.</div><details class="quoted"><summary>Zitierten Text zeigen</summary>'
        r"<div>On Sunday, the shop wrote:\n&gt; When &lt;b&gt;do&lt;/b&gt; you come\?</div></details>"
    )
    with make_client(site) as client:
        client.headers["accept-language"] = "de"
        sign_in(site, client, "assistant")
        enter(site, client, contact_id)
        for path in (f"/dashboard/contacts/{contact_id}", "/account/messages"):
            assert folded.search(client.get(path).text), path
        assert "wrote:" not in client.get("/account").text, "the card shows what was written"
    site.close()

"""Bounces and complaints are read whatever program wrote them, and other mails are not taken for one (T-M6)."""

from __future__ import annotations

from core.mailbox.reading import read_mail
from tests.core.mailbox.odd_samples import ODD
from tests.core.mailbox.samples import SAMPLES

OURS = "0123456789abcdef0123456789abcdef@crm.example.org"
ENDINGS = ("\n", "\r\n", "\r")


def test_t_m6_reports_are_recognised_with_any_line_ends() -> None:
    for sample in (*SAMPLES, *ODD):
        for ending in ENDINGS:
            mail = read_mail(sample.written(OURS, "laden@example.org", 1, ending))
            report, name = mail.report, (sample.name, ending)

            assert (report.kind if report else "") == sample.kind, name
            if report is None:
                continue
            assert report.is_gone == sample.is_gone, (name, report)
            assert sample.words in report.words, (name, report)
            assert OURS in mail.names, name
            assert "\n" not in report.words
            assert len(report.words) <= 500


def test_rfc3834_what_no_person_wrote_is_automatic() -> None:
    automatic = {
        sample.name
        for sample in (*SAMPLES, *ODD)
        if read_mail(sample.written(OURS, "x@example.org", 1, "\n")).automatic
    }

    assert "Out of office" in automatic
    assert "A newsletter" in automatic
    assert "qmail" in automatic
    assert "A person about a bounce" not in automatic


def test_t_j4_long_texts_are_read_quickly() -> None:
    import time

    for text in (
        "delivery to " * 10_000,
        "warning" * 15_000,
        "account has been " * 6_000,
        "(" * 100_000,
        "5.1." * 25_000,
    ):
        raw = f"From: MAILER-DAEMON@example.net\nSubject: failure notice\n\n{text}\n".encode()
        before = time.perf_counter()
        read_mail(raw)
        assert time.perf_counter() - before < 1

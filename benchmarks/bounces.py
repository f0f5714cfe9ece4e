"""How well the bounces and complaints in a folder of real mails are read (THREATS T-M6).

`python -m benchmarks.bounces DIR` takes every file in as it would come from a mailbox, with LF, CRLF and CR at the ends
of its lines, by a site that has sent one message for each. The Message-ID of the mail that came back becomes the one of
that message; where there is none, the report comes to the signed address of the message. Then exactly that message must
have changed, and so its recipient is the one that the report is about. As it came, naming none of ours, a mail must
change nothing.

`--expected FILE` compares with what a collection says: JSON of the file's name (without folder) and what it is,
`{"bounce-01.eml": {"kind": "failed", "gone": true}}`. `kind` is failed, delayed, delivered, complaint, empty for other
mails, or a list of those that are right; `gone`, whether the address does not exist, may be missing.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import secrets
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import define, frozen
from sqlalchemy import delete, insert, select

from core import state
from core.contacts.models import Contact, ContactActivity, now
from core.mailbox.models import TakenMail
from core.mailbox.reading import ReceivedMail, read_mail
from core.mailbox.taking import take_mail
from core.mailbox.tokens import with_token
from core.messages.models import Message
from core.site import Site
from core.testing import make_site

SENDER = "office@example.org"
ENDS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}
RETURNED_ID = re.compile(rb"(?mi)^((?:[> \t|])*(?:X-)?(?:Original-)?Message-ID:\s*<?)[^<>\s]+(?=>?\s*$)")
TOLD_ADDRESS = re.compile(rb"(?mi)^(?:Final|Original)-Recipient:\s*(?:rfc822|x400)?\s*;?\s*<?([^\s<>]+@[^\s<>]+)")


@frozen(kw_only=True)
class Sample:
    """A file: its name, and the mail with LF at the ends of its lines."""

    name: str
    mail: bytes


@define
class Taken:
    """What became of a sample with one kind of line ends. `by` says what named our message, `wrong` what went wrong."""

    name: str
    read: ReceivedMail
    by: str = ""
    wrong: str = ""

    @property
    def kind(self) -> str:
        """What it is taken for; empty: no report."""
        return self.read.report.kind if self.read.report else ""

    @property
    def said(self) -> tuple[str, str, bool]:
        """Kind, status and whether the address is gone."""
        report = self.read.report
        return (report.kind, report.status, report.is_gone) if report else ("", "", False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read a folder, print the figures; 1 when a sample changed a message that it was not about."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bounces", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="a folder of mails, one in each file")
    parser.add_argument("--expected", type=Path, help="JSON of what each file is")
    parser.add_argument("--list", action="store_true", help="print every file")
    parsed = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    paths = [path for path in sorted(parsed.folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    samples = [Sample(name=path.name, mail=_with_lf(path.read_bytes())) for path in paths]
    expected = json.loads(parsed.expected.read_text()) if parsed.expected else {}
    wrong, all_said = 0, []
    for ends, end in ENDS.items():
        with tempfile.TemporaryDirectory() as folder:
            taken = take_all(Path(folder), samples, end)
        wrong += sum(bool(one.wrong) for one in taken)
        all_said.append([one.said for one in taken])
        _print_figures(ends, taken)
        if end == b"\n":
            _print_listed(taken, samples, everything=parsed.list)
            _print_compared(taken, expected)
    alike = sum(len(set(said)) == 1 for said in zip(*all_said, strict=True))
    print(f"read alike with all three line ends: {alike} of {len(samples)}")
    return 1 if wrong else 0


def take_all(folder: Path, samples: Sequence[Sample], end: bytes) -> list[Taken]:
    """Take in all samples with these line ends, on a site of their own."""
    site = make_site(folder, base_url="https://crm.example.org")
    with site.begin() as session:
        state.save_setting(session, "message.sender_email", SENDER)
        state.save_setting(session, "mailbox.plus", "yes")
    site = site.refreshed()
    names = _send(site, len(samples))
    taken = [_take(site, sample, number, names[number], end) for number, sample in enumerate(samples, 1)]
    site.close()
    return taken


def _send(site: Site, number: int) -> dict[int, str]:
    """A message that was sent to each of so many contacts; answers their Message-IDs."""
    numbers, names = (
        range(1, number + 1),
        {one: f"{secrets.token_hex(16)}@crm.example.org" for one in range(1, number + 1)},
    )
    moment = now()
    with site.begin() as session:
        people = [{"id": one, "email": f"p{one}@example.com", "email_key": f"p{one}@example.com"} for one in numbers]
        session.execute(insert(Contact), [{**one, "joined_at": moment} for one in people])
        sent = {"direction": "out", "text": "-", "state": "sent", "sent_at": moment, "handed_at": moment}
        session.execute(
            insert(Message),
            [
                {**sent, "id": one, "contact_id": one, "mail_id": names[one], "recipient": f"p{one}@example.com"}
                for one in numbers
            ],
        )
    return names


def _take(site: Site, sample: Sample, number: int, name: str, end: bytes) -> Taken:
    as_it_came = sample.mail.replace(b"\n", end)
    found = Taken(sample.name, read_mail(as_it_came))
    before = _changed(site)
    if take_mail(site, as_it_came) == "report" or _changed(site) != before:
        found.wrong = "changed a message without naming it"
    head, gap, body = sample.mail.partition(b"\n\n")
    about_ours = head + gap + RETURNED_ID.sub(lambda one: one[1] + name.encode(), body)
    to_ours = b"Delivered-To: " + with_token(site.secret, SENDER, number).encode() + b"\n" + sample.mail
    for by, raw in (("Message-ID", about_ours), ("signed address", to_ours)):
        with site.begin() as session:
            # The same mail once more, as far as the site can see.
            session.execute(delete(TakenMail))
        if not found.kind or raw == sample.mail or take_mail(site, raw.replace(b"\n", end)) != "report":
            continue
        found.by = by
        changed = _changed(site) - before
        if changed - {number} or (not changed and found.kind in ("failed", "complaint")):
            found.wrong = f"changed {sorted(changed)} and not {number}"
        break
    return found


def _changed(site: Site) -> set[int]:
    """The contacts whose messages came back or were complained of."""
    kinds = ("message.bounced", "message.complained")
    with site.session() as session:
        return set(session.scalars(select(ContactActivity.contact_id).where(ContactActivity.kind.in_(kinds))))


def _with_lf(mail: bytes) -> bytes:
    return mail.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def told_address(sample: Sample) -> str:
    """The recipient that the report or the mail that came back names; for people, the site never goes by it."""
    for pattern in (TOLD_ADDRESS, re.compile(rb"(?mi)^[> \t]*To:\s*.*?<?([^\s<>:,]+@[^\s<>,]+)")):
        _, _, body = sample.mail.partition(b"\n\n")
        if found := pattern.search(body):
            return found[1].decode("utf-8", "replace").rstrip(">;,")
    return ""


def _print_figures(ends: str, taken: Sequence[Taken]) -> None:
    kinds = Counter(one.kind or "no report" for one in taken)
    by = Counter(one.by for one in taken if one.kind)
    gone = sum(one.read.report is not None and one.read.report.is_gone for one in taken)
    print(
        f"{ends}: {len(taken)} mails: {_counted(kinds)}; {gone} addresses gone; message found by {by['Message-ID']} "
        f"Message-IDs and {by['signed address']} signed addresses, not found: {by['']}; "
        f"another one changed: {sum(bool(one.wrong) for one in taken)}"
    )


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counter.most_common())


def _print_listed(taken: Sequence[Taken], samples: Sequence[Sample], *, everything: bool) -> None:
    for one, sample in zip(taken, samples, strict=True):
        if everything or one.wrong or (one.kind and not one.by):
            kind, status, is_gone = one.said
            words = one.read.report.words[:150] if one.read.report else f"Subject: {one.read.subject}"
            told = told_address(sample)
            said = f"{kind or 'no report'} {status} {'gone ' * is_gone}{told}"
            print(f"  {one.name}: {said} | {words} | {one.by} {one.wrong}")


def _print_compared(taken: Sequence[Taken], expected: dict[str, Any]) -> None:
    known = [(one, expected[one.name]) for one in taken if one.name in expected]
    if not known:
        return
    kinds = [
        (one, said)
        for one, said in known
        if one.kind in ([said["kind"]] if isinstance(said["kind"], str) else said["kind"])
    ]
    judged = [(one, said) for one, said in kinds if one.kind == "failed" and "gone" in said]
    right = sum(one.said[2] == said["gone"] for one, said in judged)
    print(f"  as the collection says: kind {len(kinds)} of {len(known)}, gone {right} of {len(judged)}")
    for one, said in known:
        is_other = (one, said) not in kinds
        if is_other or ((one, said) in judged and one.said[2] != said["gone"]):
            words = one.read.report.words[:160] if one.read.report else f"Subject: {one.read.subject}"
            print(f"    {one.name}: {one.said} instead of {said} | {words}")


if __name__ == "__main__":
    raise SystemExit(main())

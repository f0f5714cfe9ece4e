"""Signing in to the Client Zone by a link: who gets one, what it is good for, and what an attacker sees."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from core.contacts.merging.merging import merge_contacts
from core.contacts.models import now
from core.errors import NotFound
from core.jobs import run_queued_jobs
from core.jobs.models import QueuedJob
from core.messages.models import Message
from core.privacy.erasing import erase
from core.site import Site
from core.testing import count_queries, make_client, sign_in
from core.values import SYSTEM
from core.zone import limits, links
from core.zone.models import ZoneAttempt, ZoneLink, ZoneSession
from tests.core.messages.mail_support import add_contact, mail_site, send
from tests.core.zone.zone_support import ask, count, enter, newest_link
from tests.support.mail import MailServer, mail_server

SESSION = "__Host-tresen_zone"


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, database_url: str, server: MailServer) -> Iterator[Site]:
    made = mail_site(tmp_path, database_url, server.url + "?timeout=5")
    yield made
    made.close()


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_k4_a_link_signs_in_once_for_a_short_time_and_by_its_button_alone(site: Site, server: MailServer) -> None:
    anna = add_contact(site)
    with make_client(site) as client:
        assert client.get("/account/details", follow_redirects=False).headers["location"] == (
            "/account?next=%2Faccount%2Fdetails"
        )
        assert ask(client, " ANNA@example.org ", next="/account/details") == 303
        run_queued_jobs(site)
        send(site)
        mail = server.letters[-1]
        path = newest_link(site)

        # What the mail says, and what staff can read of it.
        assert path in text_of(mail)
        assert mail["To"].addresses[0].addr_spec == "anna@example.org"
        with site.session() as session:
            stored = session.scalars(select(Message).where(Message.contact_id == anna)).one()
            assert links.HIDDEN in stored.text
            assert path.rpartition("/")[2] not in stored.text
            assert session.scalars(select(QueuedJob.data)).all() == [{}]
        with make_client(site) as staff:
            sign_in(site, staff)
            for page in (f"/dashboard/contacts/{anna}", "/dashboard/messages", "/dashboard"):
                assert path.rpartition("/")[2] not in staff.get(page).text

        # A scanner opens it, however often.
        for _ in range(3):
            opened = client.get(path)
            assert opened.status_code == 200
            assert opened.headers["referrer-policy"] == "strict-origin"
            assert "anna" not in opened.text.lower()
        assert count(site, ZoneSession) == [0]

        # Altered, and signed for something else.
        token = path.rpartition("/")[2]
        body, _, mark = token.partition(".")
        for wrong in (token[:-2] + "AA", body + ".", "x.y", f"{body}.{mark[::-1]}", "é.ä"):
            assert client.post(f"/account/enter/{wrong}", follow_redirects=False).status_code == 404
        assert count(site, ZoneSession) == [0]

        # The button, and then nothing more of it: not a second time, nor from another browser.
        answer = client.post(path, follow_redirects=False)
        assert answer.headers["location"] == "/account/details"
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(SESSION)
        assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=lax"))
        assert client.get("/account/details").status_code == 200
        with make_client(site) as other:
            assert other.post(path, follow_redirects=False).status_code == 404
            assert other.get(path).status_code == 404
        assert count(site, ZoneSession) == [1]

        # A later one that is too old.
        assert ask(client, "anna@example.org") == 303
        late = newest_link(site)
        with site.begin() as session:
            session.execute(update(ZoneLink).values(expires_at=now() - timedelta(seconds=1)))
        assert client.post(late, follow_redirects=False).status_code == 404

        # Handed to the mail server only now: its time begins now.
        send(site)
        assert client.get(late).status_code == 200


def test_k4_a_session_is_the_customers_alone_and_ends_when_it_should(site: Site) -> None:
    anna, bert = add_contact(site), add_contact(site, "bert@example.org", "Bert")
    with make_client(site) as client:
        # The staff's session opens no zone, the customer's no dashboard.
        sign_in(site, client)
        assert client.get("/account/messages", follow_redirects=False).status_code == 303
        client.cookies.clear()
        enter(site, client, anna)
        assert client.get("/dashboard", follow_redirects=False).headers["location"].startswith("/dashboard/sign-in")
        assert client.get(f"/dashboard/contacts/{anna}", follow_redirects=False).status_code == 303
        assert "Anna Müller" in client.get("/account").text
        assert client.get("/account").headers["cache-control"] == "no-store"

        # A session id that the attacker chose is nobody's (T-A1), and a new link makes a new one (T-A2).
        token = client.cookies[SESSION]
        client.cookies.set(SESSION, "chosen")
        assert client.get("/account/messages", follow_redirects=False).status_code == 303
        client.cookies.set(SESSION, token)
        assert ask(client, "bert@example.org") == 303
        answer = client.post(newest_link(site), follow_redirects=False)
        assert answer.headers["location"] == "/account"
        client.cookies.clear()
        client.cookies.set(SESSION, answer.cookies[SESSION])
        assert "Bert" in client.get("/account").text
        client.cookies.set(SESSION, token)
        assert client.get("/account/messages", follow_redirects=False).status_code == 303

        # Signed out here; everywhere; too old; not used for too long.
        for way in ("here", "everywhere", "old", "idle"):
            client.cookies.clear()
            enter(site, client, anna)
            mine = client.cookies[SESSION]
            enter(site, client, anna)
            if way in ("here", "everywhere"):
                data = {"everywhere": "1"} if way == "everywhere" else {}
                assert client.post("/account/sign-out", data=data, follow_redirects=False).status_code == 303
            else:
                changed = {"old": {"expires_at": now()}, "idle": {"seen_at": now() - timedelta(days=1, minutes=1)}}
                with site.begin() as session:
                    session.execute(update(ZoneSession).values(changed[way]))
            assert client.get("/account/messages", follow_redirects=False).status_code == 303
            client.cookies.set(SESSION, mine)
            still = client.get("/account/messages", follow_redirects=False).status_code == 200
            assert still == (way == "here"), way

        # From another site's page nothing works (T-X1).
        client.cookies.clear()
        enter(site, client, anna)
        evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        for path in ("/account/sign-out", "/account/details", "/account/messages", "/account/delete", "/account/keep"):
            assert client.post(path, data={"text": "x"}, headers=evil).status_code == 403
        assert client.get("/account").status_code == 200

        # The contact is erased: whoever is signed in is nobody.
        with site.begin() as session:
            erase(session, site, [anna], SYSTEM)
        assert client.get("/account/messages", follow_redirects=False).status_code == 303
        with site.session() as session:
            assert set(session.scalars(select(ZoneSession.contact_id))) == {bert}


def test_k4_a_merged_address_leads_to_the_kept_contact_and_its_own_mailbox(site: Site, server: MailServer) -> None:
    kept, wrong = add_contact(site), add_contact(site, "anna@exmaple.org", "Somebody")
    with make_client(site) as client, make_client(site) as stranger:
        enter(site, stranger, wrong)
        assert ask(stranger, "anna@exmaple.org") == 303
        open_link = newest_link(site)
        with site.begin() as session:
            merge_contacts(session, site, kept, wrong, SYSTEM)

        # Who was signed in with the wrong address, or has its link, gets nothing of the kept contact.
        assert stranger.get("/account/details", follow_redirects=False).status_code == 303
        assert stranger.post(open_link, follow_redirects=False).status_code == 404

        before = len(server.mails)
        assert ask(client, "anna@exmaple.org") == 303
        path = newest_link(site)
        send(site)
        sent_to = [mail["To"].addresses[0].addr_spec for mail in server.letters[before:]]
        assert set(sent_to) == {"anna@example.org"}
        client.post(path)
        assert "Anna Müller" in client.get("/account").text


def test_t_a3_t_a6_t_p2_nobody_learns_who_is_known_and_nobody_is_flooded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_contact(site)
    with make_client(site) as client:
        # The same answer, and the same work.
        monkeypatch.setattr(limits, "LIMITS", {kind: {} for kind in limits.LIMITS})
        times: dict[str, list[float]] = {"anna@example.org": [], "nobody@example.org": []}
        pages, work = {}, {}
        for _ in range(15):
            for email, taken in times.items():
                start = time.perf_counter()
                with count_queries(site) as queries:
                    answer = client.post("/account/sign-in", data={"email": email}, follow_redirects=False)
                taken.append(time.perf_counter() - start)
                work[email] = queries.statements
                pages[email] = (answer.status_code, answer.headers["location"], answer.text)
        assert pages["anna@example.org"] == pages["nobody@example.org"]
        assert work["anna@example.org"] == work["nobody@example.org"]
        known, unknown = (statistics.median(taken) for taken in times.values())
        assert abs(known - unknown) < 0.5 * max(known, unknown)
        assert "anna" not in client.get("/account/sent").text
        assert client.post("/account/sign-in", data={"email": "no address"}).status_code == 422
        monkeypatch.undo()

        # A few mails to one address, whoever asks; the answer is the same.
        with site.begin() as session:
            session.execute(delete(ZoneAttempt))
            session.execute(delete(QueuedJob))
        for number in range(30):
            headers = {"x-forwarded-for": f"203.0.113.{number}"}
            answer = client.post(
                "/account/sign-in", data={"email": "anna@example.org"}, headers=headers, follow_redirects=False
            )
            assert answer.status_code in (303, 429)
        run_queued_jobs(site)
        assert count(site, ZoneLink) == [4]

        # Many addresses from one network: refused, and said so.
        answers = [ask(client, f"x{number}@example.org") for number in range(20)]
        assert answers[-1] == 429


def test_t_x5_a_link_leads_nowhere_but_into_the_zone(site: Site) -> None:
    add_contact(site)
    elsewhere = (
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/dashboard",
        "/account/../x",
        "/accountx",
    )
    with make_client(site) as client:
        for path in (*elsewhere, "/account/" + "x" * 600):
            page = client.get("/account", params={"next": path}).text
            assert '<input type="hidden" name="next" value="/account">' in page, path
        assert ask(client, "anna@example.org", next="//evil.example/account/") == 303
        assert client.post(newest_link(site), follow_redirects=False).headers["location"] == "/account"


def test_k4_of_four_who_use_a_link_at_once_one_gets_in(site: Site) -> None:
    add_contact(site)

    def use(token: str) -> None:
        with site.begin() as session:
            links.enter(session, site, token)

    def use_unheld(token: str) -> None:
        """As it would be without holding the contact: looked at first, and used up afterwards."""
        with site.session() as session:
            link = links.find_link(session, site, token)
        time.sleep(0.05)
        with site.begin() as session:
            links.start_session(session, link.contact_id)

    def race(function: Callable[[str], None]) -> int:
        with site.begin() as session:
            for table in (ZoneAttempt, ZoneSession):
                session.execute(delete(table))
        with make_client(site) as client:
            ask(client, "anna@example.org")
        token = newest_link(site).rpartition("/")[2]
        barrier = threading.Barrier(4)

        def enter_together() -> None:
            barrier.wait()
            with contextlib.suppress(NotFound):
                function(token)

        threads = [threading.Thread(target=enter_together) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return count(site, ZoneSession)[0]

    assert race(use) == 1
    assert race(use_unheld) > 1

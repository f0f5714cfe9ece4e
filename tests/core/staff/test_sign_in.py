"""Signing in: FEATURES H7; THREATS T-A1, T-A3, T-A6, T-A7, T-X5."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select, update

from core.contacts.models import now
from core.errors import TooManyAttempts
from core.site import Site
from core.staff import passwords, throttle
from core.staff.accounts import change_account, disable_account, enable_account
from core.staff.models import SignInAttempt, StaffAccount, StaffSession
from core.staff.sessions import name_browser
from core.staff.throttle import Subject, reserve
from core.testing import count_queries
from tests.core.staff.helpers import (
    OWNER,
    PASSWORD,
    Client,
    add,
    browser,
    live_sessions,
    meeting,
    post_sign_in,
    quick_hasher,
    race,
    rows,
    without_write_lock,
)

WRONG = "ein blauer Regenschirm"


def test_h7_the_right_password_signs_in_and_leads_back(site: Site, client: Client) -> None:
    add(site)

    asked = client.get("/dashboard/staff?a=1&b=%C3%BC")
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/dashboard/sign-in?next=%2Fdashboard%2Fstaff%3Fa%3D1%26b%3D%25C3%25BC",
    )
    page = client.get(asked.headers["location"])
    assert 'value="/dashboard/staff?a=1&amp;b=%C3%BC"' in page.text

    answer = post_sign_in(client, " Owner@STAFF.example ", next="/dashboard/staff?a=1&b=%C3%BC")
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/staff?a=1&b=%C3%BC")
    assert client.get("/dashboard/staff").status_code == 200
    # Whoever is signed in already is led on.
    assert client.get("/dashboard/sign-in").headers["location"] == "/dashboard"


def test_h7_without_next_it_leads_to_the_overview(site: Site, client: Client) -> None:
    add(site)
    assert post_sign_in(client).headers["location"] == "/dashboard"


def test_t_a1_a_preset_token_is_worthless_and_each_sign_in_has_a_new_one(site: Site, client: Client) -> None:
    add(site)
    first = client.post(
        "/dashboard/sign-in",
        data={"email": OWNER, "password": PASSWORD},
        headers={"Cookie": "tresen_session=chosen-by-an-attacker"},
    ).cookies["tresen_session"]
    assert first != "chosen-by-an-attacker"
    second = post_sign_in(client).cookies["tresen_session"]
    assert second not in (first, "chosen-by-an-attacker")

    for token, status in (("chosen-by-an-attacker", 303), (first, 303), (second, 200)):
        with browser(site) as other:
            other.cookies.set("tresen_session", token)
            assert other.get("/dashboard/account").status_code == status, token
    with site.session() as session:
        stored = repr(session.execute(select(StaffSession.token_hash)).all())
    assert second not in stored


@pytest.mark.parametrize("email", [OWNER, "nobody@staff.example", "not an address", "", "x" * 300, "a\x00b@c.example"])
def test_t_a3_known_and_unknown_addresses_get_the_same_answer(site: Site, client: Client, email: str) -> None:
    add(site)
    known = post_sign_in(client, OWNER, WRONG)
    answer = post_sign_in(client, email, WRONG)

    assert answer.status_code == known.status_code == 422
    assert (
        answer.text.replace(f'value="{email}"'.replace("\x00", ""), "") == known.text.replace(f'value="{OWNER}"', "")
        or not email
    )
    assert "tresen_session" not in answer.cookies
    assert live_sessions(site) == 0


def test_t_a3_an_unknown_address_costs_the_same_work(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(site)
    disabled = add(site, "assistant")
    add(site, "owner", "second@staff.example")
    with site.begin() as session:
        disable_account(session, disabled)
        session.execute(
            update(StaffAccount).where(StaffAccount.email == "second@staff.example").values(password_hash="!")
        )
    work: list[str] = []
    real = type(quick_hasher()).verify_and_update

    def counted(self: Any, password: Any, stored: Any) -> Any:
        answer = real(self, password, stored)
        # The parameters of the hash are its cost.
        work.append(str(stored).rsplit("$", 2)[0])
        return answer

    monkeypatch.setattr(type(quick_hasher()), "verify_and_update", counted)
    done = []
    for email in (
        OWNER,
        "nobody@staff.example",
        "assistant@staff.example",
        "second@staff.example",
        "no address",
    ):
        work.clear()
        with count_queries(site) as queries:
            assert post_sign_in(client, email, WRONG).status_code == 422
        # Without the look at switched plugins, which comes with time.
        asked = [one for one in queries.statements if "staff_" in one]
        done.append((tuple(work), tuple(asked)))
    assert len(done[0][0]) == 1
    # The account without a password raises before its own hash is computed; then the decoy's is.
    assert len(set(done)) == 1, done


def test_h7_a_password_is_never_cut_or_trimmed(site: Site, client: Client) -> None:
    long = " " + "ab c" * 62 + " !"
    add(site, password=long)
    assert post_sign_in(client, password=long.strip()).status_code == 422
    assert post_sign_in(client, password=long + "x" * 1000).status_code == 422
    assert post_sign_in(client, password=long).status_code == 303


def test_h7_the_same_password_typed_on_another_keyboard_fits(site: Site, client: Client) -> None:
    add(site, password="gru\u0308ne\u00a0Gurken")
    assert post_sign_in(client, password="gr\u00fcne Gurken").status_code == 303


def _later(site: Site, wait: timedelta) -> None:
    """Let time pass: all attempts become older."""
    with site.begin() as session:
        for attempt in session.scalars(select(SignInAttempt)):
            attempt.at -= wait


def test_t_a6_fifty_wrong_passwords_are_throttled_whatever_they_forward(site: Site, client: Client) -> None:
    add(site)
    statuses = [
        client.post(
            "/dashboard/sign-in",
            data={"email": OWNER, "password": f"{WRONG} {number}"},
            headers={"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"},
        ).status_code
        for number in range(50)
    ]
    assert statuses == [422] * 5 + [429] * 45

    refused = post_sign_in(client)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 31
    assert "tresen_session" not in refused.cookies
    with site.session() as session:
        # What was refused is not counted: the wait ends.
        assert len(session.scalars(select(SignInAttempt)).all()) == 10
        assert OWNER not in repr(session.scalars(select(SignInAttempt.subject)).all())


def test_t_a6_the_owner_gets_in_after_a_while(site: Site, client: Client) -> None:
    add(site)
    for _ in range(5):
        post_sign_in(client, password=WRONG)
    assert post_sign_in(client).status_code == 429
    _later(site, timedelta(seconds=31))
    assert post_sign_in(client, password=WRONG).status_code == 422
    _later(site, timedelta(seconds=31))
    assert post_sign_in(client).status_code == 429
    _later(site, timedelta(seconds=30))
    assert post_sign_in(client).status_code == 303
    # The account's failures are forgotten with it.
    with browser(site) as other:
        assert post_sign_in(other, password=WRONG).status_code == 422


def test_t_a6_the_wait_is_never_longer_than_a_quarter_of_an_hour(site: Site) -> None:
    moments = [now() - timedelta(seconds=number) for number in range(500)]
    wait = throttle.WAITS["account"](moments, now())
    assert timedelta(minutes=14) < wait <= throttle.LONGEST_WAIT


def test_t_a6_a_known_browser_gets_in_while_strangers_are_throttled(site: Site, client: Client) -> None:
    add(site)
    add(site, "assistant")
    assert post_sign_in(client).status_code == 303
    client.post("/dashboard/sign-out")

    with browser(site) as stranger:
        for number in range(30):
            post_sign_in(stranger, password=f"{WRONG} {number}")
            post_sign_in(stranger, f"{number}@staff.example", WRONG)
        assert post_sign_in(stranger).status_code == 429
        # Knowing the browser of one's own account opens no other's.
        stranger.cookies.set("tresen_known", client.cookies["tresen_known"])
        assert post_sign_in(stranger, "assistant@staff.example").status_code == 429
        # Nor does another spelling of the cookie make another browser.
        stranger.cookies.set("tresen_known", "!" + client.cookies["tresen_known"])
        for number in range(6):
            post_sign_in(stranger, password=f"{WRONG} {number}")
        stranger.cookies.set("tresen_known", client.cookies["tresen_known"])
        for number in range(6):
            last = post_sign_in(stranger, password=f"{WRONG} {number}")
        assert last.status_code == 429
    _later(site, throttle.BROWSER_WINDOW)
    with browser(site) as stranger:
        for number in range(30):
            post_sign_in(stranger, password=f"{WRONG} {number}")
    assert post_sign_in(client).status_code == 303


def test_t_a6_one_network_is_throttled_over_all_accounts(site: Site, client: Client) -> None:
    add(site)
    statuses = [post_sign_in(client, f"{number}@staff.example", WRONG).status_code for number in range(25)]
    assert statuses == [422] * 20 + [429] * 5
    assert post_sign_in(client).status_code == 429
    _later(site, throttle.NETWORK_WINDOW)
    assert post_sign_in(client).status_code == 303


def test_t_a6_an_own_account_does_not_wash_a_network_clean(site: Site, client: Client) -> None:
    add(site)
    for number in range(19):
        post_sign_in(client, f"{number}@staff.example", WRONG)
    assert post_sign_in(client).status_code == 303
    client.cookies.clear()
    assert post_sign_in(client, "a@staff.example", WRONG).status_code == 422
    assert post_sign_in(client, "b@staff.example", WRONG).status_code == 429


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_t_a6_attempts_at_once_share_the_last_free_place(
    site: Site, protected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = Subject(kind="account", name=OWNER)
    with site.begin() as session:
        for _ in range(throttle.FREE_FAILURES - 1):
            reserve(session, site.secret, [subject])
    barrier = threading.Barrier(2)
    monkeypatch.setattr(throttle, "WAITS", {**throttle.WAITS, "account": meeting(throttle.WAITS["account"], barrier)})
    used = site
    if not protected:
        monkeypatch.setattr(throttle, "lock_subjects", lambda session, stored: None)
        used = without_write_lock(site)

    def attempt() -> None:
        with used.begin() as session:
            reserve(session, site.secret, [subject])

    outcomes = race(attempt, attempt, expected=TooManyAttempts)
    assert (outcomes == ["done", "refused"]) is protected, outcomes


def test_t_a6_only_so_many_hash_at_once(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    add(site)
    monkeypatch.setattr(passwords, "_waiting", threading.BoundedSemaphore(1))
    with passwords._waiting:
        answer = post_sign_in(client)
    assert answer.status_code == 429
    assert post_sign_in(client).status_code == 303


def test_t_a7_a_lowered_role_and_a_disabled_account_count_at_the_next_request(site: Site, client: Client) -> None:
    add(site)
    other = add(site, "owner", "second@staff.example")
    post_sign_in(client, "second@staff.example")
    assert client.get("/dashboard/staff").status_code == 200

    with site.begin() as session:
        change_account(session, other, role="assistant")
    before = rows(site)
    assert client.get("/dashboard/staff").status_code == 403
    data = {"name": "New", "email": "new@staff.example", "password": PASSWORD, "role": "owner"}
    assert client.post("/dashboard/staff/new", data=data).status_code == 403
    assert rows(site) == before
    assert client.get("/dashboard/account").status_code == 200

    with site.begin() as session:
        disable_account(session, other)
    assert client.get("/dashboard/account").headers["location"].startswith("/dashboard/sign-in")
    assert post_sign_in(client, "second@staff.example").status_code == 422
    with site.begin() as session:
        enable_account(session, other)
    # The old session stays ended; the password works again.
    assert client.get("/dashboard/account").status_code == 303
    assert post_sign_in(client, "second@staff.example").status_code == 303


def test_t_a2_a_password_changed_while_its_hash_is_computed_signs_nobody_in(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = add(site)
    real = passwords.verify_password

    def changed_meanwhile(password: str, stored: str | None) -> Any:
        answer = real(password, stored)
        with site.begin() as session:
            from core.staff.accounts import set_password

            set_password(session, account, "ein ganz anderes Wort")
        return answer

    monkeypatch.setattr("core.staff.signing_in.verify_password", changed_meanwhile)
    assert post_sign_in(client).status_code == 422
    assert live_sessions(site) == 0


ONE_DATABASE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

EVIL = [
    "//evil.example",
    "/\\evil.example",
    "https:evil.example",
    "https://evil.example/dashboard",
    "http:///evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "evil.example",
    "///evil.example",
    "/\x85/evil.example",
    "/\x00/evil.example",
    "@evil.example",
    "/" + "x" * 5000,
]


@ONE_DATABASE
@pytest.mark.parametrize("target", EVIL)
def test_t_x5_next_leads_to_this_site_only(site: Site, client: Client, target: str) -> None:
    add(site)
    # A form's line break is a space.
    assert post_sign_in(client, next=target).headers["location"] in ("/dashboard", "/%20/evil.example")
    # Signed in already, the page leads on too.
    location = client.get(f"/dashboard/sign-in?next={quote(target)}").headers.get("location")
    assert location in ("/dashboard", None)
    for path in ("/language?code=de&next=", "/language?next="):
        location = client.get(path + quote(target)).headers.get("location", "/")
        assert location == "/" or (location.startswith("/x") and len(target) > 5000)
    answer = client.post("/theme", data={"theme": "dark", "next": target})
    assert answer.headers["location"] in ("/", "/%20/evil.example") or len(target) > 5000


@ONE_DATABASE
@pytest.mark.parametrize("target", ["/dashboard/staff", "/dashboard/contacts?q=%C3%BC&sort=a", "/a/..\\b", "/ü"])
def test_t_x5_a_page_of_this_site_is_gone_back_to(site: Site, client: Client, target: str) -> None:
    add(site)
    location = post_sign_in(client, next=target).headers["location"]
    assert location.startswith("/")
    assert location[1] not in "/\\"


def test_h7_a_session_ends_by_age_and_by_idleness(site: Site, client: Client) -> None:
    add(site)
    for change in ({"expires_at": now()}, {"seen_at": now() - timedelta(days=3, seconds=1)}):
        assert post_sign_in(client).status_code == 303
        assert client.get("/dashboard/account").status_code == 200
        with site.begin() as session:
            session.execute(update(StaffSession).values(**change))
        assert client.get("/dashboard/account").status_code == 303


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox, Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari, iPhone",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "Edge, macOS",
        ),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_h7_a_browser_is_named_for_its_person(agent: str, name: str) -> None:
    assert name_browser(agent) == name

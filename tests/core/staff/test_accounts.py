"""Accounts, the set-up of a new site, the team's and the own page (FEATURES H7)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import func, select

from core.errors import Conflict, InvalidInput, NotFound
from core.site import Site
from core.staff import accounts, passwords
from core.staff.models import StaffAccount
from core.staff.passwords import check_password, hash_password, verify_password
from tests.core.staff.helpers import (
    OWNER,
    PASSWORD,
    Client,
    add,
    browser,
    live_sessions,
    meeting,
    post_sign_in,
    race,
    rows,
    without_write_lock,
)

NEW = {"name": "Ada", "email": "ada@staff.example", "password": PASSWORD}


def owners(site: Site) -> int:
    with site.session() as session:
        statement = select(func.count()).where(StaffAccount.role == "owner", StaffAccount.disabled_at.is_(None))
        return session.scalar(statement) or 0


def test_h7_a_new_site_is_set_up_once_and_its_owner_signed_in(site: Site, client: Client) -> None:
    assert client.get("/dashboard/staff").headers["location"].startswith("/dashboard/sign-in")
    assert client.get("/dashboard/sign-in").headers["location"] == "/dashboard/set-up"
    assert client.get("/dashboard/set-up").status_code == 200

    refused = client.post("/dashboard/set-up", data={**NEW, "password": "short", "email": "no"})
    assert refused.status_code == 422
    assert 'value="Ada"' in refused.text
    assert "short" not in refused.text
    assert owners(site) == 0

    answer = client.post("/dashboard/set-up", data={**NEW, "role": "assistant", "id": "7"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
    assert client.get("/dashboard/staff").status_code == 200

    before = rows(site)
    with browser(site) as stranger:
        assert stranger.get("/dashboard/set-up").headers["location"] == "/dashboard/sign-in"
        assert stranger.post("/dashboard/set-up", data={**NEW, "email": "b@staff.example"}).status_code == 409
    assert rows(site) == before
    with site.session() as session:
        assert [(one.email, one.role) for one in accounts.list_accounts(session)] == [("ada@staff.example", "owner")]


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_h7_two_set_ups_at_once_make_one_owner(site: Site, protected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    barrier = threading.Barrier(2)
    monkeypatch.setattr(accounts, "has_accounts", meeting(accounts.has_accounts, barrier))
    used = site
    if not protected:
        monkeypatch.setattr(accounts, "lock_accounts", lambda session: None)
        used = without_write_lock(site)

    def set_up(email: str) -> None:
        with used.begin() as session:
            accounts.insert_first_owner(session, email=email, name="Ada", password_hash="!")

    outcomes = race(lambda: set_up("a@staff.example"), lambda: set_up("b@staff.example"), expected=Conflict)
    assert (outcomes == ["done", "refused"]) is protected, outcomes
    if protected:
        assert owners(site) == 1


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_h7_two_owners_who_lower_each_other_leave_one(
    site: Site, protected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = add(site), add(site, "owner", "second@staff.example")
    barrier = threading.Barrier(2)
    used, read = site, accounts._active_owners
    if not protected:

        def read(session: Any) -> Any:
            return session.scalars(select(StaffAccount.id).where(StaffAccount.role == "owner")).all()

        used = without_write_lock(site)
    monkeypatch.setattr(accounts, "_active_owners", meeting(read, barrier))

    def lower(account_id: int) -> None:
        with used.begin() as session:
            accounts.change_account(session, account_id, role="assistant")

    outcomes = race(lambda: lower(first), lambda: lower(second), expected=InvalidInput)
    assert (outcomes == ["done", "refused"]) is protected, outcomes
    if protected:
        assert owners(site) == 1


def test_h7_the_last_owner_stays(site: Site, client: Client) -> None:
    owner = add(site)
    other = add(site, "owner", "second@staff.example")
    post_sign_in(client)
    assert client.post(f"/dashboard/staff/{other}/disable").status_code == 303
    before = rows(site)

    lowered = client.post(f"/dashboard/staff/{owner}", data={"name": "Owner", "role": "manager"})
    assert lowered.status_code == 422
    assert "Geben Sie diese Rolle zuerst" in lowered.text
    assert client.post(f"/dashboard/staff/{owner}/disable").status_code == 422
    assert rows(site) == before

    assert client.post(f"/dashboard/staff/{other}/enable").status_code == 303
    lowered = client.post(f"/dashboard/staff/{owner}", data={"name": "Owner", "role": "manager"})
    assert lowered.status_code == 303
    assert client.get("/dashboard/staff").status_code == 403
    assert owners(site) == 1


def test_h7_an_owner_adds_changes_and_switches_off_accounts(site: Site, client: Client) -> None:
    add(site)
    post_sign_in(client)
    data = {
        "name": " Bob <b>  Beta ",
        "email": "bob@staff.example",
        "role": "assistant",
        "password": PASSWORD,
    }
    assert client.post("/dashboard/staff/new", data=data).headers["location"] == "/dashboard/staff"
    team = client.get("/dashboard/staff").text
    assert "Bob &lt;b&gt; Beta kann sich jetzt anmelden." in team
    with site.session() as session:
        bob = accounts.find_account(session, "BOB@staff.example")
    assert (bob.name, bob.role, bob.sessions) == ("Bob <b> Beta", "assistant", 0)

    with browser(site) as his:
        assert post_sign_in(his, "bob@staff.example").status_code == 303
        assert his.get("/dashboard/account").status_code == 200
        assert "In einem Browser angemeldet." in client.get(f"/dashboard/staff/{bob.id}").text

        assert client.post(f"/dashboard/staff/{bob.id}/sessions").status_code == 303
        assert his.get("/dashboard/account").status_code == 303

        post_sign_in(his, "bob@staff.example")
        new = {"password": "noch ein Regenschirm"}
        assert client.post(f"/dashboard/staff/{bob.id}/password", data=new).status_code == 303
        assert his.get("/dashboard/account").status_code == 303
        assert post_sign_in(his, "bob@staff.example").status_code == 422
        assert post_sign_in(his, "bob@staff.example", new["password"]).status_code == 303

        assert client.post(f"/dashboard/staff/{bob.id}/disable").status_code == 303
        assert his.get("/dashboard/account").status_code == 303
        assert "abgeschaltet seit" in client.get(f"/dashboard/staff/{bob.id}").text


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("email", OWNER.upper(), "gibt es schon ein Konto"),
        ("email", "no address", "@"),
        ("name", " ", "Geben Sie einen Namen ein."),
        ("name", "x" * 121, "höchstens 120"),
        ("role", "god", "Wählen Sie eine Rolle."),
        ("role", "", "Wählen Sie eine Rolle."),
        ("password", "zu kurz", "mindestens 10 Zeichen"),
        ("password", "neu@staff.example", "darf nicht die E-Mail-Adresse"),
    ],
)
def test_h7_a_refused_account_changes_nothing_and_loses_nothing(
    site: Site, client: Client, field: str, value: str, text: str
) -> None:
    add(site)
    post_sign_in(client)
    before = rows(site)
    data = {
        "name": "Neue",
        "email": "neu@staff.example",
        "role": "manager",
        "password": PASSWORD,
        field: value,
    }
    answer = client.post("/dashboard/staff/new", data=data)
    assert answer.status_code == 422
    assert text in answer.text
    assert rows(site) == before
    for name in ("name", "email"):
        assert name == field or f'value="{data[name]}"' in answer.text
    assert PASSWORD not in answer.text


def test_h7_an_unknown_account_is_not_found(site: Site, client: Client) -> None:
    add(site)
    post_sign_in(client)
    assert client.get("/dashboard/staff/999").status_code == 404
    for path in ("", "/password", "/sessions", "/disable", "/enable"):
        data = {"name": "X", "role": "owner", "password": PASSWORD}
        assert client.post(f"/dashboard/staff/999{path}", data=data).status_code == 404, path


def test_h7_ones_own_name_and_password(site: Site, client: Client) -> None:
    add(site, "assistant")
    add(site)
    with browser(site) as elsewhere:
        post_sign_in(elsewhere, "assistant@staff.example")
        post_sign_in(client, "assistant@staff.example")
        assert client.post("/dashboard/account", data={"name": "Ada Lovelace"}).status_code == 303
        assert "Ada Lovelace" in client.get("/dashboard/account").text
        before = rows(site, without=("staff_sign_in_attempts",))
        for data, text in (
            ({"current": "falsch", "password": "noch ein Regenschirm"}, "Das ist nicht Ihr Passwort."),
            ({"current": PASSWORD, "password": "kurz"}, "mindestens 10 Zeichen"),
            ({"current": PASSWORD, "password": "Ada-Lovelace-1815"}, "darf nicht die E-Mail-Adresse"),
        ):
            answer = client.post("/dashboard/account/password", data=data)
            assert answer.status_code == 422
            assert text in answer.text
        assert rows(site, without=("staff_sign_in_attempts",)) == before

        data = {"current": PASSWORD, "password": "noch ein Regenschirm"}
        assert client.post("/dashboard/account/password", data=data).status_code == 303
        assert client.get("/dashboard/account").status_code == 200
        assert elsewhere.get("/dashboard/account").status_code == 303
        assert post_sign_in(elsewhere, "assistant@staff.example", data["password"]).status_code == 303

        assert live_sessions(site) == 2
        assert client.post("/dashboard/account/sessions").status_code == 303
        assert elsewhere.get("/dashboard/account").status_code == 303
        assert client.get("/dashboard/account").status_code == 200


def test_t_a6_the_current_password_cannot_be_guessed_from_a_found_browser(site: Site, client: Client) -> None:
    add(site)
    post_sign_in(client)
    for number in range(10):
        data = {"current": f"falsch {number}", "password": "noch ein Regenschirm"}
        client.post("/dashboard/account/password", data=data)
    refused = client.post("/dashboard/account/password", data={"current": PASSWORD, "password": "noch ein Regenschirm"})
    assert refused.status_code == 422
    assert "Zu viele Versuche" in refused.text
    assert post_sign_in(client).status_code == 303


def test_h7_the_own_password_is_not_set_without_the_old_one(site: Site, client: Client) -> None:
    owner = add(site)
    post_sign_in(client)
    before = rows(site)
    answer = client.post(f"/dashboard/staff/{owner}/password", data={"password": "noch ein Regenschirm"})
    assert answer.headers["location"] == "/dashboard/account"
    assert rows(site) == before


def test_h7_the_command_line_adds_lists_and_sets_passwords(site: Site, client: Client) -> None:
    with site.begin() as session:
        added = accounts.add_account(session, email="Ada@Staff.Example", name="Ada", role="manager", password=PASSWORD)
    assert post_sign_in(client, "ada@staff.example").status_code == 303
    with site.begin() as session:
        assert accounts.find_account(session, "ada@staff.example").id == added
        accounts.set_password(session, added, "noch ein Regenschirm")
    assert client.get("/dashboard/account").status_code == 303
    for wrong in ({"role": "god"}, {"email": "ada@staff.example"}, {"password": "kurz"}, {"name": ""}):
        values = {"email": "b@staff.example", "name": "B", "role": "owner", "password": PASSWORD, **wrong}
        with pytest.raises(InvalidInput), site.begin() as session:
            accounts.add_account(session, **values)
    with site.session() as session:
        assert len(accounts.list_accounts(session)) == 1
        with pytest.raises(NotFound):
            accounts.find_account(session, "nobody@staff.example")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "123456789",
        "x" * 257,
        "aaaaaaaaaaaa",
        "abababababab",
        "1234567890",
        "Passwort123",
        "ada@staff.example",
        "adalovelace",
        "Ada Lovelace 1815",
        "B\u00e4ckerei-Lindner!",
        "Ba\u0308ckerei-Lindner",
        "mit NUL \x00 darin",
    ],
)
def test_h7_easy_passwords_are_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_password(password, names=["ada@staff.example", "Ada Lovelace", "B\u00e4ckerei Lindner"])
    assert refused.value.field == "password"


@pytest.mark.parametrize(
    "password",
    [
        "tresen-demo",
        "abcdefghi\u00fc",
        "\u732b\u306f\u53ef\u611b\u3044\u3067\u3059\u306d\u672c\u5f53",
        "84 02-38 59+12",
        "x1y2" * 64,
    ],
)
def test_h7_other_passwords_are_taken(password: str) -> None:
    check_password(password, names=["demo@example.org", "Demo", "B\u00e4ckerei Lindner", ""])


def test_h7_passwords_are_kept_as_argon2id_no_weaker_than_recommended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    passwords._decoy.cache_clear()
    stored = hash_password(PASSWORD)
    # OWASP: argon2id with at least 19 MiB and two passes.
    assert stored.startswith("$argon2id$v=19$")
    cost = dict(part.split("=") for part in stored.split("$")[3].split(","))
    assert int(cost["m"]) >= 19 * 1024
    assert int(cost["t"]) >= 2
    assert verify_password(PASSWORD, stored) == (True, None)
    assert verify_password(PASSWORD + "!", stored) == (False, None)
    assert verify_password(PASSWORD, None) == (False, None)
    assert verify_password(PASSWORD, "!") == (False, None)


def test_h7_a_hash_of_older_parameters_is_renewed_at_sign_in(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    add(site)
    stronger = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1),))
    passwords._decoy.cache_clear()
    monkeypatch.setattr(passwords, "_hasher", lambda: stronger)
    assert post_sign_in(client).status_code == 303
    with site.session() as session:
        assert "m=16,t=2" in str(session.scalar(select(StaffAccount.password_hash)))
    assert post_sign_in(client).status_code == 303

"""Staff: services, hours, appointments, booking for a contact (FEATURES B1, B3, C12; THREATS T-X3, T-Z3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from litestar.testing import TestClient
from sqlalchemy import select

from core import Contact, Details, Site
from core.testing import make_client, sign_in
from plugins.booking.appointment_list import read_list
from plugins.booking.appointments import book_appointment, new_token
from plugins.booking.models import (
    BookingAppointment,
    BookingClaim,
    BookingException,
    BookingService,
    BookingWeekday,
)
from plugins.booking.picker import write_start
from plugins.booking.services import find_service
from tests.plugins.booking.conftest import add_service
from tests.plugins.booking.rows import activities, rows_of

Client = TestClient[Any]
LIST = "/dashboard/booking/appointments"


@pytest.fixture
def staff(site: Site) -> Iterator[Client]:
    with make_client(site) as client:
        client.headers["accept-language"] = "en"
        sign_in(site, client, name="Karla Lindner")
        yield client


@pytest.fixture
def noon(soon: date) -> datetime:
    return datetime.combine(soon, time(12), ZoneInfo("Europe/Berlin")).astimezone(UTC)


def take(site: Site, starts_at: datetime, *, now: datetime | None = None, name: str = "Anna Müller") -> int:
    with site.begin() as session:
        return book_appointment(
            session,
            site,
            find_service(session, "haircut"),
            starts_at=starts_at,
            email="anna@example.org",
            details=Details(name=name),
            note=name,
            token=new_token(),
            now=now,
        ).id


def contact_of(site: Site) -> Contact:
    with site.session() as session:
        return session.scalars(select(Contact)).one()


def state_of(site: Site, appointment_id: int) -> str:
    with site.session() as session:
        return session.get_one(BookingAppointment, appointment_id).state


def past(noon: datetime) -> tuple[datetime, datetime]:
    """A moment last month, and one before it at which to book it."""
    starts_at = noon - timedelta(days=28)
    return starts_at, starts_at - timedelta(days=3)


def test_b1_cancelling_frees_the_time_and_is_logged(site: Site, staff: Client, noon: datetime) -> None:
    appointment_id = take(site, noon)
    assert "This stays" in staff.get(f"{LIST}/{appointment_id}/cancel").text

    answer = staff.post(f"{LIST}/{appointment_id}/cancel", follow_redirects=False)

    assert answer.status_code == 303
    assert state_of(site, appointment_id) == "cancelled"
    assert rows_of(site, BookingClaim) == 0
    log = activities(site, contact_of(site).id)
    assert [entry.kind for entry in log] == ["booking.booked", "booking.cancelled"]
    assert log[1].actor_name == "Karla Lindner"
    assert take(site, noon) != appointment_id, "the time is free again"

    again = staff.post(f"{LIST}/{appointment_id}/cancel", follow_redirects=False)
    assert again.status_code == 409
    assert len(activities(site, contact_of(site).id)) == 3


def test_b1_staff_say_what_became_of_an_appointment(site: Site, staff: Client, noon: datetime) -> None:
    starts_at, booked_at = past(noon)
    appointment_id = take(site, starts_at, now=booked_at)
    page = staff.get(f"{LIST}/{appointment_id}").text
    assert "Took place" in page
    assert "Did not come" in page

    staff.post(f"{LIST}/{appointment_id}/state", data={"state": "no_show"})
    assert state_of(site, appointment_id) == "no_show"
    staff.post(f"{LIST}/{appointment_id}/state", data={"state": "done"})
    assert state_of(site, appointment_id) == "done"
    kinds = [entry.kind for entry in activities(site, contact_of(site).id)]
    assert kinds == ["booking.booked", "booking.no_show", "booking.done"]


@pytest.mark.parametrize("state", ["done", "cancelled", "", "booked"])
def test_b1_what_has_not_begun_can_not_be_closed(site: Site, staff: Client, noon: datetime, state: str) -> None:
    appointment_id = take(site, noon)

    answer = staff.post(f"{LIST}/{appointment_id}/state", data={"state": state}, follow_redirects=False)

    assert answer.status_code in (400, 409)
    assert state_of(site, appointment_id) == "booked"


def test_b1_staff_book_on_a_contacts_behalf(site: Site, staff: Client, noon: datetime) -> None:
    take(site, noon)
    contact = contact_of(site)
    with site.begin() as session:
        session.get_one(Contact, contact.id).stage = "lead"
        service_id = find_service(session, "haircut").id
    address = f"/dashboard/booking/contacts/{contact.id}/book"
    at = write_start(noon + timedelta(hours=1))
    day_page = staff.get(address, params={"day": noon.date().isoformat()}).text
    assert at.replace(":", "%3A") in day_page
    form_page = staff.get(address, params={"service": service_id, "at": at}).text
    token = re.search(r'name="token" value="([^"]+)"', form_page)
    assert token is not None
    data = {"token": token[1], "at": at, "service": service_id, "note": "Called"}

    first = staff.post(address, data=data, follow_redirects=False)
    second = staff.post(address, data=data, follow_redirects=False)

    assert first.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    with site.session() as session:
        made = session.scalars(select(BookingAppointment).order_by(BookingAppointment.id.desc()).limit(1)).one()
    assert (made.name, made.booked_by, made.note) == ("Anna Müller", "Karla Lindner", "Called")
    assert contact_of(site).stage == "customer"
    assert contact_of(site).origins == contact.origins, "staff said nothing new about the person"

    taken = staff.post(address, data={**data, "token": ""}, follow_redirects=False)
    assert taken.status_code == 409
    assert rows_of(site, BookingAppointment) == 2


def test_booking_for_nobody_answers_404(site: Site, staff: Client) -> None:
    assert staff.get("/dashboard/booking/contacts/99/book").status_code == 404
    data = {"at": "2030-01-01T10:00Z", "service": "1"}
    assert staff.post("/dashboard/booking/contacts/99/book", data=data).status_code == 404


def test_b1_the_list_shows_weeks_and_pages(site: Site, staff: Client, noon: datetime) -> None:
    ids = [take(site, noon + timedelta(days=days)) for days in range(10)]
    starts_at, booked_at = past(noon)
    old = take(site, starts_at, now=booked_at)

    upcoming = staff.get(LIST).text
    assert all(f"{LIST}/{number}" in upcoming for number in ids)
    assert f'{LIST}/{old}"' not in upcoming
    assert f"Week {noon.astimezone(ZoneInfo('Europe/Berlin')).isocalendar().week}," in upcoming
    assert f'{LIST}/{old}"' in staff.get(f"{LIST}?when=past").text
    assert f'{LIST}/{ids[0]}"' in staff.get("/dashboard/booking?when=all").text


@pytest.mark.parametrize("when", ["upcoming", "all"])
def test_the_pages_of_the_list_join_without_gap_or_double(site: Site, noon: datetime, when: Any) -> None:
    ids = [take(site, noon + timedelta(days=days)) for days in range(7)]
    now = datetime.now(UTC)
    wanted = ids if when == "upcoming" else ids[::-1]
    with site.session() as session:
        first = read_list(session, when, now, size=3)
        second = read_list(session, when, now, size=3, after=first.following)
        third = read_list(session, when, now, size=3, after=second.following)
        back = read_list(session, when, now, size=3, before=third.previous)
        start = read_list(session, when, now, size=3, before=back.previous)

    assert [one.id for page in (first, second, third) for one in page.appointments] == wanted
    assert first.previous is None
    assert third.following is None
    assert [one.id for one in back.appointments] == [one.id for one in second.appointments]
    assert [one.id for one in start.appointments] == [one.id for one in first.appointments]
    assert start.previous is None
    assert start.following is not None


@pytest.mark.parametrize("place", ["nonsense", "_", "9999-12-31T00:00:00+0000_1", "2026-01-01_x"])
def test_a_place_in_the_list_that_is_none_shows_its_beginning(staff: Client, place: str) -> None:
    assert staff.get(LIST, params={"after": place, "before": place}).status_code == 200


SERVICE = {
    "name": "Beard trim",
    "minutes": "30",
    "buffer_minutes": "10",
    "price": "19,50",
    "currency": "EUR",
    "lead_hours": "1",
    "days_ahead": "30",
    "active": "1",
}


def test_b1_a_service_is_added_changed_and_hidden(site: Site, staff: Client) -> None:
    answer = staff.post("/dashboard/booking/services/new", data=SERVICE, follow_redirects=False)

    assert answer.status_code == 303
    with site.session() as session:
        made = find_service(session, "beard-trim")
    assert (made.minutes, made.buffer_minutes, made.price_minor, made.currency) == (30, 10, 1950, "EUR")

    page = f"/dashboard/booking/services/{made.id}"
    assert 'value="19.50"' in staff.get(page).text
    hidden = {key: value for key, value in SERVICE.items() if key != "active"}
    assert staff.post(page, data={**hidden, "price": ""}, follow_redirects=False).status_code == 303
    with site.session() as session:
        changed = session.get_one(BookingService, made.id)
    assert (changed.active, changed.price_minor) == (False, None)
    assert staff.get("/booking/beard-trim").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("slug", "Not a slug"),
        ("slug", "thanks"),
        ("slug", "haircut"),
        ("minutes", "0"),
        ("minutes", "7"),
        ("minutes", "a"),
        ("minutes", "99999"),
        ("buffer_minutes", "-5"),
        ("price", "12,345"),
        ("price", "free"),
        ("price", "-1"),
        ("currency", "XXX"),
        ("days_ahead", "0"),
        ("lead_hours", "-1"),
    ],
)
def test_b1_a_service_that_can_not_be_is_refused(site: Site, staff: Client, field: str, value: str) -> None:
    answer = staff.post("/dashboard/booking/services/new", data={**SERVICE, field: value}, follow_redirects=False)

    assert answer.status_code == 422
    assert f'id="field-{field}-error"' in answer.text
    assert rows_of(site, BookingService) == 1


def test_b1_hours_and_exceptions_are_saved(site: Site, staff: Client) -> None:
    hours = "/dashboard/booking/hours"
    week = {f"day{number}": "" for number in range(7)} | {"day0": "9-12, 14-18", "day5": "10:00–13:00"}
    assert staff.post(hours, data=week, follow_redirects=False).status_code == 303
    page = staff.get(hours).text
    assert 'value="09:00–12:00, 14:00–18:00"' in page

    first = datetime.now(UTC).date() + timedelta(days=10)
    days = {"first": first.isoformat(), "last": (first + timedelta(days=2)).isoformat()}
    answer = staff.post(f"{hours}/exceptions", data={**days, "note": "Fair"}, follow_redirects=False)
    assert answer.status_code == 303
    assert rows_of(site, BookingException) == 3
    staff.post(f"{hours}/exceptions", data={"first": days["first"], "hours": "18-20"})
    assert "18:00–20:00" in staff.get(hours).text
    staff.post(f"{hours}/exceptions/remove", data={"day": days["first"]})
    assert rows_of(site, BookingException) == 2


def test_b1_hours_that_mean_nothing_keep_what_was_typed(site: Site, staff: Client) -> None:
    week = {f"day{number}": "9-17" for number in range(7)} | {"day3": "noon to <five>"}

    answer = staff.post("/dashboard/booking/hours", data=week, follow_redirects=False)

    assert answer.status_code == 422
    assert 'value="noon to &lt;five&gt;"' in answer.text
    with site.session() as session:
        assert session.get_one(BookingWeekday, 3).hours == [[540, 1020]]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"first": ""}, "first"),
        ({"first": "2026-12-24", "last": "2026-12-20"}, "last"),
        ({"first": "2026-12-24", "last": "2036-12-20"}, "last"),
        ({"first": "2026-12-24", "last": "x"}, "last"),
        ({"first": "2026-12-24", "hours": "x"}, "hours"),
        ({"first": "2026-12-24", "note": "x" * 201}, "note"),
    ],
)
def test_b1_an_exception_that_can_not_be_is_refused(
    site: Site, staff: Client, values: dict[str, str], field: str
) -> None:
    answer = staff.post("/dashboard/booking/hours/exceptions", data=values, follow_redirects=False)

    assert answer.status_code == 422
    assert f'id="field-{field}-error"' in answer.text
    assert rows_of(site, BookingException) == 0


def test_t_z3_an_assistant_changes_no_service_and_no_hours(site: Site) -> None:
    with make_client(site) as client:
        sign_in(site, client, "assistant")
        assert client.get(LIST).status_code == 200
        for path in ("/dashboard/booking/services/new", "/dashboard/booking/hours"):
            assert client.get(path).status_code == 403
            assert client.post(path, data={**SERVICE, "day0": ""}).status_code == 403
    assert rows_of(site, BookingService) == 1
    with site.session() as session:
        assert session.get_one(BookingWeekday, 0).hours == [[540, 1020]]


def test_t_z1_nobody_sees_the_dashboard_without_signing_in(site: Site, noon: datetime) -> None:
    appointment_id = take(site, noon)
    with make_client(site) as client:
        for path in (LIST, f"{LIST}/{appointment_id}", "/dashboard/booking/services"):
            answer = client.get(path, follow_redirects=False)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/dashboard/sign-in")
        client.post(f"{LIST}/{appointment_id}/cancel", follow_redirects=False)
    assert state_of(site, appointment_id) == "booked"


def test_t_x1_a_form_of_another_site_cancels_nothing(site: Site, staff: Client, noon: datetime) -> None:
    appointment_id = take(site, noon)

    answer = staff.post(f"{LIST}/{appointment_id}/cancel", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert state_of(site, appointment_id) == "booked"


def test_t_x3_texts_are_shown_as_text(site: Site, staff: Client, noon: datetime) -> None:
    evil = "<script>alert(1)</script>"
    appointment_id = take(site, noon, name=evil)
    with site.begin() as session:
        add_service(session, "evil", name=evil)
    contact_id = contact_of(site).id

    for path in (
        LIST,
        f"{LIST}/{appointment_id}",
        f"{LIST}/{appointment_id}/cancel",
        "/dashboard/booking/services",
        f"/dashboard/booking/contacts/{contact_id}/book",
    ):
        page = staff.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_h8_the_screens_are_german(site: Site, staff: Client, noon: datetime) -> None:
    appointment_id = take(site, noon)
    staff.headers["accept-language"] = "de"

    assert "Terminplan" in staff.get(LIST).text
    assert "Termin absagen" in staff.get(f"{LIST}/{appointment_id}").text
    assert "Öffnungszeiten" in staff.get("/dashboard/booking/hours").text
    assert "Service hinzufügen" in staff.get("/dashboard/booking/services/new").text
    assert "Termin buchen" in staff.get("/booking").text

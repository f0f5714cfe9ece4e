"""Visitors book over HTTP (FEATURES B1, C4, C10, C12; THREATS T-B7, T-P1, T-P3, T-X3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from litestar.testing import TestClient
from sqlalchemy import func, select

from core import Contact, Site
from core.testing import make_client
from plugins.booking.appointments import book_appointment, new_token
from plugins.booking.hours import save_week
from plugins.booking.models import BookingAppointment, BookingClaim
from plugins.booking.picker import write_start
from plugins.booking.services import find_service
from tests.plugins.booking import sample_boxes
from tests.plugins.booking.conftest import NINE_TO_FIVE, MakeSite, add_service
from tests.plugins.booking.rows import activities, modules_of, rows_of

Client = TestClient[Any]


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with make_client(site) as client:
        client.headers["accept-language"] = "en"
        yield client


@pytest.fixture
def noon(soon: date) -> datetime:
    return datetime.combine(soon, time(12), ZoneInfo("Europe/Berlin")).astimezone(UTC)


def fill(client: Client, starts_at: datetime, **values: str) -> dict[str, str]:
    """Open the form, and answer what a visitor would send."""
    page = client.get(f"/booking/haircut/book?at={write_start(starts_at)}")
    assert page.status_code == 200, page.text
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert token is not None
    return {
        "token": token[1],
        "at": write_start(starts_at),
        "email": "anna@example.org",
        "name": "Anna Müller",
        "phone": "030 1234",
        **values,
    }


def take(site: Site, starts_at: datetime, email: str = "first@example.org") -> int:
    with site.begin() as session:
        return book_appointment(
            session,
            site,
            find_service(session, "haircut"),
            starts_at=starts_at,
            email=email,
            token=new_token(),
        ).id


def test_b1_c4_a_visitor_books_and_becomes_a_customer(site: Site, client: Client, noon: datetime) -> None:
    assert "/booking/haircut" in client.get("/booking").text
    day = noon.date().isoformat()
    assert (
        f"/booking/haircut/book?at={write_start(noon).replace(':', '%3A')}"
        in client.get(f"/booking/haircut?day={day}").text
    )

    answer = client.post("/booking/haircut/book", data=fill(client, noon, note="First floor"), follow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/booking/thanks/")
    thanks = client.get(answer.headers["location"])
    assert thanks.status_code == 200
    assert "12:00 to 13:00" in thanks.text
    assert "anna@example.org" not in thanks.text
    with site.session() as session:
        contact = session.scalars(select(Contact)).one()
        appointment = session.scalars(select(BookingAppointment)).one()
        assert (contact.email, contact.name, contact.stage) == ("anna@example.org", "Anna Müller", "customer")
        assert (appointment.contact_id, appointment.note, appointment.state) == (
            contact.id,
            "First floor",
            "booked",
        )
        assert (appointment.starts_at, appointment.ends_at) == (noon, noon + timedelta(hours=1))
    assert modules_of(site, contact.id) == ["booking"]
    (activity,) = activities(site, contact.id)
    assert (activity.kind, activity.reference) == ("booking.booked", appointment.reference)
    assert activity.data["time"] == "12:00"


def test_t_b7_a_time_taken_in_the_meantime_keeps_the_form(site: Site, client: Client, noon: datetime) -> None:
    data = fill(client, noon, note="A <note>")
    take(site, noon + timedelta(minutes=30))

    answer = client.post("/booking/haircut/book", data=data, follow_redirects=False)

    assert answer.status_code == 409
    assert 'value="Anna Müller"' in answer.text
    assert "A &lt;note&gt;" in answer.text
    offered = re.findall(r'name="at" value="([^"]+)"', answer.text)
    assert write_start(noon + timedelta(minutes=90)) in offered
    assert write_start(noon) not in offered
    assert rows_of(site, Contact) == 1
    assert rows_of(site, BookingAppointment) == 1
    assert rows_of(site, BookingClaim) == 12

    # The same form again, with a fresh time.
    again = {**data, "at": write_start(noon + timedelta(minutes=90))}
    answer = client.post("/booking/haircut/book", data=again, follow_redirects=False)
    assert answer.status_code == 303
    assert rows_of(site, BookingAppointment) == 2


def test_t_p1_a_form_sent_twice_books_once(site: Site, client: Client, noon: datetime) -> None:
    data = fill(client, noon)

    first = client.post("/booking/haircut/book", data=data, follow_redirects=False)
    second = client.post("/booking/haircut/book", data=data, follow_redirects=False)

    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    assert rows_of(site, BookingAppointment) == 1
    with site.session() as session:
        contact_id = session.scalars(select(Contact.id)).one()
    assert len(activities(site, contact_id)) == 1


def test_an_address_with_a_time_that_is_gone_shows_the_free_ones(site: Site, client: Client, noon: datetime) -> None:
    take(site, noon)

    page = client.get(f"/booking/haircut/book?at={write_start(noon)}")

    assert page.status_code == 409
    assert "This time is no longer free" in page.text
    assert write_start(noon + timedelta(hours=1)).replace(":", "%3A") in page.text


@pytest.mark.parametrize("at", ["", "tomorrow", "9999-12-31T23:59Z", "1970-01-01T00:00Z", "2026-02-30T10:00Z"])
def test_a_time_that_is_none_books_nothing(site: Site, client: Client, noon: datetime, at: str) -> None:
    assert client.get("/booking/haircut/book", params={"at": at}).status_code == 409

    answer = client.post("/booking/haircut/book", data={**fill(client, noon), "at": at}, follow_redirects=False)

    assert answer.status_code == 409
    assert rows_of(site, BookingAppointment) == rows_of(site, Contact) == 0


@pytest.mark.parametrize("minutes", [7, 15, -12 * 60])
def test_t_b6_only_an_offered_time_can_be_booked(site: Site, client: Client, noon: datetime, minutes: int) -> None:
    at = write_start(noon + timedelta(minutes=minutes))

    answer = client.post("/booking/haircut/book", data={**fill(client, noon), "at": at}, follow_redirects=False)

    assert answer.status_code == 409
    assert rows_of(site, BookingAppointment) == rows_of(site, Contact) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", ""), ("email", "anna"), ("name", "x" * 201), ("phone", "1" * 51), ("note", "x" * 2001)],
)
def test_what_is_wrong_stands_beside_its_field(
    site: Site, client: Client, noon: datetime, field: str, value: str
) -> None:
    answer = client.post("/booking/haircut/book", data=fill(client, noon, **{field: value}), follow_redirects=False)

    assert answer.status_code == 422
    assert f'id="field-{field}-error"' in answer.text
    assert write_start(noon) in answer.text
    assert rows_of(site, BookingAppointment) == rows_of(site, Contact) == 0


def test_t_p3_a_known_address_discloses_and_changes_nothing_it_should_not(
    site: Site, client: Client, noon: datetime
) -> None:
    take(site, noon)
    with site.begin() as session:
        contact = session.scalars(select(Contact)).one()
        contact.name, contact.phone, contact.locked_at = "Known Person", "040 999", datetime.now(UTC)

    data = fill(client, noon + timedelta(hours=2), email="FIRST@example.org ", name="Somebody", phone="")
    answer = client.post("/booking/haircut/book", data=data, follow_redirects=True)

    assert answer.status_code == 200
    assert "Known Person" not in answer.text
    assert "040 999" not in answer.text
    with site.session() as session:
        contact = session.scalars(select(Contact)).one()
        assert (contact.name, contact.phone) == ("Known Person", "040 999")
        assert session.scalar(select(func.count()).where(BookingAppointment.contact_id == contact.id)) == 2


def test_boxes_of_other_plugins_are_shown_checked_and_told(make_booking_site: MakeSite, noon: datetime) -> None:
    from core.plugins import make_plugin

    site = make_booking_site(make_plugin(sample_boxes, "sample_boxes"))
    with site.begin() as session:
        save_week(session, [NINE_TO_FIVE] * 7)
        add_service(session)
    with make_client(site) as client:
        data = fill(client, noon)
        page = client.get(f"/booking/haircut/book?at={write_start(noon)}").text
        assert "I have read the terms &lt;b&gt;" in page

        refused = client.post("/booking/haircut/book", data=data, follow_redirects=False)
        assert refused.status_code == 422
        assert "field-sample_boxes.terms-error" in refused.text
        assert rows_of(site, BookingAppointment) == 0

        spam = {**data, "email": "spam@example.org", "sample_boxes.terms": "1"}
        rejected = client.post("/booking/haircut/book", data=spam, follow_redirects=False)
        assert rejected.status_code == 422
        assert "Not from this address." in rejected.text
        assert rows_of(site, BookingAppointment) == rows_of(site, BookingClaim) == 0

        data["sample_boxes.terms"] = "1"
        assert client.post("/booking/haircut/book", data=data, follow_redirects=False).status_code == 303
        assert client.post("/booking/haircut/book", data=data, follow_redirects=False).status_code == 303
    with site.session() as session:
        contact_id = session.scalars(select(Contact.id)).one()
    kinds = [(one.kind, one.reference) for one in activities(site, contact_id)]
    assert kinds.count(("sample_boxes.ticked", "sample_boxes.terms")) == 1
    assert ("sample_boxes.ticked", "sample_boxes.news") not in kinds


def test_t_x3_texts_are_shown_as_text(site: Site, client: Client, noon: datetime) -> None:
    evil = "<script>alert(1)</script>{{7*7}}"
    with site.begin() as session:
        service = find_service(session, "haircut")
        service.name, service.description = evil, evil
    data = fill(client, noon, name=evil, note=evil, email="anna", phone=evil[:50])

    pages = [
        client.get("/booking").text,
        client.get("/booking/haircut").text,
        client.post("/booking/haircut/book", data=data, follow_redirects=False).text,
        client.post("/booking/haircut/book", data={**data, "email": "anna@example.org"}, follow_redirects=True).text,
    ]

    for page in pages:
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page


def test_an_altered_token_is_not_used(site: Site, client: Client, noon: datetime) -> None:
    data = {**fill(client, noon), "token": "abc.def"}

    answer = client.post("/booking/haircut/book", data=data, follow_redirects=False)

    assert answer.status_code == 303
    assert client.get("/booking/thanks/abc.def").status_code == 404
    assert client.get(answer.headers["location"]).status_code == 200


@pytest.mark.parametrize("path", ["/booking/none", "/booking/none/book", "/booking/hidden", "/booking/thanks/none"])
def test_what_is_not_there_answers_404(site: Site, client: Client, path: str) -> None:
    with site.begin() as session:
        add_service(session, "hidden", active=False)

    assert client.get(path).status_code == 404


@pytest.mark.parametrize("day", ["", "nonsense", "0001-01-01", "9999-12-31", "2026-13-01"])
def test_any_day_in_the_address_shows_a_page(site: Site, client: Client, day: str) -> None:
    assert client.get("/booking/haircut", params={"day": day}).status_code == 200


def test_h2_switched_off_its_pages_are_gone_and_its_data_stays(site: Site, noon: datetime) -> None:
    take(site, noon)
    with make_client(site.switch("booking", on=False)) as client:
        for path in ("/booking", "/booking/haircut", "/dashboard/booking/appointments"):
            assert client.get(path).status_code == 404
    assert rows_of(site, BookingAppointment) == 1

    with make_client(site.refreshed().switch("booking", on=True)) as client:
        assert client.get("/booking/haircut").status_code == 200

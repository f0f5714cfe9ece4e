"""What the list shows and leaves out: tabs, filters, search; and who may see what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.contacts import counts
from core.contacts.models import Contact, Tag
from core.site import Site
from core.values import Choice, Column, Filter, Permission
from tests.core.contacts.list_support import LIST, MENU, Page, add, everything, open_site, plugin_of, signed_in
from tests.sample_plugin.models import Points


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Any:
    with open_site(tmp_path, fresh_database) as site:
        yield site


def shown(client: Any, **parameters: Any) -> set[int]:
    answer = client.get(LIST, params=parameters)
    assert answer.status_code == 200, answer.text
    return set(Page(answer.text).ids)


def tag_id(site: Site, name: str) -> int:
    with site.session() as session:
        return session.scalars(select(Tag.id).where(Tag.name == name)).one()


def test_l1_tabs_and_their_numbers(site: Site) -> None:
    lead, customer = add(site), add(site, stage="customer")
    gone, gone_customer = add(site, inactive=True), add(site, inactive=True, stage="customer")
    add(site, merged_into=lead)

    with signed_in(site) as client:
        assert shown(client) == {lead, customer}
        assert shown(client, tab="customers") == {customer}
        assert shown(client, tab="leads") == {lead}
        assert shown(client, tab="inactive") == {gone, gone_customer}
        assert client.get(LIST, params={"tab": "merged"}).status_code == 400
        tabs = [text for href, text in Page(client.get(LIST).text).links if text.rpartition(" ")[2].isdigit()]
    assert tabs == ["All 2", "Customers 1", "Leads 1", "Inactive 2"]


def test_l1_on_a_large_site_the_numbers_are_counted_now_and_then(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "FRESH_UP_TO", 2)
    for _ in range(3):
        add(site)
    time = [0.0]
    keeper = counts.CountKeeper(clock=lambda: time[0])
    with site.session() as session:
        assert keeper.counts(session).total == 3
        add(site)
        assert keeper.counts(session).total == 3
    time[0] = counts.FRESH_SECONDS
    with site.session() as session:
        assert keeper.counts(session).total == 4


def test_l4_filters_combine(site: Site) -> None:
    a = add(site, country="DE", tags=("VIP",), modules=("sample_plugin",))
    b = add(site, country="AT", tags=("VIP", "Berlin"), stage="customer")
    c = add(site, country="DE", tags=("Berlin",))
    add(site, country="CH")
    with site.begin() as session:
        session.add(Points(contact_id=c, points=200))
    vip, berlin = tag_id(site, "VIP"), tag_id(site, "Berlin")

    with signed_in(site) as client:
        assert shown(client, **{"contact.tag": vip}) == {a, b}
        assert shown(client, **{"contact.tag": [vip, berlin]}) == {a, b, c}
        assert shown(client, **{"contact.tag": vip, "contact.country": "DE"}) == {a}
        assert shown(client, **{"contact.country": ["DE", "AT"], "contact.stage": "customer"}) == {b}
        assert shown(client, **{"contact.module": "sample_plugin"}) == {a}
        assert shown(client, **{"sample_plugin.level": "gold"}) == {c}
        assert shown(client, **{"sample_plugin.level": "gold", "contact.tag": vip}) == set()
        assert shown(client, **{"contact.tag": berlin, "tab": "customers", "q": "example"}) == {b}


def test_l4_the_address_holds_the_filters_and_links_change_them(site: Site) -> None:
    add(site, country="DE", tags=("VIP",))
    add(site, country="AT", tags=("VIP",))
    vip = tag_id(site, "VIP")
    with signed_in(site) as client:
        shown = {"contact.tag": vip, "q": "example", "tab": "leads"}
        page = Page(client.get(LIST, params=shown).text)
        menu = Page(client.get(f"{LIST}/filter", params={**shown, "filter": "contact.country"}, headers=MENU).text)
        links = {text: href for href, text in (*page.links, *menu.links)}
        narrowed = Page(client.get(links["Germany"]).text)

        assert len(page.ids) == 2
        assert len(narrowed.ids) == 1
        assert "1–1 of 1" in narrowed.html
        assert links["Clear all"] == f"{LIST}?tab=leads"
        for part in ("tab=leads", "q=example", f"contact.tag={vip}", "contact.country=DE"):
            assert part in links["Germany"]


def test_l4_a_value_that_means_nothing_is_left_out_and_said_so(site: Site) -> None:
    one = add(site)
    with signed_in(site) as client:
        answer = client.get(LIST, params={"contact.country": "xx' OR 1=1"})

    assert Page(answer.text).ids == [one]
    assert "This was left out." in answer.text


def test_l4_a_module_that_is_off_is_not_spoken_of(site: Site) -> None:
    one = add(site, modules=("sample_plugin", "elsewhere"))
    with signed_in(site) as client:
        page = Page(client.get(LIST).text)
        menu = client.get(f"{LIST}/filter?filter=contact.module", headers=MENU).text

    label = site.language("en").text(site.plugin_label("sample_plugin"))
    assert page.cell(one, "Modules") == label
    assert label in menu
    assert "elsewhere" not in page.html + menu


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("müller", True),
        ("MÜLLER", True),
        ("Mu\u0308ller", True),
        ("jürgen gro", True),
        ("gross", True),
        ("groß jürgen", True),
        ("jürgen meier", False),
        ("juergen@example", True),
        ("0171 5551", True),
        ("+49 171 5551234", True),
        ("(0171) 555-1234", True),
        ("1234", True),
        ("0171 999", False),
        ("  ", True),
    ],
)
def test_l5_search(site: Site, query: str, found: bool) -> None:
    one = add(site, "juergen@example.org", name="Jürgen Groß Müller", phone="+49 171/5551234")
    with signed_in(site) as client:
        assert shown(client, q=query) == ({one} if found else set())


@pytest.mark.parametrize("query", ["%", "_", "\\", "100%", "a_b", "' OR 1=1 --", "a\\%"])
def test_t_j1_search_takes_signs_literally(site: Site, query: str) -> None:
    add(site, name="Anton")
    one = add(site, name=f"x {query} y")
    with signed_in(site) as client:
        assert shown(client, q=query) == {one}


def test_t_j4_a_search_of_100_kb_is_answered(site: Site) -> None:
    add(site)
    view = {"q": "a " * 50_000}
    with signed_in(site) as client:
        assert client.get(LIST, params={"q": view["q"][:60_000]}).status_code == 200


def test_l4_too_many_filter_values_are_refused(site: Site) -> None:
    with signed_in(site) as client:
        values = [str(number) for number in range(1, 102)]
        assert client.get(LIST, params={"contact.tag": values}).status_code == 400


def test_h7_columns_and_filters_ask_for_their_permission(tmp_path: Path, fresh_database: Callable[..., str]) -> None:
    secret = plugin_of(
        "secret",
        permissions=lambda: [Permission(key="secret.see", label="See", roles=("owner",))],
        contact_columns=lambda: [
            Column(key="secret.id", label="Secret", kind="number", expression=Contact.id, permission="secret.see")
        ],
        contact_filters=lambda: [
            Filter(
                key="secret.id",
                label="Secret",
                predicate=lambda value: Contact.id == int(value),
                choices=lambda session: [Choice(value="1", label="First")],
                permission="secret.see",
            )
        ],
    )
    with open_site(tmp_path, fresh_database, secret) as site:
        one = add(site)
        with signed_in(site) as client:
            assert Page(client.get(LIST).text).cell(one, "Secret") == str(one)
            assert client.get(f"{LIST}?sort=secret.id&secret.id={one}").status_code == 200
        with signed_in(site, "assistant") as client:
            assert "Secret" not in client.get(LIST).text + client.get(f"{LIST}/filter").text
            assert client.get(f"{LIST}?sort=secret.id").status_code == 400
            assert client.get(f"{LIST}?sort=-secret.id").status_code == 400
            assert client.get(f"{LIST}?secret.id={one}").status_code == 400


def test_h7_the_list_is_for_staff(site: Site) -> None:
    from core.testing import make_client

    add(site, name="Only for staff")
    before = everything(site)
    with make_client(site) as client:
        client.follow_redirects = False
        for answer in (
            client.get(LIST),
            client.get(f"{LIST}/new"),
            client.post(f"{LIST}/new", data={"email": "eve@example.org"}),
        ):
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/dashboard/sign-in")
            assert "Only for staff" not in answer.text + client.get(f"{LIST}/filter").text
    assert everything(site) == before

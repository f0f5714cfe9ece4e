"""Columns that people choose, conditions that are combined, and saved views (FEATURES L4, L6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import delete, select

from core import Choice, Column, Contact, Filter, Permission
from core.contacts.criteria import read_text
from core.contacts.matching import contacts_of
from core.contacts.models import ListColumns, Segment, Tag
from core.contacts.views import View, read_view
from core.errors import InvalidInput
from core.site import Site
from core.testing import count_queries, make_client, sign_in
from tests.core.contacts.list_support import LIST, MENU, Page, add, open_site, plugin_of, signed_in
from tests.sample_plugin.models import Points

SAVE = f"{LIST}/segments/save"
VIEWS = f"{LIST}/segments/choose"
NEW = f"{LIST}/segments/new"
NUMBER = Contact.id + 7000


def everyone(permission: str | None) -> bool:
    return True


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[Site]:
    with open_site(tmp_path, fresh_database) as site:
        yield site


@pytest.fixture
def people(site: Site) -> dict[str, int]:
    """Four contacts; gold and silver by the points of the sample plugin, Dora without any."""
    made = {
        "anna": add(site, "anna@example.org", name="Anna", country="DE", tags=("VIP",)),
        "bert": add(
            site, "bert@example.org", name="Bert", country="AT", stage="customer", tags=("VIP", "Bonn"), days=1
        ),
        "cleo": add(site, "cleo@example.org", name="Cleo", country="DE", stage="customer", days=2),
        "dora": add(site, "dora@example.org", name="Dora", days=3),
    }
    with site.begin() as session:
        session.add_all([Points(contact_id=made["anna"], points=200), Points(contact_id=made["cleo"], points=5)])
    return made


def tag_id(site: Site, name: str) -> str:
    with site.session() as session:
        return str(session.scalars(select(Tag.id).where(Tag.name == name)).one())


def names_of(site: Site, people: dict[str, int], view: View) -> str:
    with site.session() as session:
        found = set(session.scalars(contacts_of(site, view)))
    return "".join(name[0] for name, one in people.items() if one in found)


def stored(site: Site) -> list[tuple[Any, ...]]:
    """All segments and chosen columns, to see that nothing changed."""
    with site.session() as session:
        return [
            tuple(row)
            for table in (Segment.__table__, ListColumns.__table__)
            for row in session.execute(select(*table.c).order_by(table.c[0]))
        ]


def save(client: Any, name: str, *, shared: bool = False, **parameters: Any) -> int:
    """Save the list with these parameters; answers the segment's id."""
    answer = client.post(SAVE, params=parameters, data={"name": name, **({"shared": "1"} if shared else {})})
    assert answer.status_code == 303, answer.text
    return int(parse_qs(urlsplit(answer.headers["location"]).query)["segment"][0])


# Conditions


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (["all"], "abcd"),
        (["all", ["contact.country", "DE"]], "ac"),
        (["all", ["!contact.country", "DE"]], "bd"),
        (["all", ["contact.country", "DE", "AT"], ["contact.stage", "customer"]], "bc"),
        (["any", ["contact.country", "AT"], ["sample_plugin.level", "gold"]], "ab"),
        (["none", ["contact.country", "AT"], ["sample_plugin.level", "gold"]], "cd"),
        (["all", ["contact.country", "DE"], ["any", ["sample_plugin.level", "gold"], ["contact.stage", "lead"]]], "a"),
        (["all", ["!contact.stage", "lead"], ["none", ["contact.search", "has:cleo"]]], "b"),
        (["any", ["all", ["contact.country", "DE"], ["contact.stage", "lead"]], ["contact.search", "has:dora"]], "ad"),
        (["all", ["contact.joined", "2026-03-02..2026-03-03"]], "bc"),
        (["all", ["!contact.joined", "..2026-03-03"]], "d"),
        (["all", ["any"], ["contact.country", "AT"]], "b"),
    ],
)
def test_l6_conditions_are_combined(site: Site, people: dict[str, int], where: list[Any], expected: str) -> None:
    view = read_view([("where", json.dumps(where))], site, everyone)
    assert names_of(site, people, view) == expected


def test_l6_not_means_everyone_else_also_without_a_value(tmp_path: Path, fresh_database: Callable[..., str]) -> None:
    points = Points.__table__.c
    scalar = select(points.points).where(points.contact_id == Contact.id).correlate(Contact).scalar_subquery()
    odd = plugin_of(
        "odd",
        contact_filters=lambda: [
            Filter(
                key="odd.rich",
                label="Rich",
                # Neither true nor false for whoever has no row.
                predicate=lambda value: scalar > 100,
                choices=lambda session: [Choice(value="yes", label="Yes")],
            )
        ],
    )
    with open_site(tmp_path, fresh_database, odd) as site:
        rich, poor, none = add(site), add(site), add(site)
        with site.begin() as session:
            session.add_all([Points(contact_id=rich, points=200), Points(contact_id=poor, points=5)])
        view = read_view([("where", '["all",["!odd.rich","yes"]]')], site, everyone)
        with site.session() as session:
            assert set(session.scalars(contacts_of(site, view))) == {poor, none}


@pytest.mark.parametrize(
    "text",
    ["x", "{}", "[]", '["some"]', '["all",["contact.country"]]', '["all",[1,2]]', "[" * 7000, '["all",' * 9 + "]" * 9],
)
def test_l6_conditions_that_can_not_be_read_are_refused(site: Site, text: str) -> None:
    with pytest.raises(InvalidInput):
        read_text(text)
    with signed_in(site) as client:
        assert client.get(LIST, params={"where": text}).status_code == 400


def test_l6_too_many_conditions_are_refused(site: Site) -> None:
    many = ["all", *(["contact.country", "DE"] for _ in range(51))]
    with signed_in(site) as client:
        assert client.get(LIST, params={"where": json.dumps(many)}).status_code == 400


def test_t_j1_conditions_take_signs_literally(site: Site, people: dict[str, int]) -> None:
    with signed_in(site) as client:
        for value in ("x' OR 1=1 --", "%", "_", "<script>alert(1)</script>"):
            page = client.get(LIST, params={"where": json.dumps(["all", ["contact.search", f"has:{value}"]])})
            assert Page(page.text).ids == []
            assert "<script>alert" not in page.text


# Columns


def choose(client: Any, *columns: str, query: str = "", **fields: str) -> Any:
    """Send the form of the columns; those with `-` are hidden."""
    data = {
        "column": [one.removeprefix("-") for one in columns],
        "shown": [one for one in columns if not one.startswith("-")],
        **fields,
    }
    return client.post(f"{LIST}/columns{query}", data=data)


def test_l6_columns_are_chosen_ordered_and_hidden_by_each_person(site: Site, people: dict[str, int]) -> None:
    with signed_in(site) as client, signed_in(site, "manager") as colleague:
        usual = Page(client.get(LIST).text).heads
        order = ("contact.joined", "contact.email", "-contact.phone", "-contact.country", "-sample_plugin.level")
        answer = choose(client, *order, do="save")

        assert answer.status_code == 303
        heads = Page(client.get(LIST).text).heads
        assert heads[:3] == ["Name", "Joined", "Email"]
        assert not {"Phone number", "Country", "Level"} & set(heads)
        # What the form did not name, as a new plugin's column, is there by its default.
        assert "Points" in heads
        assert Page(colleague.get(LIST).text).heads == usual

        assert choose(client, *order, do="standard").status_code == 303
        assert Page(client.get(LIST).text).heads == usual
    with site.session() as session:
        assert session.scalars(select(ListColumns)).all() == []


def test_l6_without_scripts_an_arrow_moves_a_column_and_saves_nothing(site: Site) -> None:
    with signed_in(site) as client:
        answer = choose(client, "contact.name", "contact.email", "-contact.phone", move="up:contact.phone")
        page = answer.text
        again = choose(client, "contact.name", "contact.email", move="up:contact.email").text

    assert answer.status_code == 200
    assert page.index('value="contact.phone" id=') < page.index('value="contact.email" id=')
    assert again.index('value="contact.name" id=') < again.index('value="contact.email" id=')
    assert stored(site) == []


def test_l6_hidden_columns_cost_nothing(site: Site, people: dict[str, int]) -> None:
    with signed_in(site) as client:
        choose(client, "-contact.tags", "-contact.modules", "-sample_plugin.points", "-sample_plugin.level", do="save")
        with count_queries(site) as queries:
            client.get(LIST)

    assert not [one for one in queries.statements if "contact_tags" in one or "points" in one]


def test_t_z6_columns_that_a_person_may_not_see_never_show(tmp_path: Path, fresh_database: Callable[..., str]) -> None:
    secret = plugin_of(
        "secret",
        permissions=lambda: [Permission(key="secret.see", label="See", roles=("owner",))],
        contact_columns=lambda: [
            Column(
                key="secret.id", label="Secret", kind="number", expression=Contact.id + 7000, permission="secret.see"
            )
        ],
        contact_filters=lambda: [
            Filter(
                key="secret.id",
                label="Secret",
                predicate=lambda value: Contact.id == int(value),
                choices=lambda session: [Choice(value="1", label="First")],
                open_choices=True,
                permission="secret.see",
            )
        ],
    )
    with open_site(tmp_path, fresh_database, secret) as site:
        one = add(site)
        with signed_in(site) as owner, signed_in(site, "assistant") as client:
            segment = save(owner, "Secret", shared=True, sort="secret.id", **{"secret.id": str(one)})
            assert Page(owner.get(LIST, params={"segment": segment}).text).cell(one, "Secret") == f"7,{one:03}"
            assert "Secret" not in client.get(f"{LIST}/columns").text
            answer = client.get(LIST, params={"columns": "contact.name,secret.id"})
            assert answer.status_code == 200
            assert "Secret" not in Page(answer.text).heads
            assert choose(client, "contact.name", "secret.id", do="save").status_code == 303
            assert "Secret" not in Page(client.get(LIST).text).heads
            # The segment of the owner: refused, and nothing to learn from order or filter.
            page = client.get(LIST, params={"segment": segment})
            assert Page(page.text).ids == []
            assert "which your role may not see" in page.text
            assert f"7,{one:03}" not in page.text
            assert client.get(LIST, params={"where": f'["all",["secret.id","{one}"]]'}).text.count("data-row-link") == 0
            assert "Secret" not in client.get(NEW).text


# Segments


def test_l6_a_segment_is_live_and_the_same_for_a_colleague(site: Site, people: dict[str, int]) -> None:
    vip = tag_id(site, "VIP")
    with signed_in(site) as client, signed_in(site, "assistant") as colleague:
        choose(client, "contact.joined", "contact.email", "-contact.phone", do="save")
        segment = save(client, "VIPs by name", sort="contact.name", **{"contact.tag": vip, "q": "example"})
        for one in (client, colleague):
            page = Page(one.get(LIST, params={"segment": segment}).text)
            assert page.ids == [people["anna"], people["bert"]]
            assert page.heads[1] == "Joined"
            assert "Phone number" not in page.heads
            assert "VIPs by name" in page.html
        # Somebody's own stands in nobody else's menu.
        assert "VIPs by name" in client.get(VIEWS).text
        assert "VIPs by name" not in colleague.get(VIEWS).text

        late = add(site, "zoe@example.org", name="Zoe", tags=("VIP",))
        assert Page(colleague.get(LIST, params={"segment": segment}).text).ids[-1] == late
        assert colleague.get(LIST, params={"segment": segment + 1}).status_code == 404
        assert colleague.get(LIST, params={"segment": "x"}).status_code == 404


def test_l6_parameters_come_on_top_and_changes_are_kept_or_dropped(site: Site, people: dict[str, int]) -> None:
    vip = tag_id(site, "VIP")
    with signed_in(site) as client:
        segment = save(client, "VIPs", **{"contact.tag": vip})
        unchanged = client.get(LIST, params={"segment": segment}).text
        narrowed = client.get(LIST, params={"segment": segment, "contact.country": "DE", "sort": "contact.name"})

        assert "changed" not in unchanged
        assert Page(narrowed.text).ids == [people["anna"]]
        links = {text: href for href, text in Page(narrowed.text).links}
        assert "changed" in narrowed.text
        assert links["Discard"] == f"{LIST}?segment={segment}"
        # Taking away what the segment asks for leaves its own condition out of the address' list.
        gone = client.get(LIST, params={"segment": segment, "where": '["all"]'})
        assert len(Page(gone.text).ids) == 4

        query = {"segment": segment, "contact.country": "DE", "sort": "contact.name"}
        kept = client.post(f"{LIST}/segments/{segment}/save", params=query)
        assert kept.headers["location"] == f"{LIST}?segment={segment}"
        page = client.get(LIST, params={"segment": segment}).text
        assert Page(page).ids == [people["anna"]]
        assert "Country is Germany" in page
        assert "changed" not in page


def test_l6_a_segment_is_understood_by_the_one_path(site: Site, people: dict[str, int]) -> None:
    """Counts, cursors, „all that match“: everything asks `contacts_of` or `match` with a view."""
    with signed_in(site) as client:
        segment = save(client, "Customers", tab="customers", **{"contact.country": "DE"})
    view = read_view([("segment", str(segment))], site, everyone)

    assert names_of(site, people, view) == "c"
    assert names_of(site, people, read_view([*view.parameters(), ("tab", "all")], site, everyone)) == "ac"
    assert view.address() == f"{LIST}?segment={segment}"


def test_l6_pages_of_a_segment_keep_it(site: Site) -> None:
    from tests.core.contacts.list_support import add_many

    add_many(site, 60)
    with signed_in(site) as client:
        segment = save(client, "Many", sort="contact.name", **{"contact.stage": "lead"})
        first = Page(client.get(LIST, params={"segment": segment}).text)
        second = Page(client.get(first.next).text)

    assert f"segment={segment}" in first.next
    assert len(second.ids) == 10
    assert not set(first.ids) & set(second.ids)


def test_l6_what_a_segment_asks_for_and_is_gone_is_named_and_shows_nobody(site: Site, people: dict[str, int]) -> None:
    vip = tag_id(site, "VIP")
    with signed_in(site) as client:
        tagged = save(client, "Not VIP", where=json.dumps(["all", ["!contact.tag", vip]]))
        gold = save(client, "Not gold", where=json.dumps(["none", ["sample_plugin.level", "gold"]]))
        assert len(Page(client.get(LIST, params={"segment": gold}).text).ids) == 3

        with site.begin() as session:
            session.execute(delete(Tag).where(Tag.id == int(vip)))
        page = client.get(LIST, params={"segment": tagged}).text
        assert Page(page).ids == []
        assert "“Tag” knows no “VIP” any more" in page
        assert "Tag is not VIP" in page
        with pytest.raises(InvalidInput):
            contacts_of(site, read_view([("segment", str(tagged))], site, everyone))

        off = site.switch("sample_plugin", False)
        view = read_view([("segment", str(gold))], off, everyone)
        with pytest.raises(InvalidInput):
            contacts_of(off, view)
        with make_client(off) as other:
            other.headers["accept-language"] = "en"
            sign_in(off, other, "manager")
            page = other.get(LIST, params={"segment": gold}).text
            assert Page(page).ids == []
            assert "asks for “Level”, and the module “Loyalty” is off" in page
            # Removing that condition shows contacts again, and the builder names it.
            assert len(Page(other.get(LIST, params={"segment": gold, "where": '["all"]'}).text).ids) == 4
            assert "Level" in other.get(NEW, params={"segment": gold}).text
        site.switch("sample_plugin", True)
    view = read_view([("segment", str(gold))], site, everyone)
    assert names_of(site, people, view) == "bcd"


def test_l6_the_order_of_a_column_that_is_gone_is_said(site: Site, people: dict[str, int]) -> None:
    with signed_in(site) as client:
        segment = save(client, "By points", shared=True, sort="-sample_plugin.points")
    off = site.switch("sample_plugin", False)
    with make_client(off) as client:
        sign_in(off, client, "manager")
        client.headers["accept-language"] = "en"
        page = client.get(LIST, params={"segment": segment}).text
    assert Page(page).ids == [people[name] for name in ("dora", "cleo", "bert", "anna")]
    assert "sorted by “sample_plugin.points”" in page
    site.switch("sample_plugin", True)


def test_h7_who_may_change_a_segment(site: Site, people: dict[str, int]) -> None:
    with signed_in(site) as owner:
        shared = save(owner, "Everyone's", shared=True, **{"contact.country": "DE"})
        own = save(owner, "Mine", **{"contact.country": "AT"})
    before = stored(site)
    with signed_in(site, "assistant") as client:
        assert "Everyone&#39;s" in client.get(VIEWS).text
        assert client.post(SAVE, data={"name": "For all", "shared": "1"}).status_code == 422
        for one in (shared, own):
            assert client.post(f"{LIST}/segments/{one}/save", params={"segment": one}).status_code == 400
            assert client.get(f"{LIST}/segments/{one}").status_code == 400
            assert client.get(f"{LIST}/segments/{one}/delete").status_code == 400
            assert client.post(f"{LIST}/segments/{one}/delete").status_code == 400
            assert client.post(f"{LIST}/segments/{one}", data={"do": "save", "name": "x"}).status_code == 400
    with signed_in(site, "manager") as manager:
        assert manager.post(f"{LIST}/segments/{own}/delete").status_code == 400
        assert stored(site) == before
        assert manager.post(f"{LIST}/segments/{shared}/delete").status_code == 303
    with site.session() as session:
        assert session.scalars(select(Segment.name)).all() == ["Mine"]


def test_l6_names_are_unique_for_each_person_and_for_everyone(site: Site) -> None:
    with signed_in(site) as client, signed_in(site, "manager") as colleague:
        save(client, "VIP")
        save(client, "VIP", shared=True)
        save(colleague, "vip")
        before = stored(site)
        for one, fields in ((client, {}), (client, {"shared": "1"}), (colleague, {"shared": "1"})):
            answer = one.post(SAVE, data={"name": " vIP ", **fields})
            assert answer.status_code == 422
            assert "There is a view of this name already" in answer.text
        assert client.post(SAVE, data={"name": "  "}).status_code == 422
        assert client.post(SAVE, data={"name": "x" * 81}).status_code == 422
        assert stored(site) == before


# The builder


def test_l4_l6_conditions_are_built_without_scripts(site: Site, people: dict[str, int]) -> None:
    """Each button sends the form; what comes back is sent on with one thing more, as a browser would."""
    fields: dict[str, Any] = {"node": ["c1@g0"], "c1-filter": "contact.country", "g0-join": "all", "tab": "all"}
    with signed_in(site) as client:
        chosen = client.post(NEW, data={**fields, "do": "refresh"})
        assert chosen.status_code == 200
        assert 'name="c1-value"' in chosen.text
        assert "4 contacts" in chosen.text

        fields |= {"c1-of": "contact.country", "c1-value": ["DE"]}
        assert "2 contacts" in client.post(NEW, data={**fields, "do": "refresh"}).text
        grouped = client.post(NEW, data={**fields, "do": "group:g0"}).text
        assert 'value="g2@g0"' in grouped
        assert 'value="c3@g2"' in grouped

        fields |= {
            "node": ["c1@g0", "g2@g0", "c3@g2", "c4@g2"],
            "g2-join": "any",
            "c3-filter": "sample_plugin.level",
            "c3-of": "sample_plugin.level",
            "c3-value": ["gold"],
            "c4-filter": "contact.joined",
            "c4-of": "contact.joined",
            "c4-operator": "min",
            "c4-low": "",
        }
        half = client.post(NEW, data={**fields, "do": "refresh"}).text
        assert "1 contact<" in half
        refused = client.post(NEW, data={**fields, "do": "save", "name": "Good ones"})
        assert refused.status_code == 422
        assert "Enter a day." in refused.text
        assert stored(site) == []

        fields["c4-low"] = "2026-03-03"
        done = client.post(NEW, data={**fields, "do": "refresh"}).text
        assert "Country is Germany and (Level is Gold or Joined from 03/03/2026 on)" in done
        removed = client.post(NEW, data={**fields, "do": "remove:g2"}).text
        assert "c3-filter" not in removed

        shown = client.post(NEW, data={**fields, "do": "show"})
        assert shown.status_code == 303
        assert set(Page(client.get(shown.headers["location"]).text).ids) == {people["anna"], people["cleo"]}
        saved = client.post(NEW, data={**fields, "do": "save", "name": "Good ones", "shared": "1"})
        address = saved.headers["location"]
        assert set(Page(client.get(address).text).ids) == {people["anna"], people["cleo"]}

        # Again in the builder: renamed and changed, by two at once.
        segment = int(address.rpartition("=")[2])
        edit = client.get(f"{LIST}/segments/{segment}").text
        assert 'value="Good ones"' in edit
        fields |= {"name": "Better ones", "do": "save", "version": "1", "g2-join": "none", "shared": "1"}
        assert client.post(f"{LIST}/segments/{segment}", data=fields).status_code == 303
        assert Page(client.get(address).text).ids == []
        late = client.post(f"{LIST}/segments/{segment}", data={**fields, "name": "Worse"})
        assert late.status_code == 409
        assert "Somebody else has changed this view" in late.text
    with site.session() as session:
        assert session.scalars(select(Segment.name)).all() == ["Better ones"]


def test_l4_a_filter_that_is_typed_goes_into_the_address(site: Site, people: dict[str, int]) -> None:
    page_of = f"{LIST}/filter"
    with signed_in(site) as client:
        asked = {"filter": "contact.joined", "apply": "1", "operator": "between", "contact.country": "DE"}
        wrong = client.get(page_of, params={**asked, "low": "2026-03-03", "high": "2026-03-01"})
        assert wrong.status_code == 422
        assert "The second value must not lie before the first." in wrong.text
        answer = client.get(page_of, params={**asked, "low": "2026-03-02", "high": "2026-03-03"})
        address = answer.headers["location"]
        page = Page(client.get(address).text)

        assert parse_qs(urlsplit(address).query) == {
            "contact.country": ["DE"],
            "contact.joined": ["2026-03-02..2026-03-03"],
        }
        assert page.ids == [people["cleo"]]
        assert "from 02/03/2026 to 03/03/2026" in page.html
        several = client.get(page_of, params={"filter": "contact.country", "apply": "1", "value": ["DE", "AT"]})
        assert several.headers["location"] == f"{LIST}?contact.country=DE&contact.country=AT"
        assert client.get(page_of, params={"filter": "contact.nothing"}).status_code == 404


def test_l4_a_menu_with_many_choices_stays_usable(site: Site) -> None:
    add(site, tags=tuple(f"Tag {number:03}" for number in range(120)))
    with signed_in(site) as client:
        page = client.get(f"{LIST}/filter?filter=contact.tag", headers=MENU).text
        whole = client.get(f"{LIST}/filter?filter=contact.tag").text
        found = client.get(f"{LIST}/filter?filter=contact.tag&find=119").text

    assert Page(page).html.count("contact.tag=") == 40
    assert "80 more: find and choose several" in page
    assert whole.count('name="value"') == 120
    assert found.count('name="value"') == 1

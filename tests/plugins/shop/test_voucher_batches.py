"""Vouchers in bulk, and who has used them (FEATURES S3)."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from core.site import Site
from core.testing import count_queries, sign_in
from core.values import SYSTEM
from plugins.shop import voucher_batches
from plugins.shop.models import Voucher, VoucherBatch
from plugins.shop.states import take_step
from plugins.shop.vouchers import VoucherRefused, usable_codes
from tests.plugins.shop.helpers import Client, add, count, everything, order

VOUCHERS = "/dashboard/shop/vouchers"
FORM = {"name": "Fair", "number": "60", "prefix": "fair 26", "kind": "percent", "value": "10", "limit": "1"}


def make(client: Client, **changes: str) -> Any:
    return client.post(f"{VOUCHERS}/batches/new", data={**FORM, **changes}, follow_redirects=False)


def codes(client: Client, path: str) -> list[str]:
    return [row["Code"] for row in csv.DictReader(io.StringIO(client.get(f"{path}/codes?format=csv").text))]


def test_s3_many_codes_at_once_each_used_once(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voucher_batches, "CHUNK", 25)
    sign_in(site, client)
    answer = make(client)
    assert answer.status_code == 303, answer.text
    batch = answer.headers["location"]
    made = codes(client, batch)
    assert len(set(made)) == len(made) == 60
    assert all(re.fullmatch(r"fair 26-[A-Z2-9]{5}-[A-Z2-9]{5}", code) for code in made)

    page = client.get(VOUCHERS).text
    assert "Fair" in page
    assert made[0] not in page
    assert made[0] in client.get(f"{VOUCHERS}?q={made[0][:11]}").text
    newest = client.get(batch).text
    assert (made[-1] in newest, made[0] in newest) == (True, False)
    older = re.search(rf'href="({batch}\?before=\d+)"', newest)
    assert older is not None
    assert made[0] in client.get(older[1]).text
    with site.session() as session:
        assert usable_codes(session, site) == []

    bread = add(site, price=1000)
    first = order(site, (bread, 1), voucher=made[0].lower())
    assert first.total.minor == 900
    with pytest.raises(VoucherRefused):
        order(site, (bread, 1), voucher=made[0], email="b@example.org")
    order(site, (bread, 2), voucher=made[1], email="b@example.org")
    uses = client.get(f"{batch}/uses").text
    assert all(text in uses for text in (made[0], made[1], first.number, "€3.00", "€27.00"))
    [one, two] = csv.DictReader(io.StringIO(client.get(f"{batch}/uses/export?format=csv").text))
    assert (one["Code"], one["Taken off"], one["Total"], two["Order"]) == (made[1], "2.00", "18.00", first.number)

    # Only what nobody has used goes, and the batch with its last code.
    assert client.post(f"{batch}/active", data={"active": ""}).status_code == 200
    with pytest.raises(VoucherRefused):
        order(site, (bread, 1), voucher=made[2], email="c@example.org")
    assert "58 codes" in client.get(f"{batch}/delete").text
    client.post(f"{batch}/delete")
    assert sorted(codes(client, batch)) == sorted(made[:2])
    with site.begin() as session:
        take_step(session, first.id, "cancelled", SYSTEM)
    assert first.number not in client.get(f"{batch}/uses").text
    client.post(f"{batch}/delete")
    assert (count(site, Voucher), count(site, VoucherBatch)) == (1, 1)


def test_s3_who_has_used_a_voucher(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        voucher_batches.list_uses, "__kwdefaults__", {**voucher_batches.list_uses.__kwdefaults__, "limit": 2}
    )
    sign_in(site, client)
    client.post(f"{VOUCHERS}/new", data={"code": "TEN", "kind": "fixed", "value": "1,00", "limit": "9"})
    uses = f"{VOUCHERS}/1/uses"
    assert "Not used yet" in client.get(uses).text
    bread = add(site, price=500)

    def queries() -> int:
        with count_queries(site) as counted:
            assert client.get(uses).status_code == 200
        return len([one for one in counted.statements if "site_state" not in one])

    first = order(site, (bread, 1), voucher="TEN")
    queries()
    few = queries()
    numbers = [first.number, *(order(site, (bread, 1), voucher="TEN", email=f"{n}@e.org").number for n in range(2))]
    assert queries() == few
    page = client.get(uses).text
    assert [number in page for number in numbers] == [False, True, True]
    older = re.search(rf'href="({uses}\?before=\d+)"', page)
    assert older is not None
    assert numbers[0] in client.get(older[1]).text
    assert client.get(f"{VOUCHERS}/9/uses").status_code == client.get(f"{VOUCHERS}/batches/9").status_code == 404


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_s3_what_can_t_be_is_said_beside_the_field(site: Site, client: Client) -> None:
    sign_in(site, client)
    before = everything(site)
    for changes, field in (
        ({"number": "10001"}, "number"),
        ({"number": ""}, "number"),
        ({"name": ""}, "name"),
        ({"prefix": "x" * 29}, "prefix"),
        ({"value": "0"}, "value"),
        ({"ends_on": "2020-01-01", "starts_on": "2020-02-01"}, "ends_on"),
    ):
        answer = make(client, **changes)
        assert answer.status_code == 422
        assert f'id="field-{field}-error"' in answer.text, changes
    assert everything(site) == before


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_s3_assistants_make_no_codes(site: Site, client: Client) -> None:
    sign_in(site, client, "assistant")
    assert make(client).status_code == 403
    assert client.get(f"{VOUCHERS}/1/uses/export").status_code == 403
    with site.session() as session:
        assert session.scalar(select(func.count()).select_from(Voucher)) == 0

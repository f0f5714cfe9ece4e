"""Which two addresses are the same (FEATURES C1): properties that hold for any address."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.contacts.addresses import MAX_LENGTH, parse_address
from core.errors import InvalidEmail

LOCAL = st.text("abcdefghijklmnopqrstuvwxyzäöüßéçñøABCXYZÄÖÜ0123456789+_-", min_size=1, max_size=20)
LABEL = st.text("abcdefghijklmnopqrstuvwxyzäöüéßABCÄÖÜ0123456789", min_size=1, max_size=12)
SPACE = st.text(" \t\n\r\u00a0", max_size=3)


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """An address that is one: local parts and domains of many letters."""
    address = f"{draw(LOCAL)}@{draw(LABEL)}.{draw(LABEL)}.example"
    try:
        parse_address(address)
    except InvalidEmail:
        assume(False)
    return address


@given(addresses(), SPACE, SPACE)
def test_c1_space_around_does_not_count(address: str, before: str, after: str) -> None:
    assert parse_address(f"{before}{address}{after}").key == parse_address(address).key
    assert parse_address(f"{before}{address}{after}").email == address


@given(addresses())
def test_c1_letter_case_does_not_count(address: str) -> None:
    key = parse_address(address).key
    assert parse_address(address.lower()).key == key
    # ß has no capital that every speller agrees on, and is left out where it would become SS in a domain.
    if "ß" not in address:
        assert parse_address(address.upper()).key == key


@given(addresses())
def test_c1_a_letter_and_its_accent_are_one_however_they_were_typed(address: str) -> None:
    assert parse_address(unicodedata.normalize("NFD", address)).key == parse_address(address).key


@given(addresses())
def test_c1_an_international_domain_is_the_same_in_its_ascii_form(address: str) -> None:
    key = parse_address(address).key
    local = address.partition("@")[0]
    domain = key.partition("@")[2]
    assert domain.isascii()
    assert parse_address(f"{local}@{domain}").key == key


@given(addresses())
def test_c1_a_key_is_its_own_key(address: str) -> None:
    key = parse_address(address).key
    assert parse_address(key).key == key


@given(addresses(), addresses())
def test_c1_different_domains_are_different_contacts(one: str, other: str) -> None:
    first, second = parse_address(one).key, parse_address(other).key
    assume(first.partition("@")[2] != second.partition("@")[2])
    assert first != second


@given(st.text(max_size=400))
def test_whatever_is_typed_is_an_address_or_refused(text: str) -> None:
    try:
        parsed = parse_address(text)
    except InvalidEmail:
        return
    assert len(parsed.email) <= MAX_LENGTH
    assert parse_address(parsed.email).key == parsed.key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "anna",
        "anna@",
        "@example.org",
        "anna@@example.org",
        "anna@example",
        "anna@exa mple.org",
        "anna@example.org, b@example.org",
        "anna\x00@example.org",
        "anna@example.org\r\nBcc: b@example.org",
        "anna@" + "a" * 250 + ".org",
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(InvalidEmail):
        parse_address(text)

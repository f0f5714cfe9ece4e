"""The quick way for plain addresses agrees with the library (FEATURES C1)."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.contacts import addresses
from core.contacts.addresses import parse_address, plain_address

PARTS = st.text("aZ09-_+.!'x", max_size=70)
DOMAINS = st.lists(st.text("aZ09-nx", min_size=1, max_size=66), min_size=1, max_size=7).map(".".join)
ENDINGS = st.sampled_from(["de", "com", "Test", "example", "local", "xn--p1ai", "museum", "c", "1a", "onion", "org"])
LIKELY = st.builds(lambda local, domain, ending: f"{local}@{domain}.{ending}", PARTS, DOMAINS, ENDINGS)


@settings(max_examples=400)
@given(LIKELY | st.from_regex(addresses._PLAIN, fullmatch=True))
@example("a@b.de")
@example(f"{'a' * 64}@b.de")
@example(f"{'a' * 65}@b.de")
@example(f"a@{'b' * 63}.de")
@example("a@b.test")
@example("a@ab--c.de")
@example("Anna.Müller@example.org")
def test_c1_what_the_quick_way_takes_the_library_takes_with_the_same_key(text: str) -> None:
    plain = plain_address(text)

    if plain is not None:
        assert addresses._parse_any(text) == plain


def test_c1_the_quick_way_takes_what_is_usual() -> None:
    for text in ("anna@example.org", "Anna.Mueller+shop@mail.example.co.uk", "a_b-c@x1.de", "info@müller.de"):
        assert (plain_address(text) is not None) == text.isascii()
        assert parse_address(text).key == re.sub("müller", "xn--mller-kva", text.lower())

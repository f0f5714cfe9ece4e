"""Nobody writes to many past what they have agreed to: personal messages are for few, who were chosen (FEATURES M3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import evolve
from sqlalchemy import update

from core.errors import InvalidInput
from core.messages.models import Newsletter, NewsletterRecipient
from core.messages.newsletters import Draft, add_draft, change_draft, go_on, start
from core.messages.topics import PERSONAL_MOST
from tests.core.messages.mail_support import ADA, mail_site, staff
from tests.core.messages.test_newsletters import HERE, newsletter, newsletter_count, people, words

REFUSED = "Personal messages go to one person, or to 50 chosen contacts at most."
LETTER = Draft(subject="News", text="Text", purpose="personal", topic="", audience="all")


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_m3_a_newsletter_is_never_personal(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "smtp://127.0.0.1:9")
    ids = people(site, PERSONAL_MOST + 1)
    form = {"subject": "News", "text": "Text", "purpose": "personal", "audience": "all"}

    with staff(site, "owner") as client:

        def choose(number: int) -> str:
            page = client.post(
                "/dashboard/contacts/bulk", data={"action": "message.write", "id": [str(one) for one in ids[:number]]}
            )
            selection = re.search(r'name="selection" value="(\d+)"', page.text)
            assert selection
            return selection[1]

        # The forms: offered for few who were chosen, refused for more and for an audience.
        many, few = choose(PERSONAL_MOST + 1), choose(PERSONAL_MOST)
        offered = 'value="personal"'
        assert offered not in client.get(f"{HERE}/new").text
        assert offered not in client.get(f"{HERE}/new?selection={many}").text
        assert offered in client.get(f"{HERE}/new?selection={few}").text
        for to in ({"audience": "all"}, {"selection": many}):
            refused = client.post(f"{HERE}/new", data={**form, **to})
            assert (refused.status_code, REFUSED in words(refused.text)) == (422, True)
        # There is no other way in: the API writes to one person at a time.
        assert client.post("/api/v1/newsletters", json=form).status_code == 404
        assert "newsletters" not in client.get("/api/openapi.json").text
        assert newsletter_count(site) == 0

        path = str(client.post(f"{HERE}/new", data={**form, "selection": few}).url.path)
        assert "50 of 50" in words(client.get(path).text)
        # A draft that came about in another way, as before there was this rule, says so and goes nowhere.
        with site.begin() as session:
            session.add(NewsletterRecipient(newsletter_id=newsletter(site).id, contact_id=ids[-1]))
        page = words(client.get(path).text)
        assert REFUSED in page
        assert "Send to" not in page
        sent = client.post(f"{path}/send", data={"number": "51", "version": "1"})
        assert (sent.status_code, REFUSED in words(sent.text)) == (422, True)
        assert offered not in client.get(f"{path}/edit").text
        with site.begin() as session:
            session.execute(update(Newsletter).values(state="stopped"))
        assert REFUSED in words(client.post(f"{path}/go-on").text)
        assert newsletter(site).state == "stopped"

    # Nor do those who call the functions themselves.
    with site.begin() as session:
        for audience in ("all", "segment"):
            with pytest.raises(InvalidInput, match="system notification"):
                add_draft(session, site, evolve(LETTER, audience=audience, segment_id=1), actor=ADA)
        made = add_draft(session, site, evolve(LETTER, purpose="system"), actor=ADA)
        with pytest.raises(InvalidInput):
            change_draft(session, site, made, LETTER, version=1, actor=ADA)
        session.execute(update(Newsletter).where(Newsletter.id == made).values(purpose="personal"))
        with pytest.raises(InvalidInput):
            start(session, site, made, lambda _permission: True, expected=len(ids))
        session.execute(update(Newsletter).where(Newsletter.id == made).values(state="stopped"))
        with pytest.raises(InvalidInput):
            go_on(session, made)
    site.close()

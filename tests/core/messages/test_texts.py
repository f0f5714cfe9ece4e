"""Templates: staff's own and the plugins', with placeholders of a fixed list only (FEATURES M1; THREATS T-J2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import select

from core import InvalidInput, MessageTemplate, Site
from core.messages.models import MessageText
from core.messages.placeholders import PLACEHOLDER_LABELS, check_placeholders, fill
from core.testing import make_site
from tests.core.messages.mail_support import shown_errors, staff

PATH = "/dashboard/messages/templates"
FORM = {"name": "Reminder", "subject": "For {{name}}", "body": "Dear {{name}},\nsee you.", "purpose": "personal"}


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    opened = make_site(tmp_path, database_url=database_url, language="en")
    yield opened
    opened.close()


def texts(site: Site) -> list[tuple[str, str, str, str]]:
    with site.session() as session:
        rows = session.scalars(select(MessageText).order_by(MessageText.id))
        return [(row.name, row.subject, row.body, row.purpose) for row in rows]


def test_m1_a_template_is_added_changed_and_removed(site: Site) -> None:
    with staff(site, "manager") as client:
        assert "No templates of your own yet" in client.get(PATH).text
        assert "Template “Reminder” saved." in client.post(f"{PATH}/new", data=FORM).text
        page = client.get(PATH).text
        (edit,) = set(re.findall(rf'href="({PATH}/\d+/edit)"', page))
        assert "Dear {{name}}," in client.get(edit).text
        client.post(edit, data={**FORM, "name": "Invitation", "purpose": "marketing"})
        assert texts(site) == [("Invitation", FORM["subject"], FORM["body"], "marketing")]
        remove = edit.replace("/edit", "/remove")
        assert "“Invitation” is removed" in client.get(remove).text
        assert len(texts(site)) == 1, "asking changes nothing"
        client.post(remove)
        assert texts(site) == []
        assert client.get(edit).status_code == 404
        assert client.post(edit, data=FORM).status_code == 404


def test_m1_the_preview_shows_an_example_and_saves_nothing(site: Site) -> None:
    with staff(site, "manager") as client:
        page = client.post(f"{PATH}/new", data={**FORM, "body": "<b>{{name}}</b> {{city}}", "do": "preview"}).text

    assert "For Anna Müller" in page
    assert "&lt;b&gt;Anna Müller&lt;/b&gt; Bonn" in page
    assert texts(site) == []


@pytest.mark.parametrize(
    "evil",
    ["{{7*7}}", "{{nmae}}", "{{ name.__class__ }}", "{{name}", "{{ }}", "name}}", "{{name|upper}}"],
)
def test_t_j2_anything_but_a_placeholder_of_the_list_is_refused_beside_its_field(site: Site, evil: str) -> None:
    with staff(site, "manager") as client:
        for field in ("subject", "body"):
            answer = client.post(f"{PATH}/new", data={**FORM, field: f"Hello {evil}"})
            assert answer.status_code == 422
            (said,) = shown_errors(answer.text)
            assert "placeholder" in said
            assert f"Hello {evil}" in unescape(answer.text)
    assert texts(site) == []
    with pytest.raises(ValueError, match=r"MessageTemplate\.body"):
        MessageTemplate(key="acme.hello", label="Hello", subject="Hello", body=evil)


@pytest.mark.parametrize("harmless", ["{x.__class__}", "{% if x %}", "100 % {sure}", "${name}", "%(name)s", "#{1}"])
def test_t_j2_what_other_template_languages_would_run_is_text(harmless: str) -> None:
    check_placeholders(harmless)

    assert fill(harmless, dict.fromkeys(PLACEHOLDER_LABELS, "x")) == harmless


def test_t_j2_a_value_is_never_taken_for_a_placeholder() -> None:
    assert fill("Hello {{name}}, {{city}}", {"name": "", "city": ""}) == "Hello,"
    assert fill("{{name}} {{ city }}", {"name": "{{city}}", "city": "{{7*7}}"}) == "{{city}} {{7*7}}"


def test_two_templates_do_not_have_one_name(site: Site) -> None:
    with staff(site, "manager") as client:
        client.post(f"{PATH}/new", data=FORM)
        client.post(f"{PATH}/new", data={**FORM, "name": "Other"})
        again = client.post(f"{PATH}/new", data={**FORM, "name": " reminder "})
        renamed = client.post(f"{PATH}/2/edit", data={**FORM, "name": "REMINDER"})

    for answer in (again, renamed):
        assert shown_errors(answer.text) == ["There is a template with this name already."]
    assert [name for name, *_ in texts(site)] == ["Reminder", "Other"]


def test_t_z3_an_assistant_uses_templates_and_changes_none(site: Site) -> None:
    with staff(site, "manager") as client:
        client.post(f"{PATH}/new", data=FORM)
    before = texts(site)
    with staff(site, "assistant") as client:
        assert PATH not in client.get("/dashboard/messages").text
        for path, data in ((f"{PATH}/new", FORM), (f"{PATH}/1/edit", {**FORM, "name": "x"}), (f"{PATH}/1/remove", {})):
            assert client.post(path, data=data).status_code == 403
            assert client.get(path).status_code == 403

    assert texts(site) == before


def test_a_placeholder_that_does_not_exist_is_said(site: Site) -> None:
    with pytest.raises(InvalidInput, match=r"\{\{nmae\}\}"):
        check_placeholders("{{nmae}}")

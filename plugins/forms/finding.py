"""Forms in the search for everything."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import SearchHit, SearchSource, fold, site_of
from plugins.forms.models import Form


def search_sources() -> list[SearchSource]:
    """Forms."""
    # The form that every site starts with has a message id as its name.
    return [
        SearchSource(
            key="forms.forms", label="Forms", search=find_forms, translate=True, permission="forms.manage", order=400
        )
    ]


def find_forms(session: Session, text: str, limit: int) -> Sequence[SearchHit]:
    """Forms with every word in their name or address, in the language of any reader."""
    site = site_of(session)
    languages = [site.language(code) for code in ("de", "en")]
    words = fold(text).split()
    found = []
    for row in session.execute(select(Form.id, Form.name, Form.slug, Form.is_sample).order_by(Form.name)):
        names = [row.name, *(language.text(row.name) for language in languages if row.is_sample)]
        if any(all(word in fold(f"{name} {row.slug}") for word in words) for name in names):
            found.append(row)
    return [
        SearchHit(title=row.name, detail=f"/forms/{row.slug}", href=f"/dashboard/forms/{row.id}", icon="clipboard")
        for row in found[:limit]
    ]

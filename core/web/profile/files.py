"""A contact's files and picture (THREATS T-U1 to T-U5, T-Z2)."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath
from litestar.response import File

from core.contacts.files import find_file
from core.contacts.finding import find_contact
from core.errors import NotFound
from core.pictures import send_picture
from core.web.files import send_file
from core.web.requests import Request
from core.web.routing import get


@get("/dashboard/contacts/{contact_id:int}/files/{file_id:int}", permission="contact.view")
def download(request: Request, contact_id: FromPath[int], file_id: FromPath[int]) -> File:
    """A file of this contact, to save and never to show."""
    with request.site.session() as session:
        file = find_file(session, contact_id, file_id)
    return send_file(request.site.settings.data_dir, file)


@get("/dashboard/contacts/{contact_id:int}/picture/{name:str}", permission="contact.view")
def picture(request: Request, contact_id: FromPath[int], name: FromPath[str]) -> File:
    """The contact's picture. Its name is random and changes with it, so browsers may keep it."""
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
    if not contact.picture or contact.picture != name:
        raise NotFound("There is no such picture.")
    return send_picture(request.site.settings.data_dir, name, public=False)


ROUTES: list[Any] = [download, picture]

"""The contact list and the page to add a contact."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from core.web.contact_list.adding import add_contact_form, add_contact_sent
from core.web.contact_list.page import contact_list

ROUTES: list[HTTPRouteHandler] = [contact_list, add_contact_form, add_contact_sent]

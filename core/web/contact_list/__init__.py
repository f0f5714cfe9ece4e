"""The contact list and the page to add a contact."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from core.web.contact_list.adding import add_contact_form, add_contact_sent
from core.web.contact_list.bulk import ROUTES as BULK_ROUTES
from core.web.contact_list.page import contact_list
from core.web.contact_list.row_menu import ROUTES as ROW_ROUTES
from core.web.contact_list.tags import ROUTES as TAG_ROUTES

ROUTES: list[HTTPRouteHandler] = [
    contact_list,
    add_contact_form,
    add_contact_sent,
    *BULK_ROUTES,
    *ROW_ROUTES,
    *TAG_ROUTES,
]

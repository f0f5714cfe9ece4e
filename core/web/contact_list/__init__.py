"""The contact list, its filters, columns and saved views, and the page to add a contact."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from core.web.contact_list import builder, segments
from core.web.contact_list.adding import add_contact_form, add_contact_sent
from core.web.contact_list.bulk import ROUTES as BULK_ROUTES
from core.web.contact_list.columns import choose_columns, columns_chosen
from core.web.contact_list.filtering import filter_page
from core.web.contact_list.page import contact_list
from core.web.contact_list.row_menu import ROUTES as ROW_ROUTES
from core.web.contact_list.tags import ROUTES as TAG_ROUTES

ROUTES: list[HTTPRouteHandler] = [
    contact_list,
    add_contact_form,
    add_contact_sent,
    choose_columns,
    columns_chosen,
    filter_page,
    segments.all_segments,
    segments.choose_segment,
    segments.name_segment,
    segments.segment_named,
    segments.keep_changes,
    segments.ask_removal,
    segments.remove,
    builder.new_segment,
    builder.new_segment_sent,
    builder.edit_segment,
    builder.segment_sent,
    *BULK_ROUTES,
    *ROW_ROUTES,
    *TAG_ROUTES,
]

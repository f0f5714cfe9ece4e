"""Contacts over the API: list, read, add, change, and what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from attrs import asdict, field, fields, frozen
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Redirect, Response
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core.api.problems import problem
from core.api.routing import BASE, api_get, api_patch, api_post
from core.contacts import details as rules
from core.contacts.activity import deactivate_contact, reactivate_contact
from core.contacts.adding import add_contact
from core.contacts.columns import modules_of, tags_of
from core.contacts.counts import COUNTED_UP_TO
from core.contacts.details import clean_details
from core.contacts.directory import find_contacts
from core.contacts.editing import details_of, edit_contact, lift_lock, lock_details
from core.contacts.finding import find_contact, kept_contact_id, lock_contact
from core.contacts.history import read_log
from core.contacts.models import Contact, ContactNote
from core.contacts.notes import add_note
from core.contacts.profile import read_tags
from core.contacts.sentences import sentence_of
from core.contacts.tagging import tag_contact, untag_contact
from core.contacts.tags import clean_tag
from core.contacts.views import read_view
from core.errors import EditConflict, InvalidInput
from core.i18n import LANGUAGES
from core.site import Site
from core.values import Actor, Details
from core.web.requests import Request

PAGE = 50
MAX_PAGE = 200
NAMES = tuple(one.name for one in fields(Details))

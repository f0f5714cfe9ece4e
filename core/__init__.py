"""Tresen's core: what stands here is all that plugins may import; nothing below it is public.

Names are loaded when they are first used, so that importing one thing does not load the web layer.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.contacts.addresses import parse_address as parse_address
    from core.contacts.capture import capture_contact as capture_contact
    from core.contacts.comparing import comparison as comparison
    from core.contacts.details import clean_details as clean_details
    from core.contacts.log import add_activity as add_activity
    from core.contacts.models import Contact as Contact
    from core.database.base import Base as Base
    from core.database.base import BigInt as BigInt
    from core.database.base import ContactRef as ContactRef
    from core.database.base import Id as Id
    from core.database.base import OptionalContactRef as OptionalContactRef
    from core.database.base import UtcDateTime as UtcDateTime
    from core.database.upsert import upsert as upsert
    from core.demo import Demo as Demo
    from core.demo import DemoPerson as DemoPerson
    from core.errors import CaptureRejected as CaptureRejected
    from core.errors import Conflict as Conflict
    from core.errors import InvalidEmail as InvalidEmail
    from core.errors import InvalidInput as InvalidInput
    from core.errors import NotFound as NotFound
    from core.errors import TresenError as TresenError
    from core.hookspecs import hookimpl as hookimpl
    from core.i18n import Language as Language
    from core.i18n import currency_digits as currency_digits
    from core.jobs.queue import queue_job as queue_job
    from core.messages.receiving import receive_message as receive_message
    from core.public_forms import check_public_fields as check_public_fields
    from core.public_forms import public_fields as public_fields
    from core.public_forms import submit_public_form as submit_public_form
    from core.signing import sign as sign
    from core.signing import unsign as unsign
    from core.site import Site as Site
    from core.site import site_of as site_of
    from core.values import SYSTEM as SYSTEM
    from core.values import VISITOR as VISITOR
    from core.values import Action as Action
    from core.values import Activity as Activity
    from core.values import ActivityKind as ActivityKind
    from core.values import Actor as Actor
    from core.values import Capture as Capture
    from core.values import Captured as Captured
    from core.values import Choice as Choice
    from core.values import Column as Column
    from core.values import Details as Details
    from core.values import Filter as Filter
    from core.values import ImportChoice as ImportChoice
    from core.values import ImportStatement as ImportStatement
    from core.values import Indicator as Indicator
    from core.values import Job as Job
    from core.values import Link as Link
    from core.values import Module as Module
    from core.values import Money as Money
    from core.values import NavItem as NavItem
    from core.values import Panel as Panel
    from core.values import Permission as Permission
    from core.values import PublicField as PublicField
    from core.values import Screening as Screening
    from core.values import SettingsField as SettingsField
    from core.values import Submission as Submission
    from core.values import Task as Task
    from core.values import Tile as Tile
    from core.values import TileData as TileData
    from core.web.requests import Form as Form
    from core.web.requests import FormInput as FormInput
    from core.web.requests import Request as Request
    from core.web.routing import get as get
    from core.web.routing import post as post

_HOMES = {
    "core.contacts.addresses": ("parse_address",),
    "core.contacts.capture": ("capture_contact",),
    "core.contacts.comparing": ("comparison",),
    "core.contacts.details": ("clean_details",),
    "core.contacts.log": ("add_activity",),
    "core.contacts.models": ("Contact",),
    "core.database.base": ("Base", "BigInt", "ContactRef", "Id", "OptionalContactRef", "UtcDateTime"),
    "core.database.upsert": ("upsert",),
    "core.demo": ("Demo", "DemoPerson"),
    "core.errors": ("CaptureRejected", "Conflict", "InvalidEmail", "InvalidInput", "NotFound", "TresenError"),
    "core.hookspecs": ("hookimpl",),
    "core.i18n": ("Language", "currency_digits"),
    "core.jobs.queue": ("queue_job",),
    "core.messages.receiving": ("receive_message",),
    "core.public_forms": ("check_public_fields", "public_fields", "submit_public_form"),
    "core.signing": ("sign", "unsign"),
    "core.site": ("Site", "site_of"),
    "core.values": (
        "SYSTEM",
        "VISITOR",
        "Action",
        "Activity",
        "ActivityKind",
        "Actor",
        "Capture",
        "Captured",
        "Choice",
        "Column",
        "Details",
        "Filter",
        "ImportChoice",
        "ImportStatement",
        "Indicator",
        "Job",
        "Link",
        "Module",
        "Money",
        "NavItem",
        "Panel",
        "Permission",
        "PublicField",
        "Screening",
        "SettingsField",
        "Submission",
        "Task",
        "Tile",
        "TileData",
    ),
    "core.web.requests": ("Form", "FormInput", "Request"),
    "core.web.routing": ("get", "post"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value

"""Tresen's core: what stands here is all that plugins may import; nothing below it is public.

Names are loaded when they are first used, so that importing one thing does not load the web layer.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.api.routing import api_delete as api_delete
    from core.api.routing import api_get as api_get
    from core.api.routing import api_patch as api_patch
    from core.api.routing import api_post as api_post
    from core.contacts.addresses import parse_address as parse_address
    from core.contacts.bulk.events import tell_each as tell_each
    from core.contacts.bulk.selections import selected_contacts as selected_contacts
    from core.contacts.capture import capture_contact as capture_contact
    from core.contacts.comparing import comparison as comparison
    from core.contacts.details import clean_details as clean_details
    from core.contacts.files import FileStore as FileStore
    from core.contacts.files import file_path as file_path
    from core.contacts.files import remove_bytes as remove_bytes
    from core.contacts.files import storing as storing
    from core.contacts.finding import current_contact_id as current_contact_id
    from core.contacts.finding import hold_address as hold_address
    from core.contacts.finding import hold_contact as hold_contact
    from core.contacts.folding import fold as fold
    from core.contacts.log import add_activities as add_activities
    from core.contacts.log import add_activity as add_activity
    from core.contacts.merging.moving import move_rows as move_rows
    from core.contacts.models import Contact as Contact
    from core.database.base import Base as Base
    from core.database.base import BigInt as BigInt
    from core.database.base import ContactRef as ContactRef
    from core.database.base import Id as Id
    from core.database.base import OptionalContactRef as OptionalContactRef
    from core.database.base import UtcDateTime as UtcDateTime
    from core.database.upsert import insert_missing as insert_missing
    from core.database.upsert import upsert as upsert
    from core.database.upsert import write_many as write_many
    from core.demo import Demo as Demo
    from core.demo import DemoPerson as DemoPerson
    from core.documents import DOCUMENT_FONT as DOCUMENT_FONT
    from core.documents import new_document as new_document
    from core.errors import CaptureRejected as CaptureRejected
    from core.errors import Conflict as Conflict
    from core.errors import InvalidEmail as InvalidEmail
    from core.errors import InvalidInput as InvalidInput
    from core.errors import NotFound as NotFound
    from core.errors import PaymentFailed as PaymentFailed
    from core.errors import SendRefused as SendRefused
    from core.errors import TresenError as TresenError
    from core.hookspecs import hookimpl as hookimpl
    from core.i18n import Language as Language
    from core.i18n import currency_digits as currency_digits
    from core.jobs.queue import cancel_job as cancel_job
    from core.jobs.queue import queue_job as queue_job
    from core.jobs.queue import read_job as read_job
    from core.messages.composing import language_of as language_of
    from core.messages.composing import queue_message as queue_message
    from core.messages.deliveries import Delivery as Delivery
    from core.messages.deliveries import delivery_of as delivery_of
    from core.messages.deliveries import note_unsubscribed as note_unsubscribed
    from core.messages.receiving import receive_message as receive_message
    from core.payments import offered_payment_methods as offered_payment_methods
    from core.payments import pay_back as pay_back
    from core.payments import payment_method as payment_method
    from core.payments import payment_note as payment_note
    from core.payments import read_payment as read_payment
    from core.payments import start_payment as start_payment
    from core.pictures import MadePicture as MadePicture
    from core.pictures import PictureSize as PictureSize
    from core.pictures import make_pictures as make_pictures
    from core.pictures import save_picture as save_picture
    from core.pictures import send_picture as send_picture
    from core.privacy.bare import erase_bare as erase_bare
    from core.privacy.counting import count_rows as count_rows
    from core.public_forms import check_public_fields as check_public_fields
    from core.public_forms import public_fields as public_fields
    from core.public_forms import submit_public_form as submit_public_form
    from core.signing import sign as sign
    from core.signing import unsign as unsign
    from core.site import Site as Site
    from core.site import site_of as site_of
    from core.transfer.tables import Table as Table
    from core.transfer.tables import download_table as download_table
    from core.transfer.tables import open_table as open_table
    from core.transfer.words import date_order as date_order
    from core.transfer.words import parse_country as parse_country
    from core.transfer.words import parse_moment as parse_moment
    from core.values import SYSTEM as SYSTEM
    from core.values import VISITOR as VISITOR
    from core.values import Action as Action
    from core.values import Activity as Activity
    from core.values import ActivityKind as ActivityKind
    from core.values import Actor as Actor
    from core.values import Bounce as Bounce
    from core.values import BulkAction as BulkAction
    from core.values import BulkField as BulkField
    from core.values import Capture as Capture
    from core.values import Captured as Captured
    from core.values import Check as Check
    from core.values import Choice as Choice
    from core.values import Column as Column
    from core.values import Command as Command
    from core.values import ContactField as ContactField
    from core.values import Details as Details
    from core.values import Erased as Erased
    from core.values import ExportFile as ExportFile
    from core.values import ExportSection as ExportSection
    from core.values import FieldValue as FieldValue
    from core.values import Filter as Filter
    from core.values import ImportChoice as ImportChoice
    from core.values import ImportStatement as ImportStatement
    from core.values import Indicator as Indicator
    from core.values import Job as Job
    from core.values import Kept as Kept
    from core.values import LeftOut as LeftOut
    from core.values import Link as Link
    from core.values import Mailing as Mailing
    from core.values import MessageTemplate as MessageTemplate
    from core.values import MessageTopic as MessageTopic
    from core.values import Module as Module
    from core.values import Money as Money
    from core.values import NavItem as NavItem
    from core.values import Outgoing as Outgoing
    from core.values import Panel as Panel
    from core.values import PaymentMessage as PaymentMessage
    from core.values import PaymentMethod as PaymentMethod
    from core.values import PaymentRequest as PaymentRequest
    from core.values import PaymentResult as PaymentResult
    from core.values import PaymentStart as PaymentStart
    from core.values import Permission as Permission
    from core.values import PublicField as PublicField
    from core.values import Screening as Screening
    from core.values import SearchHit as SearchHit
    from core.values import SearchSource as SearchSource
    from core.values import SendVerdict as SendVerdict
    from core.values import SettingsField as SettingsField
    from core.values import Submission as Submission
    from core.values import Task as Task
    from core.values import Tile as Tile
    from core.values import TileData as TileData
    from core.values import ZoneSection as ZoneSection
    from core.web.requests import Form as Form
    from core.web.requests import FormInput as FormInput
    from core.web.requests import Request as Request
    from core.web.requests import local_path as local_path
    from core.web.routing import get as get
    from core.web.routing import post as post

_HOMES = {
    "core.api.routing": ("api_delete", "api_get", "api_patch", "api_post"),
    "core.contacts.addresses": ("parse_address",),
    "core.contacts.capture": ("capture_contact",),
    "core.contacts.comparing": ("comparison",),
    "core.contacts.details": ("clean_details",),
    "core.contacts.files": ("FileStore", "file_path", "remove_bytes", "storing"),
    "core.contacts.bulk.events": ("tell_each",),
    "core.contacts.bulk.selections": ("selected_contacts",),
    "core.contacts.finding": ("current_contact_id", "hold_address", "hold_contact"),
    "core.contacts.folding": ("fold",),
    "core.contacts.log": ("add_activities", "add_activity"),
    "core.contacts.merging.moving": ("move_rows",),
    "core.contacts.models": ("Contact",),
    "core.database.base": ("Base", "BigInt", "ContactRef", "Id", "OptionalContactRef", "UtcDateTime"),
    "core.database.upsert": ("insert_missing", "upsert", "write_many"),
    "core.demo": ("Demo", "DemoPerson"),
    "core.errors": (
        "CaptureRejected",
        "Conflict",
        "InvalidEmail",
        "InvalidInput",
        "NotFound",
        "PaymentFailed",
        "SendRefused",
        "TresenError",
    ),
    "core.hookspecs": ("hookimpl",),
    "core.documents": ("DOCUMENT_FONT", "new_document"),
    "core.i18n": ("Language", "currency_digits"),
    "core.jobs.queue": ("cancel_job", "queue_job", "read_job"),
    "core.messages.composing": ("language_of", "queue_message"),
    "core.messages.deliveries": ("Delivery", "delivery_of", "note_unsubscribed"),
    "core.messages.receiving": ("receive_message",),
    "core.payments": (
        "offered_payment_methods",
        "pay_back",
        "payment_method",
        "payment_note",
        "read_payment",
        "start_payment",
    ),
    "core.pictures": ("MadePicture", "PictureSize", "make_pictures", "save_picture", "send_picture"),
    "core.privacy.bare": ("erase_bare",),
    "core.privacy.counting": ("count_rows",),
    "core.public_forms": ("check_public_fields", "public_fields", "submit_public_form"),
    "core.signing": ("sign", "unsign"),
    "core.site": ("Site", "site_of"),
    "core.transfer.tables": ("Table", "download_table", "open_table"),
    "core.transfer.words": ("date_order", "parse_country", "parse_moment"),
    "core.values": (
        "SYSTEM",
        "VISITOR",
        "Action",
        "Activity",
        "ActivityKind",
        "Actor",
        "Bounce",
        "BulkAction",
        "BulkField",
        "Capture",
        "Captured",
        "Check",
        "Choice",
        "Column",
        "Command",
        "ContactField",
        "Details",
        "Erased",
        "ExportFile",
        "ExportSection",
        "FieldValue",
        "Filter",
        "ImportChoice",
        "ImportStatement",
        "Indicator",
        "Job",
        "Kept",
        "LeftOut",
        "Link",
        "Mailing",
        "MessageTemplate",
        "MessageTopic",
        "Module",
        "Money",
        "NavItem",
        "Outgoing",
        "Panel",
        "PaymentMessage",
        "PaymentMethod",
        "PaymentRequest",
        "PaymentResult",
        "PaymentStart",
        "Permission",
        "PublicField",
        "Screening",
        "SearchHit",
        "SearchSource",
        "SendVerdict",
        "SettingsField",
        "Submission",
        "Task",
        "Tile",
        "TileData",
        "ZoneSection",
    ),
    "core.web.requests": ("Form", "FormInput", "Request", "local_path"),
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

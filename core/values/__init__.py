"""The values that cross a hook: frozen, checked when they are made, and free of HTML.

A plugin returns them from its hooks; the core reads them. Labels and texts are English message ids, translated with
the catalogue of the plugin when they are shown.
"""

from core.values.actions import Action, BulkAction, BulkField
from core.values.basics import ALL_ROLES, SYSTEM, VISITOR, Actor, Choice, Indicator, Link, Money, Role, Stage
from core.values.checking import KEY
from core.values.events import Activity, ActivityKind, Capture, Captured, Details, Module, Screening
from core.values.forms import PublicField, Submission
from core.values.imports import ImportChoice, ImportStatement
from core.values.lists import CellKind, Column, ContactField, FieldKind, FieldValue, Filter, FilterKind
from core.values.messages import Bounce, LeftOut, Mailing, MessageTemplate, MessageTopic, Outgoing, Purpose, SendVerdict
from core.values.pages import (
    NavItem,
    Panel,
    Permission,
    SearchHit,
    SearchSource,
    SettingsField,
    Tile,
    TileData,
    ZoneSection,
)
from core.values.payments import PaymentMessage, PaymentMethod, PaymentRequest, PaymentResult, PaymentStart
from core.values.privacy import Erased, ExportFile, ExportSection, Kept
from core.values.upkeep import Check, Command, Job, Task

__all__ = [
    "ALL_ROLES",
    "KEY",
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
    "CellKind",
    "Check",
    "Choice",
    "Column",
    "Command",
    "ContactField",
    "Details",
    "Erased",
    "ExportFile",
    "ExportSection",
    "FieldKind",
    "FieldValue",
    "Filter",
    "FilterKind",
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
    "Purpose",
    "Role",
    "Screening",
    "SearchHit",
    "SearchSource",
    "SendVerdict",
    "SettingsField",
    "Stage",
    "Submission",
    "Task",
    "Tile",
    "TileData",
    "ZoneSection",
]

"""What the core itself adds to the contacts area."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from litestar.handlers import HTTPRouteHandler
from sqlalchemy.orm import Session

from core.api.acting import ROUTES as ACTING_ROUTES
from core.api.belongings import ROUTES as BELONGING_ROUTES
from core.api.contacts import ROUTES as API_ROUTES
from core.api.imports import ROUTES as API_IMPORT_ROUTES
from core.backup import journal
from core.contacts import columns, filters, jumping, tiles
from core.contacts.actions import ACTIONS
from core.contacts.bulk.actions import ACTIONS as BULK_ACTIONS
from core.contacts.bulk.running import JOBS
from core.contacts.custom_fields.tidying import tidying_job
from core.contacts.kinds import KINDS
from core.contacts.merging.moving import move_own_rows
from core.contacts.views import LIST_PATH
from core.hookspecs import hookimpl
from core.privacy import bulk as erasing
from core.privacy import core_data, remains
from core.site import Site
from core.transfer.imports import forget_files
from core.transfer.running import check_step, run_step
from core.transfer.undoing import undo_step
from core.values import (
    ALL_ROLES,
    Action,
    ActivityKind,
    BulkAction,
    Check,
    Column,
    Erased,
    ExportSection,
    Filter,
    Job,
    NavItem,
    Permission,
    SearchSource,
    Tile,
)
from core.web.contact_fields import ROUTES as FIELD_ROUTES
from core.web.contact_list import ROUTES as LIST_ROUTES
from core.web.merging import ROUTES as MERGING_ROUTES
from core.web.profile.routes import ROUTES as PROFILE_ROUTES
from core.web.receipts import ROUTES as RECEIPT_ROUTES
from core.web.transfer.export_page import ROUTES as EXPORT_ROUTES
from core.web.transfer.import_pages import ROUTES as IMPORT_ROUTES


@hookimpl
def permissions() -> list[Permission]:
    """Rights on contacts."""
    return [
        Permission(key="contact.view", label="See contacts", roles=ALL_ROLES, order=10),
        Permission(key="contact.edit", label="Add and edit contacts", roles=ALL_ROLES, order=11),
        Permission(key="contact.fields", label="Add and change fields", roles=("owner", "manager"), order=12),
        Permission(key="contact.segments", label="Save views of the contact list for everyone", order=13),
        Permission(key="contact.tags", label="Rename, join and remove tags", order=14),
        Permission(key="contact.merge", label="Merge contacts", order=15),
        Permission(key="contact.notes", label="Edit and delete the notes of others", order=16),
        Permission(key="contact.export", label="Export contacts", order=17),
        Permission(key="contact.import", label="Import contacts", order=18),
        Permission(key="contact.erase", label="Delete contacts and see the receipts", order=19),
    ]


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """The list, adding, fields, merging, export and import, the profile and what is done there, the receipts."""
    return [
        *API_ROUTES,
        *ACTING_ROUTES,
        *API_IMPORT_ROUTES,
        *BELONGING_ROUTES,
        *LIST_ROUTES,
        *FIELD_ROUTES,
        *MERGING_ROUTES,
        *EXPORT_ROUTES,
        *IMPORT_ROUTES,
        *PROFILE_ROUTES,
        *RECEIPT_ROUTES,
    ]


@hookimpl
def contact_actions() -> list[Action]:
    """What can be done with every contact."""
    return list(ACTIONS)


@hookimpl
def contact_bulk_actions() -> list[BulkAction]:
    """What can be done with many contacts."""
    return [
        *BULK_ACTIONS,
        BulkAction(
            key="contact.merge",
            label="Merge",
            permission="contact.merge",
            icon="merge",
            href="/dashboard/contacts/merge?selection={selection_id}",
            order=20,
        ),
        BulkAction(
            key="contact.erase",
            label="Delete",
            permission="contact.erase",
            icon="trash",
            prepare=erasing.prepare,
            run=erasing.erase_batch,
            confirm="Everything that is known of these people is deleted, in every module, and can't be brought back. "
            "What the law makes a module keep is kept without the person; the receipt says what, why and until when.",
            submit="Delete for good",
            done=("%(count)s contact was deleted.", "%(count)s contacts were deleted."),
            dangerous=True,
            order=1000,
        ),
    ]


@hookimpl
def erase_contacts(session: Session, contact_ids: Sequence[int]) -> Sequence[Erased]:
    """Notes, files, log and the rest: they refer to the contact and go with it."""
    return core_data.erased(session, contact_ids)


@hookimpl
def export_contact(session: Session, site: Site, contact_id: int) -> Sequence[ExportSection]:
    """Details, notes and files, log."""
    return core_data.exported(session, site, contact_id)


@hookimpl
def jobs() -> list[Job]:
    """Bulk actions and imports; what removed fields, an erasing or a crash left behind."""
    asked = "contact.import"
    return [
        *JOBS,
        Job(key="contact.import_check", label="Check contacts to import", step=check_step, permission=asked),
        Job(key="contact.import", label="Import contacts", step=run_step, permission=asked),
        Job(key="contact.import_undo", label="Take an import back", step=undo_step, permission=asked),
        Job(key="contact.import_tidy", label="Forget imported files", every=timedelta(hours=1), run=forget_files),
        tidying_job(),
        Job(
            key="contact.journal",
            label="Write down who was deleted",
            every=timedelta(minutes=1),
            run=journal.write_what_waits,
        ),
        Job(key="contact.clear", label="Clear up after deletions", every=timedelta(minutes=5), run=remains.clear_again),
        Job(key="contact.sweep", label="Remove files nobody names", every=timedelta(days=1), run=remains.sweep_daily),
    ]


@hookimpl
def checks() -> list[Check]:
    """The journal of erasures."""
    return journal.checks()


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    """Entries that the core writes."""
    return list(KINDS)


@hookimpl
def overview_tiles() -> list[Tile]:
    """New contacts by week."""
    return [
        Tile(
            key="contact.new",
            title="New contacts by week",
            load=tiles.new_contacts,
            permission="contact.view",
            order=10,
        )
    ]


@hookimpl
def search_sources() -> list[SearchSource]:
    """Contacts."""
    return [
        SearchSource(
            key="contact.people", label="Contacts", search=jumping.find_people, permission="contact.view", order=10
        )
    ]


@hookimpl
def nav_items() -> list[NavItem]:
    """„Kontakte“ in the side menu."""
    return [
        NavItem(
            key="contact.list",
            label="Contacts",
            href=LIST_PATH,
            icon="users",
            shortcut="g c",
            permission="contact.view",
            order=20,
        )
    ]


@hookimpl
def contact_columns() -> list[Column]:
    """The list's own columns."""
    return columns.contact_columns()


@hookimpl
def contact_filters() -> list[Filter]:
    """The list's own filters."""
    return filters.contact_filters()


# Last: a plugin that holds its own row and writes into the log is waited for, and then moved as well.
@hookimpl(trylast=True)
def merge_contacts(session: Session, site: Site, kept_id: int, merged_id: int) -> None:
    """Tags, modules, notes, files, log and suggestions."""
    move_own_rows(session, site, kept_id, merged_id)

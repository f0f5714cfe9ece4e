"""Every hook of Tresen: the contract between the core and its plugins.

Nouns contribute values, verbs decide, past tense tells what happened. A plugin takes any of a hook's arguments, by
name. Each docstring says: *When* it is called, what to *Return*, how results are *Combined*, and what happens *If it
raises*.

Arguments may be added to a hook, never removed or renamed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

from core.values import (
    Action,
    ActivityKind,
    Capture,
    Captured,
    Column,
    Filter,
    ImportChoice,
    Job,
    Module,
    NavItem,
    Panel,
    Permission,
    PublicField,
    Screening,
    SettingsField,
    Stage,
    Submission,
    Tile,
)

if TYPE_CHECKING:
    from litestar.handlers import BaseRouteHandler
    from sqlalchemy.orm import Session

    from core.demo import Demo
    from core.site import Site

PROJECT = "tresen"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


# Contributions: called once for a set of enabled plugins.


@hookspec
def modules() -> Sequence[Module]:  # type: ignore[empty-body]
    """The plugin's name, and the module that contacts captured by it carry.

    When: once for each set of enabled plugins. Return: a list with one `Module`, whose key is the plugin's key.
    Combined: all, sorted by (order, key). If it raises: the plugin is refused.
    """


@hookspec
def permissions() -> Sequence[Permission]:  # type: ignore[empty-body]
    """The rights that this plugin's routes, columns, panels and actions ask for.

    When: once for each set of enabled plugins. Return: `Permission` values, each with the roles that have it.
    Combined: all, sorted by (order, key). If it raises: the plugin is refused.
    """


@hookspec
def routers() -> Sequence[BaseRouteHandler]:  # type: ignore[empty-body]
    """This plugin's pages, made with `core.get` and `core.post`.

    When: once for each set of enabled plugins. Return: route handlers; each declares a permission or is public.
    Combined: all; a path of two plugins, or one outside the declared rules, is refused by name. If it raises: the
    plugin is refused.
    """


@hookspec
def nav_items() -> Sequence[NavItem]:  # type: ignore[empty-body]
    """Entries of the dashboard's side menu, or of the public pages' head.

    When: once for each set of enabled plugins. Return: `NavItem` values. Combined: all, sorted by (order, key); a
    person sees those they may open. If it raises: the plugin is refused.
    """


@hookspec
def settings_fields() -> Sequence[SettingsField]:  # type: ignore[empty-body]
    """Settings of the site that this plugin needs, edited on the settings screen.

    When: once for each set of enabled plugins. Return: `SettingsField` values. Combined: all, sorted by (order, key),
    grouped by plugin. If it raises: the plugin is refused.
    """


@hookspec
def activity_kinds() -> Sequence[ActivityKind]:  # type: ignore[empty-body]
    """The kinds of entries this plugin writes into activity logs.

    When: once for each set of enabled plugins. Return: `ActivityKind` values. Combined: all, by key; entries of a
    plugin that is off are still shown, by their stored reference. If it raises: the plugin is refused.
    """


@hookspec
def contact_columns() -> Sequence[Column]:  # type: ignore[empty-body]
    """Columns of the contact list.

    When: once for each set of enabled plugins; a column's `load` once a page that shows it. Return: `Column` values.
    Combined: all, sorted by (order, key). If it raises: the plugin is refused; a raising or slow `load` leaves its
    cells empty and is named on the page.
    """


@hookspec
def contact_filters() -> Sequence[Filter]:  # type: ignore[empty-body]
    """Filters of the contact list.

    When: once for each set of enabled plugins; `choices` when the list is shown, `predicate` when the filter is set.
    Return: `Filter` values. Combined: all, sorted by (order, key). If it raises: the plugin is refused; a raising
    `choices` or `predicate` is named on the page, which shows no contacts rather than too many.
    """


@hookspec
def contact_panels() -> Sequence[Panel]:  # type: ignore[empty-body]
    """Cards on the contact's profile.

    When: once for each set of enabled plugins; a panel's `load` each time the profile is shown, side by side with the
    others. Return: `Panel` values. Combined: all, sorted by (order, key). If it raises: the plugin is refused; a
    raising or slow `load` gives a card that names the plugin.
    """


@hookspec
def contact_actions() -> Sequence[Action]:  # type: ignore[empty-body]
    """What staff can do with a contact, in the row's menu and on the profile.

    When: once for each set of enabled plugins. Return: `Action` values. Combined: all, sorted by (order, key); a
    person sees those they may do. If it raises: the plugin is refused.
    """


@hookspec
def overview_tiles() -> Sequence[Tile]:  # type: ignore[empty-body]
    """Numbers and small charts of the overview page.

    When: once for each set of enabled plugins; a tile's `load` when the page is shown. Return: `Tile` values.
    Combined: all, sorted by (order, key). If it raises: the plugin is refused; a raising or slow `load` gives a tile
    that names the plugin.
    """


@hookspec
def import_choices() -> Sequence[ImportChoice]:  # type: ignore[empty-body]
    """What staff can have done for everybody in a file that they import, such as recording a consent.

    When: once for each set of enabled plugins; `apply` in the transaction of a batch of rows, `take_back` when the
    import is undone. Return: `ImportChoice` values, none ticked at first. Combined: all, sorted by (order, key). If it
    raises: the plugin is refused; a raising `apply` or `take_back` rolls the batch back, which is tried again, and then
    the import has failed at that row and can be undone.
    """


@hookspec
def jobs() -> Sequence[Job]:  # type: ignore[empty-body]
    """Work that the worker does in the background: queued jobs in steps, and jobs that are due every so often.

    When: once for each set of enabled plugins; a `step` when the job was queued with `queue_job`, a `run` when it is
    due. Return: `Job` values. Combined: all, by key. If it raises: the plugin is refused; a raising `step` is rolled
    back and tried again with growing pauses, then its job has failed; a raising `run` is logged, and called when it is
    due next.
    """


@hookspec
def public_fields(site: Site, form: str, language: str) -> Sequence[PublicField]:  # type: ignore[empty-body]
    """Tick boxes for another plugin's public form, such as a newsletter's.

    When: each time a public form is shown or sent; `form` names it ("notes.ask"), `language` is "de" or "en".
    Return: `PublicField` values, none ticked at first. Combined: all, sorted by (order, key). If it raises: the form
    is shown without them and the plugin is named on the Module screen.
    """


# Decisions: asked before the core acts.


@hookspec
def screen_capture(session: Session, site: Site, capture: Capture) -> Screening | None:
    """Let a capture in, change it, or reject it.

    When: before a captured order, visit or entry touches a contact, in the caller's transaction. Return: None to
    let it in, or a `Screening`. Combined: in the order of the plugins' keys, each seeing what the ones before made of
    it; the first rejection ends it. If it raises: the plugin's writes are rolled back to a savepoint, the failure is
    recorded, and the capture goes on without its verdict: an order is never lost to a broken plugin.
    """


# Events: told in the caller's transaction, each plugin in a savepoint of its own.


@hookspec
def contact_created(session: Session, site: Site, contact_id: int) -> None:
    """A new contact exists.

    When: after its row is written, in the same transaction. Return: nothing. Combined: all are told. If it raises:
    its own writes are rolled back to a savepoint, the failure is recorded and named on the Module screen.
    """


@hookspec
def contact_captured(session: Session, site: Site, capture: Capture, captured: Captured) -> None:
    """An order, visit or entry was attached to a contact.

    When: at the end of `capture_contact`, in the caller's transaction; not for a replay. Return: nothing. Combined:
    all are told. If it raises: as `contact_created`.
    """


@hookspec
def contact_updated(session: Session, site: Site, contact_id: int, changed: frozenset[str]) -> None:
    """Details of a contact have changed; `changed` names them (fields of `Details`, "tags", "picture").

    When: after the change is written, in the same transaction. Return: nothing. Combined: all are told. If it
    raises: as `contact_created`.
    """


@hookspec
def stage_changed(session: Session, site: Site, contact_id: int, before: Stage, after: Stage) -> None:
    """A contact's stage has changed, as from lead to customer (FEATURES C4).

    When: after the change is written, in the same transaction. Return: nothing. Combined: all are told. If it
    raises: as `contact_created`.
    """


@hookspec
def contact_deactivated(session: Session, site: Site, contact_id: int) -> None:
    """A contact was marked inactive (FEATURES C7).

    When: after the change is written, in the same transaction. Return: nothing. Combined: all are told. If it
    raises: as `contact_created`.
    """


@hookspec
def message_received(session: Session, site: Site, message_id: int, contact_id: int) -> None:
    """A message from a contact was put into its thread.

    When: after it is written, in the same transaction. Return: nothing. Combined: all are told. If it raises: as
    `contact_created`.
    """


@hookspec
def public_form_submitted(session: Session, site: Site, submission: Submission) -> None:
    """A public form was sent, with the boxes of `public_fields` that were ticked.

    When: after its capture, in the same transaction. Return: nothing. Combined: all are told. If it raises: as
    `contact_created`.
    """


@hookspec
def plugin_enabled(session: Session, site: Site, plugin: str) -> None:
    """A plugin was switched on.

    When: after its migrations ran, in the transaction that records the switch. Return: nothing. Combined: all
    enabled plugins are told, the switched one included. If it raises: as `contact_created`.
    """


@hookspec
def plugin_disabled(session: Session, site: Site, plugin: str) -> None:
    """A plugin was switched off; its data stays.

    When: in the transaction that records the switch. Return: nothing. Combined: all plugins enabled before are told,
    the switched one included. If it raises: as `contact_created`.
    """


# Demo data.


@hookspec
def demo_history(site: Site, demo: Demo) -> None:
    """Add this plugin's share of the demonstration site.

    When: once by `tresen demo` on an empty site, plugin after plugin in the order of dependencies and keys. Return:
    nothing; write through the same use cases as real visitors, taking people, times and chance from `demo`.
    Combined: all are called. If it raises: making the demo fails, naming the plugin.
    """

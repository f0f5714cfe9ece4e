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
    Bounce,
    BulkAction,
    Capture,
    Captured,
    Check,
    Column,
    Command,
    ContactField,
    Erased,
    ExportSection,
    Filter,
    ImportChoice,
    Job,
    Kept,
    LeftOut,
    Mailing,
    MessageTemplate,
    MessageTopic,
    Module,
    NavItem,
    Outgoing,
    Panel,
    PaymentMethod,
    Permission,
    PublicField,
    Purpose,
    Screening,
    SearchSource,
    SendVerdict,
    SettingsField,
    Stage,
    Submission,
    Tile,
    ZoneSection,
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
def contact_fields() -> Sequence[ContactField]:  # type: ignore[empty-body]
    """Fields of contacts beyond their details: inputs on the forms, lines of the profile, import, export and API.

    When: once for each set of enabled plugins; a field's `read` for a page, an export or a request of the API, its
    `write` in the transaction that saves a form, a line of an import or a request. Return: `ContactField` values.
    Combined: all, with those that staff added, sorted by (order, key). If it raises: the plugin is refused; a raising
    or slow `read` leaves the field out of the page and is named there. InvalidInput from `write` stands beside the
    field and nothing is saved; so does any other error, with the plugin's name.
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
def contact_bulk_actions() -> Sequence[BulkAction]:  # type: ignore[empty-body]
    """What staff can do with many contacts at once, under the list.

    When: once for each set of enabled plugins; an action's `run` once a batch of the chosen contacts, in a transaction
    of its own. Return: `BulkAction` values. Combined: all, sorted by (order, key); a person sees those they may do. If
    it raises: the plugin is refused; a raising `run` takes its batch back and ends the action, which says how far it
    came.
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
    """What staff can have done for everybody in a file that they import, such as recording what they agreed to.

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
def checks() -> Sequence[Check]:  # type: ignore[empty-body]
    """What must hold in this plugin's tables; `tresen doctor` looks whether it does, and mends it with `--repair`.

    When: once for each set of enabled plugins; `find` and `repair` when somebody calls the doctor. Return: `Check`
    values. Combined: all, sorted by (order, key). If it raises: the plugin is refused; a raising `find` or `repair` is
    named among the problems, what it wrote is rolled back, and the other checks go on.
    """


@hookspec
def commands() -> Sequence[Command]:  # type: ignore[empty-body]
    """Further commands of `tresen`, by the plugin's key and the command's name: „notes.tidy_up“ is `notes tidy-up`.

    When: once for each set of enabled plugins; `run` when somebody calls the command. Return: `Command` values.
    Combined: all, by key; they stand beside the core's own, which no plugin can replace. If it raises: the plugin is
    refused; a raising `run` ends the command with its error.
    """


@hookspec
def search_sources() -> Sequence[SearchSource]:  # type: ignore[empty-body]
    """What the search for everything (Ctrl K) finds besides contacts and pages.

    When: once for each set of enabled plugins; a source's `search` for each text that someone looks for. Return:
    `SearchSource` values. Combined: all, sorted by (order, key); a person searches those they may see. If it raises:
    the plugin is refused; a raising or slow `search` is named among the results, and the others stand.
    """


@hookspec
def public_fields(site: Site, form: str, language: str) -> Sequence[PublicField]:  # type: ignore[empty-body]
    """Tick boxes for another plugin's public form, such as a newsletter's.

    When: each time a public form is shown or sent; `form` names it ("notes.ask"), `language` is "de" or "en".
    Return: `PublicField` values, none ticked at first. Combined: all, sorted by (order, key). If it raises: the form
    is shown without them and the plugin is named on the Module screen.
    """


@hookspec
def message_templates() -> Sequence[MessageTemplate]:  # type: ignore[empty-body]
    """Texts that staff can start a message to a contact from.

    When: once for each set of enabled plugins. Return: `MessageTemplate` values; a placeholder that does not exist is
    an error when one is made. Combined: all, sorted by (order, key), after the texts that staff wrote themselves. If
    it raises: the plugin is refused.
    """


@hookspec
def message_topics(session: Session, site: Site, language: str) -> Sequence[MessageTopic]:  # type: ignore[empty-body]
    """Kinds of advertising that people can want or not want by themselves, for staff to choose from when they write.

    When: each time a form for a message is shown or sent, and when a message with a topic is queued; `language` is "de"
    or "en". Return: `MessageTopic` values, whose keys begin with the plugin's. Combined: all, sorted by (order, key).
    If it raises: the form is shown without them and the plugin is named on the Module screen.
    """


@hookspec
def zone_sections() -> Sequence[ZoneSection]:  # type: ignore[empty-body]
    """Parts of the Client Zone, where customers who are signed in see and change what the site has of them.

    When: once for each set of enabled plugins; a section's `load` when the zone's overview is shown. Return:
    `ZoneSection` values; their pages are routes with `customer=True`, which show what belongs to
    `request.customer.contact_id` and answer 404 to everything else. Combined: all, sorted by (order, key). If it
    raises: the plugin is refused; a raising or slow `load` gives a card that says so, and the plugin is named on the
    Module screen.
    """


@hookspec
def payment_methods() -> Sequence[PaymentMethod]:  # type: ignore[empty-body]
    """Ways to pay, offered by every plugin that sells something.

    When: once for each set of enabled plugins; `note` and `available` when a page offers them, `start` when somebody
    pays, `read` when something comes back, `pay_back` when money is given back. Return: `PaymentMethod` values.
    Combined: all that are available, sorted by (order, key). If it raises: the plugin is refused; a method whose
    `available` or `note` raises is not offered, one whose `start` raises can be tried again, a message whose `read`
    raises is refused and changes nothing; each is named on the Module screen.
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


@hookspec
def may_send(session: Session, site: Site, message: Outgoing) -> SendVerdict | None:
    """Whether a message may be sent to a contact, and what has to be added to it.

    When: before a message is queued, and again just before the mail server gets it, in the transaction that marks it
    so; about letters of a newsletter only then. Return: None to let it go, or a `SendVerdict` that refuses it or adds
    headers and a footer. Combined: in the order of the plugins' keys; the first refusal stops the message, what the
    others add is added up. If it raises: the message is refused, the plugin's writes are rolled back to a savepoint,
    and the failure is recorded.
    """


@hookspec
def may_send_many(session: Session, site: Site, mailing: Mailing) -> Sequence[LeftOut]:  # type: ignore[empty-body]
    """Which contacts must not get a message to many, said by conditions: all of them are looked at by one statement.

    When: when staff see who would get it, and before each batch of letters is queued. `may_send` is asked besides,
    about each letter and just before the mail server gets it: what it refuses is not sent, whatever was said here.
    Return: `LeftOut` values; of those that fit a contact the first is the reason that is shown. Combined: all, in the
    order of the plugins' keys. If it raises: nothing is queued and nobody is counted, and the plugin is named.
    """


# Events: told in the caller's transaction, each plugin in a savepoint of its own.


@hookspec
def contact_created(session: Session, site: Site, contact_id: int) -> None:
    """A new contact exists.

    When: after its row is written, in the same transaction. Return: nothing. Combined: all are told. If it raises:
    its own writes are rolled back to a savepoint, the failure is recorded and named on the Module screen.
    """


@hookspec
def contacts_created(session: Session, site: Site, contact_ids: Sequence[int]) -> None:
    """New contacts exist that were made together, as by an import: many in few statements.

    When: after their rows are written and before anything else is, such as what the file says of their fields; in the
    same transaction. A plugin that has this hook is not told of each of them by `contact_created`; one that has not,
    is. Return: nothing. Combined: all are told. If it raises: as `contact_created`.
    """


@hookspec
def contact_captured(session: Session, site: Site, capture: Capture, captured: Captured) -> None:
    """An order, visit or entry was attached to a contact.

    When: at the end of `capture_contact`, in the caller's transaction; not for a replay. Return: nothing. Combined:
    all are told. If it raises: as `contact_created`.
    """


@hookspec
def contact_updated(session: Session, site: Site, contact_id: int, changed: frozenset[str]) -> None:
    """Details of a contact have changed; `changed` names them: fields of `Details`, "tags", "picture", and the keys of
    fields that staff added ("contact.field_7").

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
def message_sent(session: Session, site: Site, message_id: int, contact_id: int) -> None:
    """The mail server has taken a message to a contact.

    When: after that is written, in the same transaction; also when staff take a message for sent of which nobody knows.
    Return: nothing. Combined: all are told. If it raises: as `contact_created`; the message stays sent.
    """


@hookspec
def message_bounced(session: Session, site: Site, message_id: int, contact_id: int, bounce: Bounce) -> None:
    """A message that a mail server had taken came back: it can't be delivered.

    When: after the message was marked as failed, in the same transaction; once for each message, and only for a bounce
    that proves to be about it. Return: nothing. Combined: all are told. If it raises: as `contact_created`.
    """


@hookspec
def message_complained(
    session: Session, site: Site, message_id: int, contact_id: int, purpose: Purpose, topic: str
) -> None:
    """A person has called a message spam, and their mail provider passed that on (RFC 5965).

    `purpose` and `topic` are those of the message (see `Outgoing`): what kind of message is not wanted.

    When: after it was logged, in the same transaction; only for a complaint that proves to be about the message.
    Return: nothing. Combined: all are told. If it raises: as `contact_created`.
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


# Duties: every installed plugin is called, switched on or not; an error aborts the whole.


@hookspec
def merge_contacts(session: Session, site: Site, kept_id: int, merged_id: int) -> None:
    """Two contacts become one: everything that refers to `merged_id` now belongs to `kept_id` (FEATURES C9).

    When: in the transaction that merges, both contacts' rows held; `merged_id` already points to `kept_id`. Return:
    nothing; where both have a row of which there may be one, make one of the two. What was written is undone by the
    core as it was, so there is nothing to remember. Combined: every installed plugin is called, also one that is off;
    a plugin with a table that refers to contacts must implement it. If it raises: nothing is merged, and the plugin
    is named.
    """


@hookspec
def contacts_unmerged(session: Session, site: Site, kept_id: int, restored_id: int) -> None:
    """A merge was undone: both contacts have again what they had, and what came since stays with `kept_id`.

    When: in the transaction that undoes the merge, after all rows are as they were before it. Return: nothing; work
    out anew what was derived from other rows (tables with `info={"derived": True}`, which the core leaves alone).
    Combined: every installed plugin is called, also one that is off. If it raises: nothing is undone, and the plugin
    is named.
    """


@hookspec
def erase_contacts(session: Session, site: Site, contact_ids: Sequence[int]) -> Sequence[Kept | Erased]:  # type: ignore[empty-body]
    """Erase everything that this plugin holds of these people (FEATURES C8), with the contacts merged into them.

    When: before their rows in `contacts` go, in the same transaction, up to 500 contacts at a time; also only to see
    what would go, and then everything is rolled back: write to the database and do nothing else. Rows with a cascading
    reference go by themselves; what remains is yours: rows without one, rows that hold the address, and what the law
    makes you keep, without the person. Return: what goes (`Erased`) and what stays (`Kept`). Combined: all, on the
    receipt. If it raises: nobody is erased, and the plugin is named.
    """


@hookspec
def export_contact(session: Session, site: Site, contact_id: int) -> Sequence[ExportSection]:  # type: ignore[empty-body]
    """Hand out everything that this plugin holds of one person, and nothing of anybody else (THREATS T-R3).

    When: staff or the person download the person's data, in a reading session. Return: `ExportSection` values.
    Combined: all, sorted by (order, key). If it raises: there is no download, and the plugin is named: an incomplete
    answer would be taken for a complete one.
    """


# Demo data.


@hookspec
def demo_history(site: Site, demo: Demo) -> None:
    """Add this plugin's share of the demonstration site.

    When: once by `tresen demo` on an empty site, plugin after plugin in the order of dependencies and keys. Return:
    nothing; write through the same use cases as real visitors, taking people, times and chance from `demo`.
    Combined: all are called. If it raises: making the demo fails, naming the plugin.
    """

"""`Site`: everything a request needs, in one value. No globals: a test makes one and throws it away."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import Any

from attrs import define, evolve, field
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core import state
from core.backup.placing import check_whole
from core.contacts.custom_fields.definitions import Definition, read_definitions
from core.contributions import Contributions, collect
from core.database import migrate
from core.database.engine import Database, open_database
from core.errors import DutyFailed, NotFound, PluginError
from core.i18n import Language
from core.plugins import (
    Call,
    Failure,
    Implementation,
    Outcome,
    Plugin,
    Plugins,
    Refusal,
    SideBySide,
    describe,
    discover,
)
from core.settings import Settings, load_secret, settings_from_environment

log = logging.getLogger("tresen.site")

PAGE_BUDGET = 2.0
"""Seconds a page waits for all its plugins' columns or panels together (FEATURES P4)."""

SITE = "tresen_site"
"""Where a session keeps its site."""


def site_of(session: Session) -> Site:
    """The site whose session this is: for loaders of columns, panels and tiles, which are handed a session only.

    Raises LookupError for a session that `Site.session` or `Site.begin` did not open.
    """
    site = session.info.get(SITE)
    if not isinstance(site, Site):
        raise LookupError("This session belongs to no site. Open it with site.session() or site.begin().")
    return site


@define(eq=False, slots=False)
class Site:
    """One site: its settings, its database, and what its enabled plugins contribute.

    `contributions` never change: switching a plugin, saving a setting or changing the custom fields makes a new Site
    over the same database (`refreshed`). `job_waiting` wakes this process's worker when a job was queued here.
    """

    settings: Settings
    database: Database
    plugins: Plugins
    enabled: frozenset[str]
    contributions: Contributions
    refused: tuple[Refusal, ...] = ()
    revision: int = 0
    saved_settings: Mapping[str, str] = field(factory=dict)
    custom_fields: tuple[Definition, ...] = ()
    side_by_side: SideBySide = field(factory=SideBySide)
    job_waiting: Event = field(factory=Event)

    # Sessions

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session for reading, opened where it is used: `with site.session() as session:`."""
        with self.database.session() as session:
            session.info[SITE] = self
            yield session

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session for writing: committed at the end, rolled back by an exception."""
        with self.database.begin() as session:
            session.info[SITE] = self
            yield session

    # Hooks

    def tell(self, session: Session, hook: str, **values: object) -> None:
        """Tell an event to every enabled plugin, each in a savepoint of its own (DESIGN section 3).

        A plugin that raises loses its own writes, is recorded, and costs nobody else anything.
        """
        for implementation in self.plugins.implementations(hook, self.enabled):
            self.ask_one(session, implementation, **values)

    def tell_created(self, session: Session, contact_ids: Sequence[int]) -> None:
        """Tell of contacts that were made together: by `contacts_created`, or one by one who has only the other."""
        if not contact_ids:
            return
        many = self.plugins.implementations("contacts_created", self.enabled)
        for implementation in many:
            self.ask_one(session, implementation, contact_ids=contact_ids)
        told = {implementation.plugin for implementation in many}
        for implementation in self.plugins.implementations("contact_created", self.enabled):
            if implementation.plugin not in told:
                for contact_id in contact_ids:
                    self.ask_one(session, implementation, contact_id=contact_id)

    def listens(self, hook: str) -> bool:
        """Whether any enabled plugin wants to be told of an event: what is done to many is told only then."""
        return bool(self.plugins.implementations(hook, self.enabled))

    def ask_one(self, session: Session, implementation: Implementation, **values: object) -> Any:
        """Call one plugin within a transaction, in a savepoint; answers None when it raised, which is recorded."""
        savepoint = session.begin_nested()
        try:
            answer = implementation(session=session, site=self, **values)
            savepoint.commit()
        except (Exception, SystemExit) as error:
            log.exception("Plugin %r failed in hook %r", implementation.plugin, implementation.hook)
            savepoint.rollback()
            failure = Failure(plugin=implementation.plugin, place=implementation.hook, message=describe(error))
            state.record_failure(session, failure)
            return None
        return answer

    def oblige(self, session: Session, hook: str, **values: object) -> list[tuple[str, Any]]:
        """Call a duty on every installed plugin, switched on or not; answers pairs of plugin and answer.

        In the caller's transaction, which must be given up when this raises DutyFailed: at the first plugin that
        raises, and names it. What the database says of two that wait for each other passes as it is.
        """
        answers = []
        for implementation in self.plugins.implementations(hook):
            try:
                answers.append((implementation.plugin, implementation(session=session, site=self, **values)))
                session.flush()
            except OperationalError:
                raise
            except (Exception, SystemExit) as error:
                # Where, and not what it says: people's data stands in it, and in a log it would outlive them.
                place = "".join(traceback.format_tb(error.__traceback__))
                log.error(
                    "Plugin %r failed in its duty %r: %s\n%s", implementation.plugin, hook, type(error).__name__, place
                )
                raise DutyFailed(
                    "“%(plugin)s” could not take part: %(error)s. Nothing was changed.",
                    key=implementation.plugin,
                    hook=hook,
                    plugin="Tresen" if implementation.plugin in builtin_keys() else implementation.plugin,
                    error=describe(error),
                ) from error
        return answers

    def read_side_by_side(self, calls: Sequence[Call], budget: float = PAGE_BUDGET) -> list[Outcome]:
        """Run plugins' loaders for a page in threads; failures come back as values that name the plugin."""
        return self.side_by_side.run(calls, budget)

    # What the site is called and how it speaks

    @cached_property
    def secret(self) -> str:
        """The key of signed links."""
        return load_secret(self.settings)

    @cached_property
    def _languages(self) -> dict[str, Language]:
        return {}

    def language(self, code: str) -> Language:
        """The language `code`, with the words of the core, of the enabled plugins, and of the others after them.

        A plugin that is off is still named on the Module screen, and its entries stay in the activity log.
        """
        if code not in self._languages:
            plugins = sorted(self.plugins.installed, key=lambda plugin: plugin.key not in self.enabled)
            folders = [Path(__file__).parent, *(plugin.folder for plugin in plugins)]
            self._languages[code] = Language(code, self.settings.zone, tuple(dict.fromkeys(folders)))
        return self._languages[code]

    def setting(self, key: str) -> str:
        """The value of a settings field: what staff saved, else its default. Raises NotFound for an unknown key."""
        declared = self.contributions.settings_fields.get(key)
        if declared is None:
            raise NotFound("There is no setting '%(key)s'.", key=key)
        return self.saved_settings.get(key, declared.default)

    def plugin_label(self, key: str) -> str:
        """A plugin's name for people: its module's label, else its key. A message id."""
        module = self.contributions.modules.get(key)
        return module.label if module else key

    # Changing the set of enabled plugins

    def refreshed(self) -> Site:
        """This site as the database now says it is: itself when nothing was switched, else a new Site."""
        with self.session() as session:
            revision = state.revision(session)
            if revision == self.revision:
                return self
            enabled = state.enabled_plugins(session, self.plugins)
            saved = state.saved_settings(session)
            custom_fields = read_definitions(session)
        return self.with_plugins(enabled, revision, saved, custom_fields)

    def with_plugins(
        self,
        enabled: frozenset[str],
        revision: int,
        saved_settings: Mapping[str, str] | None = None,
        custom_fields: tuple[Definition, ...] | None = None,
    ) -> Site:
        """This site with another set of enabled plugins and, where given, other saved settings and custom fields."""
        custom_fields = self.custom_fields if custom_fields is None else custom_fields
        contributions, refused = _collected(self.plugins, enabled, custom_fields)
        active = enabled - {refusal.plugin for refusal in refused}
        return evolve(
            self,
            enabled=active,
            contributions=contributions,
            refused=(*self.plugins.refused, *refused),
            revision=revision,
            saved_settings=self.saved_settings if saved_settings is None else saved_settings,
            custom_fields=custom_fields,
        )

    def without(self, refusals: Sequence[Refusal]) -> Site:
        """This site without plugins that turned out not to fit, and with the reasons."""
        site = self.with_plugins(self.enabled - {refusal.plugin for refusal in refusals}, self.revision)
        return evolve(site, refused=(*self.refused, *refusals))

    def switch(self, key: str, on: bool) -> Site:
        """Switch a plugin on or off for all processes; its data stays (FEATURES H2). Answers the site as it is then.

        Switching on runs the plugin's migrations first. Raises NotFound for a plugin that is not installed, and
        PluginError for one that does not fit, or that an enabled plugin requires.
        """
        plugin = self._installed(key)
        site = self.refreshed()
        with self.session() as session:
            # What is recorded, not what is active: a refused plugin can be switched off too.
            was_on = key in state.enabled_plugins(session, self.plugins)
        if on == was_on:
            return site
        if on:
            missing = [one for one in plugin.requires if one not in site.enabled]
            if missing:
                raise PluginError(
                    "'%(plugin)s' needs '%(other)s'. Switch that one on first.", plugin=key, other=missing[0]
                )
            trial = self.with_plugins(site.enabled | {key}, site.revision)
            for refusal in trial.refused:
                if refusal.plugin == key:
                    raise PluginError("%(reason)s", reason=refusal.message)
            migrate.upgrade(self.database, [migrations_of(plugin)])
            with self.begin() as session:
                state.switch_plugin(session, key, on=True)
                trial.tell(session, "plugin_enabled", plugin=key)
        else:
            dependents = [one.key for one in self.plugins.installed if key in one.requires and one.key in site.enabled]
            if dependents:
                raise PluginError(
                    "'%(other)s' needs '%(plugin)s'. Switch that one off first.",
                    plugin=key,
                    other=dependents[0],
                )
            with self.begin() as session:
                state.switch_plugin(session, key, on=False)
                site.tell(session, "plugin_disabled", plugin=key)
        return site.refreshed()

    def _installed(self, key: str) -> Plugin:
        if key in builtin_keys() or key not in self.plugins:
            raise NotFound("There is no plugin '%(key)s'.", key=key)
        return self.plugins[key]

    def close(self) -> None:
        """Let go of threads and connections."""
        self.side_by_side.close()
        self.database.dispose()


def migrations_of(plugin: Plugin) -> migrate.Migrations:
    """Where a plugin's migrations are, and the owner under whose name they are recorded."""
    return migrate.Migrations(owner=plugin.key, folder=plugin.migrations)


def all_migrations(plugins: Plugins) -> list[migrate.Migrations]:
    """The core's migrations and every installed plugin's, in the order in which they run."""
    return [migrate.CORE, *(migrations_of(one) for one in plugins.installed if one.key not in builtin_keys())]


def builtin_keys() -> frozenset[str]:
    """Keys of the core's own plugins, which can't be switched off."""
    from core.builtin import BUILTIN

    return frozenset(plugin.key for plugin in BUILTIN)


def find_plugins(settings: Settings, only: Sequence[Plugin] | None = None) -> Plugins:
    """The built-in plugins and the installed ones; `only` replaces what would be found (tests)."""
    from core.builtin import BUILTIN

    found, refused = discover(settings.plugins) if only is None else (list(only), [])
    return Plugins(found, refused, BUILTIN)


def open_site(
    settings: Settings | None = None, plugins: Sequence[Plugin] | None = None, *, upgrade: bool = True
) -> Site:
    """Open a site: find its plugins, bring its tables up to date, and collect what the enabled plugins contribute.

    A plugin found for the first time is switched on. With `upgrade=False` the tables must be up to date already.
    """
    settings = settings or settings_from_environment()
    check_whole(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    installed = find_plugins(settings, plugins)
    database = open_database(settings.resolved_database_url)
    if upgrade:
        migrate.upgrade(database, all_migrations(installed))
    with database.begin() as session:
        state.remember_plugins(session, [one.key for one in installed.installed if one.key not in builtin_keys()])
        enabled = state.enabled_plugins(session, installed)
        revision = state.revision(session)
        saved = state.saved_settings(session)
        custom_fields = read_definitions(session)
    contributions, refused = _collected(installed, enabled, custom_fields)
    return Site(
        settings=settings,
        database=database,
        plugins=installed,
        enabled=enabled - {refusal.plugin for refusal in refused},
        contributions=contributions,
        refused=(*installed.refused, *refused),
        revision=revision,
        saved_settings=saved,
        custom_fields=custom_fields,
    )


def _collected(
    plugins: Plugins, enabled: frozenset[str], custom_fields: tuple[Definition, ...]
) -> tuple[Contributions, tuple[Refusal, ...]]:
    """What the enabled plugins contribute, with what follows from the fields that staff added (FEATURES C14)."""
    from core.contacts.custom_fields.deriving import with_custom_fields

    contributions, refused = collect(plugins, enabled)
    return with_custom_fields(contributions, custom_fields), refused

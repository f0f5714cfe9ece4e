"""What the site remembers of itself: which plugins are on, their failures, and the settings that staff saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.database.base import Base
from core.database.upsert import upsert
from core.plugins import Failure, Plugins


class SiteState(Base):
    """One row: a number that grows with every change that all processes must notice."""

    __tablename__ = "site_state"

    id: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(default=0)


class PluginState(Base):
    """Whether an installed plugin is on. A plugin that is not here was never seen."""

    __tablename__ = "plugin_states"

    plugin: Mapped[str] = mapped_column(primary_key=True)
    enabled: Mapped[bool]
    changed_at: Mapped[datetime]


class PluginFailure(Base):
    """The last failure of a plugin at one place, and how many there were."""

    __tablename__ = "plugin_failures"
    __table_args__ = ({"info": {"quotes": ("message",)}},)

    plugin: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    message: Mapped[str]
    count: Mapped[int]
    last_at: Mapped[datetime]


class SavedSetting(Base):
    """A setting that staff saved on the settings screen."""

    __tablename__ = "site_settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


def revision(session: Session) -> int:
    """The number that grows with every switch of a plugin and every saved setting."""
    return session.scalar(select(SiteState.revision)) or 0


def bump_revision(session: Session) -> None:
    """Make every process look again, within two seconds (FEATURES H2)."""
    session.execute(
        upsert(
            session,
            SiteState,
            {"id": 1, "revision": 1},
            keys=["id"],
            update={"revision": SiteState.revision + 1},
        )
    )


def remember_plugins(session: Session, keys: Sequence[str]) -> None:
    """Record plugins seen for the first time; they start switched on."""
    known = set(session.scalars(select(PluginState.plugin)))
    fresh = [key for key in keys if key not in known]
    for key in fresh:
        values = {"plugin": key, "enabled": True, "changed_at": datetime.now(UTC)}
        session.execute(upsert(session, PluginState, values, keys=["plugin"]))
    if fresh:
        bump_revision(session)


def enabled_plugins(session: Session, plugins: Plugins) -> frozenset[str]:
    """Keys of the installed plugins that are on; what is not recorded (the core's own) always is."""
    rows = session.execute(select(PluginState.plugin, PluginState.enabled))
    states = {row.plugin: row.enabled for row in rows}
    return frozenset(plugin.key for plugin in plugins.installed if states.get(plugin.key, True))


def switch_plugin(session: Session, key: str, *, on: bool) -> None:
    """Record that a plugin was switched, for every process."""
    values = {"plugin": key, "enabled": on, "changed_at": datetime.now(UTC)}
    session.execute(
        upsert(
            session,
            PluginState,
            values,
            keys=["plugin"],
            update={"enabled": on, "changed_at": values["changed_at"]},
        )
    )
    bump_revision(session)


def record_failure(session: Session, failure: Failure) -> None:
    """Count a plugin's failure and keep its latest message, for the Module screen."""
    values = {
        "plugin": failure.plugin,
        "place": failure.place,
        "message": failure.message[:500].replace("\x00", ""),
        "count": 1,
        "last_at": datetime.now(UTC),
    }
    session.execute(
        upsert(
            session,
            PluginFailure,
            values,
            keys=["plugin", "place"],
            update={
                "message": values["message"],
                "count": PluginFailure.count + 1,
                "last_at": values["last_at"],
            },
        )
    )


def failures(session: Session) -> Sequence[PluginFailure]:
    """All recorded failures, the latest first."""
    return session.scalars(select(PluginFailure).order_by(PluginFailure.last_at.desc())).all()


def forget_failures(session: Session, plugin: str) -> None:
    """Clear the recorded failures of a plugin, as when staff have seen them."""
    for failure in session.scalars(select(PluginFailure).where(PluginFailure.plugin == plugin)):
        session.delete(failure)


def saved_settings(session: Session) -> Mapping[str, str]:
    """All settings that staff saved, by key."""
    return {row.key: row.value for row in session.execute(select(SavedSetting.key, SavedSetting.value))}


def save_setting(session: Session, key: str, value: str) -> None:
    """Save one setting."""
    session.execute(upsert(session, SavedSetting, {"key": key, "value": value}, keys=["key"], update={"value": value}))
    bump_revision(session)

"""The state of a site: its tables, and whether all is well."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.site import Site


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe `migrate` and `doctor`."""
    migrate = commands.add_parser("migrate", help="bring the database's tables up to date")
    migrate.set_defaults(run=_migrate)

    doctor = commands.add_parser("doctor", help="check settings, database, migrations and plugins")
    doctor.add_argument("--repair", action="store_true", help="mend what plugins can work out anew")
    doctor.set_defaults(run=_doctor)


def _migrate(_arguments: argparse.Namespace) -> int:
    from core.backup.placing import check_whole
    from core.database import migrate
    from core.database.engine import open_database
    from core.settings import settings_from_environment
    from core.site import all_migrations, find_plugins

    settings = settings_from_environment()
    check_whole(settings)
    database = open_database(settings.resolved_database_url)
    changed = migrate.upgrade(database, all_migrations(find_plugins(settings)))
    database.dispose()
    print(f"Brought up to date: {', '.join(changed)}." if changed else "Everything is up to date.")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from attrs import fields
    from sqlalchemy import text

    from core.database import migrate
    from core.database.engine import open_database
    from core.settings import Settings, settings_from_environment
    from core.site import all_migrations, find_plugins, open_site

    settings = settings_from_environment()
    print("Settings")
    for one in fields(Settings):
        name = f"TRESEN_{one.name.upper()}"
        value = getattr(settings, one.name)
        shown = ("set" if value else "not set") if one.metadata["secret"] else value or "not set"
        source = "environment" if os.environ.get(name) else "default"
        print(f"  {name} = {shown} ({source})\n      {one.metadata['description']}")
    problems: list[str] = []
    database = open_database(settings.resolved_database_url)
    with database.engine.connect() as connection:
        version = connection.execute(text("SELECT sqlite_version()" if database.is_sqlite else "SHOW server_version"))
        print(f"Database\n  {database.engine.dialect.name} {version.scalar()}")
        if database.is_sqlite and (found := connection.execute(text("PRAGMA quick_check")).scalar()) != "ok":
            problems.append(f"The database file is damaged: {found}. Restore a backup.")
    waiting = migrate.pending(database, all_migrations(find_plugins(settings)))
    problems.extend(f"Migrations of {one.owner} wait. Run: tresen migrate" for one in waiting)
    database.dispose()
    if not waiting:
        site = open_site(settings, upgrade=False)
        print(f"Plugins\n  on: {', '.join(sorted(site.enabled))}")
        print("Mail")
        problems.extend(_check_mail(site))
        problems.extend(refusal.message for refusal in site.refused)
        problems.extend(_run_checks(site, repair=arguments.repair))
        site.close()
    print("Problems" if problems else "No problems found.")
    for problem in problems:
        print(f"  {problem}")
    return 1 if problems else 0


def _run_checks(site: Site, *, repair: bool) -> list[str]:
    """Print what the plugins' checks find, and mend it with `repair`; answers what is left."""
    from core.checking import run_checks, told

    problems: list[str] = []
    print("Checks")
    for checked in run_checks(site, repair=repair):
        found = len(checked.problems)
        state = f"problems: {found}" if found else "well"
        print(f"  {checked.check.label}: {state}{f', mended: {checked.mended}' if checked.mended else ''}")
        problems += told(checked)
        if checked.can_mend and not repair:
            problems.append(f"{checked.check.label}: run tresen doctor --repair")
    return problems


def _check_mail(site: Site) -> list[str]:
    """Print how mail stands; answers what is wrong with it. A site may well have no mail server."""
    from core.messages.inbox import count_waiting
    from core.messages.mail import sender_of
    from core.messages.smtp import probe

    server, sender = site.settings.mail_server, sender_of(site)
    problems = _check_mailbox(site)
    with site.session() as session:
        counts = count_waiting(session)
    print(f"  waiting: {counts.waiting}, to decide: {counts.undecided}")
    if server is None:
        print("  nothing is sent: TRESEN_SMTP_URL is not set")
        return problems
    if said := probe(server):
        print(f"  {server.address} can't be used")
        problems.append(f"The mail server {server.address} can't be used: {said}")
    else:
        print(f"  {server.address} is ready")
    if sender is None:
        problems.append("No mail is sent: the sender's address is not set. Set it on the settings screen.")
    else:
        print(f"  sender: {sender.name} <{sender.email}>")
    return problems


def _check_mailbox(site: Site) -> list[str]:
    """Print how the mailbox of answers stands; answers what is wrong with it. A site may well have none."""
    from core.mailbox.imap import MailboxAway, probe
    from core.mailbox.pile import count_pile

    mailbox = site.settings.imap_server
    with site.session() as session:
        print(f"  not assigned: {count_pile(session)}")
    if mailbox is None:
        print("  no mailbox is read: TRESEN_IMAP_URL is not set")
        return []
    try:
        probe(mailbox)
    except MailboxAway as away:
        print(f"  {mailbox.address} can't be read")
        return [f"The mailbox {mailbox.address} can't be read: {away}"]
    print(f"  {mailbox.address} is read every minute")
    return []

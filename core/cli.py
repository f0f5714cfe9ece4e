"""The command `tresen`: everything that is done to a site from outside the browser.

Each command is a function of its parsed arguments that answers the exit status. Imports are made where they are used,
so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.site import Site

DEMO_EMAIL = "demo@example.org"
DEMO_PASSWORD = "tresen-demo"  # noqa: S105 (printed by `tresen demo`; no other command makes this account)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers its exit status: 0, or not zero when it failed."""
    from core.errors import TresenError

    given = list(sys.argv[1:] if arguments is None else arguments)
    parser, own = _parser()
    try:
        # Plugins are looked for only then: `--help` of the others answers at once.
        stranger = bool(given) and given[0] not in own and not given[0].startswith("-")
        owner = _plugin_of_command(given[0]) if stranger else ""
    except TresenError as error:
        print(f"tresen: {error}", file=sys.stderr)
        return 1
    if owner:
        parsed = argparse.Namespace(command=owner, given=given[1:], run=_run_plugin_command)
    else:
        parsed = parser.parse_args(given)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    # Alembic tells of every step it takes; the commands say what was done.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        status: int = parsed.run(parsed)
    except TresenError as error:
        print(f"tresen {parsed.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> tuple[argparse.ArgumentParser, frozenset[str]]:
    """What the core's own commands take, and their names: no plugin can replace one."""
    parser = argparse.ArgumentParser(
        prog="tresen",
        description="A plugin-based CRM: contacts, and what brings them.",
        epilog="Plugins add commands of their own: tresen PLUGIN --help",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the web server")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    serve.add_argument(
        "--workers", type=int, default=1, help="server processes, about one a core (default: %(default)s)"
    )
    serve.set_defaults(run=_serve)

    worker = commands.add_parser("worker", help="do what is due in the background, without the web server")
    worker.set_defaults(run=_worker)

    demo = commands.add_parser("demo", help="make demonstration data once, then run the web server")
    demo.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    demo.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    demo.add_argument("--seed", type=int, default=1, help="another seed makes another site (default: %(default)s)")
    demo.add_argument("--people", type=int, default=640, help="how many contacts, about (default: %(default)s)")
    demo.add_argument("--no-serve", action="store_true", help="make the data only")
    demo.set_defaults(run=_demo)

    migrate = commands.add_parser("migrate", help="bring the database's tables up to date")
    migrate.set_defaults(run=_migrate)

    user = commands.add_parser("user", help="staff accounts").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    add = user.add_parser("add", help="add an account; asks for the password, or takes it from standard input")
    add.add_argument("email")
    add.add_argument("--name", default="", help="the person's name (default: what stands before the @)")
    add.add_argument("--role", choices=("owner", "manager", "assistant"), default="owner")
    add.set_defaults(run=_user_add)
    password = user.add_parser("password", help="set an account's password and end its sessions")
    password.add_argument("email")
    password.set_defaults(run=_user_password)
    user.add_parser("list", help="all accounts").set_defaults(run=_user_list)

    plugin = commands.add_parser("plugin", help="installed plugins").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    plugin.add_parser("list", help="what is installed, on, off, or refused").set_defaults(run=_plugin_list)
    for action in ("enable", "disable"):
        switch = plugin.add_parser(action, help=f"switch a plugin {'on' if action == 'enable' else 'off'}")
        switch.add_argument("plugin")
        switch.set_defaults(run=_plugin_switch, on=action == "enable")

    bring = commands.add_parser("import", help="take contacts in from a CSV, XLSX or vCard file")
    bring.add_argument("file", help="file to import")
    bring.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")
    bring.add_argument(
        "--known",
        choices=("fill", "overwrite", "skip"),
        default="fill",
        help="what becomes of addresses that are known: fill gaps, overwrite what is not locked, or skip",
    )
    bring.add_argument("--tag", action="append", default=[], help="a tag for all; can be given several times")
    bring.add_argument("--tick", action="append", default=[], metavar="KEY", help="a choice of a plugin to tick")
    bring.add_argument("--encoding", help="instead of the one that is recognised, such as cp1252")
    bring.add_argument("--delimiter", help="instead of the one that is recognised")
    bring.add_argument("--dates", choices=("dmy", "mdy"), help="the order in dates such as 01.02.2026")
    bring.add_argument("--decimal", choices=(",", "."), help="the sign before the decimals of numbers")
    bring.add_argument("--column", action="append", default=[], metavar="HEADING=FIELD", help="what a column is")
    bring.add_argument("--refused", metavar="FILE", help="write refused rows there, with their reasons")
    bring.set_defaults(run=_import)

    export = commands.add_parser("export", help="write all contacts into a file")
    export.add_argument("file", nargs="?", default="-", help="file to write (default: standard output)")
    export.add_argument(
        "--format",
        choices=("csv", "excel", "xlsx", "vcard3", "vcard4"),
        help="excel is CSV with semicolons (default: by the file's ending)",
    )
    export.add_argument("--exact", action="store_true", help="leave cells that begin like a formula as they are")
    export.add_argument("--language", choices=("de", "en"), help="of the headings (default: the site's)")
    export.set_defaults(run=_export)

    receive = commands.add_parser(
        "receive",
        help="take in an e-mail from standard input, as a mail server hands it to a program",
        epilog="Exit status: 0 it was taken in, 65 it is too large, 75 not now: try again later (sysexits.h).",
    )
    receive.set_defaults(run=_receive)

    doctor = commands.add_parser("doctor", help="check settings, database, migrations and plugins")
    doctor.add_argument("--repair", action="store_true", help="mend what plugins can work out anew")
    doctor.set_defaults(run=_doctor)
    return parser, frozenset(commands.choices)


def _plugin_of_command(word: str) -> str:
    """The installed plugin that this first word names; empty when it names none."""
    from core.settings import settings_from_environment
    from core.site import builtin_keys, find_plugins

    plugins = find_plugins(settings_from_environment())
    return word if word in plugins and word not in builtin_keys() else ""


def _run_plugin_command(parsed: argparse.Namespace) -> int:
    """A command that a plugin adds: `notes tidy-up …`."""
    from core.errors import NotFound
    from core.plugins import plugin_of
    from core.site import open_site

    with closing(open_site()) as site:
        own = [one for key, one in site.contributions.commands.items() if plugin_of(key) == parsed.command]
        if not own:
            raise NotFound("This plugin has no commands, or is off.")
        parser = argparse.ArgumentParser(prog=f"tresen {parsed.command}")
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for command in own:
            name = command.key.partition(".")[2].replace("_", "-")
            action = actions.add_parser(name, help=command.help, description=command.help)
            if command.arguments is not None:
                command.arguments(action)
            action.set_defaults(_run=command.run)
        arguments = parser.parse_args(parsed.given)
        status: int = arguments._run(site, arguments)
        return status


def _serve(arguments: argparse.Namespace) -> int:
    from core.settings import settings_from_environment
    from core.site import open_site

    # Once here, so that a mistake is said in one sentence and not by each worker; and so that only one migrates.
    open_site(settings_from_environment()).close()
    return _run_server(arguments.host, arguments.port, arguments.workers)


def _run_server(host: str, port: int, workers: int) -> int:
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        "app:app",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        websockets=False,
        log_access=False,
        # A person's requests are short; a slow one still gets its answer when the server is told to end.
        workers_kill_timeout=10,
    ).serve()
    return 0


def _worker(_arguments: argparse.Namespace) -> int:
    import signal

    from core.jobs import Worker
    from core.settings import settings_from_environment
    from core.site import open_site

    with closing(open_site(settings_from_environment())) as site:
        worker = Worker(site)
        # Also when a service manager ends it: the step under way is finished first.
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda _number, _frame: worker.stop(0))
        print("Doing what is due. Ctrl C ends it.", flush=True)
        worker.run()
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    import shutil

    from attrs import evolve

    from core.demo import make_demo
    from core.settings import settings_from_environment
    from core.site import open_site

    address = f"http://{arguments.host}:{arguments.port}"
    os.environ.setdefault("TRESEN_BASE_URL", address)
    os.environ.setdefault("TRESEN_DATA_DIR", str(Path("data") / "demo"))
    settings = settings_from_environment()
    folder = settings.data_dir
    # Made beside its place and then moved there: an interrupted one leaves nothing half done.
    making = folder if settings.database_url or folder.exists() else folder.with_name(f"{folder.name}.making")
    if making != folder:
        shutil.rmtree(making, ignore_errors=True)
        print("Making the demonstration site, which takes a moment …", flush=True)
    site = open_site(evolve(settings, data_dir=making))
    try:
        made = make_demo(site, seed=arguments.seed, people=arguments.people, email=DEMO_EMAIL, password=DEMO_PASSWORD)
    finally:
        site.close()
    if making != folder:
        making.rename(folder)
    if made:
        print(f"Made it in {folder}.", flush=True)
    if arguments.no_serve:
        return 0
    print(
        f"\n  Tresen runs on {address}\n  Dashboard:   {address}/dashboard\n"
        f"  Sign in as:  {DEMO_EMAIL}\n  Password:    {DEMO_PASSWORD}\n\n  Ctrl C ends it.\n",
        flush=True,
    )
    return _run_server(arguments.host, arguments.port, 1)


def _migrate(_arguments: argparse.Namespace) -> int:
    from core.database import migrate
    from core.database.engine import open_database
    from core.settings import settings_from_environment
    from core.site import all_migrations, find_plugins

    settings = settings_from_environment()
    database = open_database(settings.resolved_database_url)
    changed = migrate.upgrade(database, all_migrations(find_plugins(settings)))
    database.dispose()
    print(f"Brought up to date: {', '.join(changed)}." if changed else "Everything is up to date.")
    return 0


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass("Password: ")


def _user_add(arguments: argparse.Namespace) -> int:
    from core.site import open_site
    from core.staff.accounts import add_account

    # Read before the transaction begins: nobody else could write while a person types.
    password = _read_password()
    with closing(open_site()) as site, site.begin() as session:
        add_account(
            session,
            email=arguments.email,
            name=arguments.name or arguments.email.partition("@")[0],
            role=arguments.role,
            password=password,
        )
    print(f"Added {arguments.email} as {arguments.role}.")
    return 0


def _user_password(arguments: argparse.Namespace) -> int:
    from core.site import open_site
    from core.staff.accounts import find_account, set_password

    password = _read_password()
    with closing(open_site()) as site, site.begin() as session:
        set_password(session, find_account(session, arguments.email).id, password)
    print(f"Set the password of {arguments.email} and ended its sessions.")
    return 0


def _user_list(_arguments: argparse.Namespace) -> int:
    from core.site import open_site
    from core.staff.accounts import list_accounts

    with closing(open_site()) as site, site.session() as session:
        for account in list_accounts(session):
            print(f"{account.email}\t{account.role}\t{'disabled' if account.disabled_at else 'active'}\t{account.name}")
    return 0


def _plugin_list(_arguments: argparse.Namespace) -> int:
    from core.site import builtin_keys, open_site

    with closing(open_site()) as site:
        for plugin in site.plugins.installed:
            if plugin.key not in builtin_keys():
                refused = any(refusal.plugin == plugin.key for refusal in site.refused)
                state = "refused" if refused else "on" if plugin.key in site.enabled else "off"
                print(f"{plugin.key}\t{state}\t{plugin.package}")
    for refusal in site.refused:
        print(refusal.message, file=sys.stderr)
    return 1 if site.refused else 0


def _plugin_switch(arguments: argparse.Namespace) -> int:
    from core.site import open_site

    with closing(open_site()) as site:
        site.switch(arguments.plugin, arguments.on)
    print(f"{arguments.plugin} is {'on' if arguments.on else 'off'}.")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from core.site import open_site
    from core.transfer.commands import Asked, bring_in

    asked = Asked(
        policy=arguments.known,
        tags=tuple(arguments.tag),
        choices=tuple(arguments.tick),
        encoding=arguments.encoding or "",
        delimiter={"tab": "\t", "\\t": "\t"}.get(arguments.delimiter or "", arguments.delimiter or ""),
        dates=arguments.dates or "",
        decimal=arguments.decimal or "",
        columns=tuple(arguments.column),
    )
    with closing(open_site()) as site:
        done = bring_in(
            site,
            Path(arguments.file),
            asked,
            dry_run=arguments.dry_run,
            refused=Path(arguments.refused) if arguments.refused else None,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
    return 0 if done else 1


def _export(arguments: argparse.Namespace) -> int:
    from core.site import open_site
    from core.transfer.exporting import Export, Format, export_pieces
    from core.transfer.layout import file_columns

    by_ending: dict[str, Format] = {".xlsx": "xlsx", ".vcf": "vcard3"}
    kind: Format = arguments.format or by_ending.get(Path(arguments.file).suffix.lower(), "csv")
    with closing(open_site()) as site:
        columns = file_columns(site, lambda permission: True)
        export = Export(columns=columns, format=kind, exact=arguments.exact)
        pieces = export_pieces(site, export, site.language(arguments.language or site.settings.language))
        if arguments.file == "-":
            sys.stdout.buffer.writelines(pieces)
            return 0
        # Beside its place and then moved there: an interrupted export leaves no file that looks whole.
        target = Path(arguments.file)
        making = target.with_name(f"{target.name}.part")
        with making.open("wb") as opened:
            opened.writelines(pieces)
        making.replace(target)
    return 0


def _receive(_arguments: argparse.Namespace) -> int:
    from core.mailbox.piping import receive

    return receive(sys.stdin.buffer, lambda line: print(f"tresen receive: {line}", file=sys.stderr))


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


if __name__ == "__main__":
    sys.exit(main())

"""Staff accounts."""

from __future__ import annotations

import argparse
import getpass
import sys
from contextlib import closing


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe `user`."""
    user = commands.add_parser("user", help="staff accounts").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    add = user.add_parser("add", help="add an account; asks for the password, or takes it from standard input")
    add.add_argument("email")
    add.add_argument("--name", default="", help="the person's name (default: what stands before the @)")
    add.add_argument("--role", choices=("owner", "manager", "assistant"), default="owner")
    add.set_defaults(run=_add)
    password = user.add_parser("password", help="set an account's password and end its sessions")
    password.add_argument("email")
    password.set_defaults(run=_password)
    user.add_parser("list", help="all accounts").set_defaults(run=_list)


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass("Password: ")


def _add(arguments: argparse.Namespace) -> int:
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


def _password(arguments: argparse.Namespace) -> int:
    from core.site import open_site
    from core.staff.accounts import find_account, set_password

    password = _read_password()
    with closing(open_site()) as site, site.begin() as session:
        set_password(session, find_account(session, arguments.email).id, password)
    print(f"Set the password of {arguments.email} and ended its sessions.")
    return 0


def _list(_arguments: argparse.Namespace) -> int:
    from core.site import open_site
    from core.staff.accounts import list_accounts

    with closing(open_site()) as site, site.session() as session:
        for account in list_accounts(session):
            print(f"{account.email}\t{account.role}\t{'disabled' if account.disabled_at else 'active'}\t{account.name}")
    return 0

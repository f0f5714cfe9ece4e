"""The command `tresen`: everything that is done to a site from outside the browser.

Each command is a function of its parsed arguments that answers the exit status. Imports are made where they are used,
so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from core.cli import accounts, backups, plugins, running, transfer, upkeep


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers its exit status: 0, or not zero when it failed."""
    from core.errors import TresenError

    given = list(sys.argv[1:] if arguments is None else arguments)
    parser, own = _parser()
    try:
        # Plugins are looked for only then: `--help` of the others answers at once.
        stranger = bool(given) and given[0] not in own and not given[0].startswith("-")
        owner = plugins.plugin_of_command(given[0]) if stranger else ""
    except TresenError as error:
        print(f"tresen: {error}", file=sys.stderr)
        return 1
    if owner:
        parsed = argparse.Namespace(command=owner, given=given[1:], run=plugins.run_plugin_command)
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
    for part in (running, upkeep, backups, accounts, plugins, transfer):
        part.add_to(commands)
    return parser, frozenset(commands.choices)

"""Installed plugins, and the commands that they add."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe `plugin`."""
    plugin = commands.add_parser("plugin", help="installed plugins").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    plugin.add_parser("list", help="what is installed, on, off, or refused").set_defaults(run=_list)
    for action in ("enable", "disable"):
        switch = plugin.add_parser(action, help=f"switch a plugin {'on' if action == 'enable' else 'off'}")
        switch.add_argument("plugin")
        switch.set_defaults(run=_switch, on=action == "enable")


def _list(_arguments: argparse.Namespace) -> int:
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


def _switch(arguments: argparse.Namespace) -> int:
    from core.site import open_site

    with closing(open_site()) as site:
        site.switch(arguments.plugin, arguments.on)
    print(f"{arguments.plugin} is {'on' if arguments.on else 'off'}.")
    return 0


def plugin_of_command(word: str) -> str:
    """The installed plugin that this first word names; empty when it names none."""
    from core.settings import settings_from_environment
    from core.site import builtin_keys, find_plugins

    plugins = find_plugins(settings_from_environment())
    return word if word in plugins and word not in builtin_keys() else ""


def run_plugin_command(parsed: argparse.Namespace) -> int:
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

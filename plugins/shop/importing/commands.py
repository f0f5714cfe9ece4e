"""`tresen shop import-orders FILE`: the import of orders from the command line."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from core import SYSTEM, Command, Money, Site
from plugins.shop.importing.runs import JOB, count_problems, discard, follow, new_import, problems_of, run_now
from plugins.shop.models import OrderImport

LIMIT = 10_000_000_000
"""Bytes of a file: who has a shell may bring a large one."""


def commands() -> list[Command]:
    """The shop's commands."""
    return [
        Command(
            key=JOB,
            help="take the orders of a Shopify or WooCommerce export in",
            arguments=_arguments,
            run=import_orders,
        )
    ]


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="CSV or XLSX file")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")
    parser.add_argument("--shop", default="", help="what the other shop is called here (default: its program's name)")
    parser.add_argument("--currency", default="", help="of orders that say none (default: the shop's)")


def import_orders(site: Site, arguments: Namespace) -> int:
    """Import a file, or say what would become of it; 1 when an order was refused."""
    path = Path(arguments.file)
    with path.open("rb") as opened:
        import_id = new_import(
            site, path.name, opened, SYSTEM, shop=arguments.shop, currency=arguments.currency.upper(), limit=LIMIT
        )
    row = follow(site, import_id)
    if not arguments.dry_run:
        row = run_now(site, import_id)
    refused = _tell(site, row)
    if arguments.dry_run:
        with site.begin() as session:
            discard(session, site, import_id)
    return 1 if refused else 0


def _tell(site: Site, row: OrderImport) -> int:
    language = site.language("en")
    numbers = row.numbers
    words = (("taken", "taken in"), ("known", "here already"), ("skipped", "no orders"), ("refused", "refused"))
    lines = [f"{row.source}: " + ", ".join(f"{label} {numbers.get(key, 0)}" for key, label in words)]
    for currency, minor in sorted(numbers.get("sums", {}).items()):
        lines.append(f"  {language.money(Money(minor=minor, currency=currency))}")
    with site.session() as session:
        for refused in (True, False):
            for one in problems_of(session, row.id, refused=refused, limit=20):
                said = language.text(one.message, **one.words)
                lines.append(f"  row {one.line}, order {one.reference or '?'}: {said}")
        sys.stdout.write("\n".join(lines) + "\n")
        return count_problems(session, row.id, refused=True)

"""Contacts from files and into files, and mails from a mail server."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe `import`, `export` and `receive`."""
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

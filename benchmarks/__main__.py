"""`make bench`: what Tresen costs, as ratios against a floor measured in the same run.

A ratio of 1.5 means one and a half times the time of the same work done by hand. The times beside it say more about
the machine than about the code.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from benchmarks import capturing, hooks, listing, starting, transferring
from benchmarks.measuring import Result


def main() -> int:
    """Run the benchmarks that were asked for, all by default."""
    parts: Mapping[str, Callable[[Path, int], Iterable[Result]]] = {
        "start": starting.run,
        "hooks": hooks.run,
        "capture": capturing.run,
        "list": listing.run,
        "transfer": transferring.run,
    }
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help=f"of {', '.join(parts)}; all by default")
    parser.add_argument(
        "--contacts", type=int, default=100_000, help="contacts in the list and in files (default: %(default)s)"
    )
    parsed = parser.parse_args()
    for name in parsed.parts or parts:
        with tempfile.TemporaryDirectory() as folder:
            for result in parts[name](Path(folder), parsed.contacts):
                print(result.line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

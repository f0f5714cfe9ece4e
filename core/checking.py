"""The checks of all plugins, as `tresen doctor` runs them: what does not hold, and what was mended."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from core.plugins import describe
from core.values import Check

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.checks")

MOST = 20
"""Problems of one check that are told; of the others only how many there are."""


@frozen(kw_only=True)
class Checked:
    """What came of one check: the `problems` that are left, how many were `mended`, whether it `can_mend`."""

    check: Check
    problems: Sequence[str]
    mended: int = 0

    @property
    def can_mend(self) -> bool:
        """Whether `--repair` would do something about the problems."""
        return bool(self.problems) and self.check.repair is not None and not self.mended


def run_checks(site: Site, *, repair: bool = False) -> list[Checked]:
    """Run every check of the enabled plugins, and with `repair` mend what can be mended and look again."""
    return [_run(site, check, repair=repair) for check in site.contributions.checks]


def _run(site: Site, check: Check, *, repair: bool) -> Checked:
    found = _find(site, check)
    if not found or not repair or check.repair is None:
        return Checked(check=check, problems=found)
    try:
        with site.begin() as session:
            check.repair(session, site)
    except (Exception, SystemExit) as error:
        log.exception("Check %s failed to mend", check.key)
        return Checked(check=check, problems=[*found, f"The repair failed: {describe(error)}"])
    left = _find(site, check)
    return Checked(check=check, problems=left, mended=max(len(found) - len(left), 0))


def _find(site: Site, check: Check) -> list[str]:
    try:
        with site.session() as session:
            return [str(one) for one in check.find(session, site)]
    except (Exception, SystemExit) as error:
        log.exception("Check %s failed", check.key)
        return [f"The check failed: {describe(error)}"]


def told(checked: Checked) -> list[str]:
    """The problems of a check as lines, of which there are not too many."""
    lines = [f"{checked.check.label}: {problem}" for problem in checked.problems[:MOST]]
    if len(checked.problems) > MOST:
        lines.append(f"{checked.check.label}: and {len(checked.problems) - MOST} more.")
    return lines

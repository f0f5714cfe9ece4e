"""`tresen receive`: a mail from a mail server that hands it to a program (Postfix, Exim, sendmail, procmail).

It answers in the codes of sysexits.h: whatever is wrong here is no reason to lose a mail, so the mail server is asked
to keep it and come again (75), except for one that will never be taken (65).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from typing import BinaryIO

from core.mailbox.reading import MAX_RAW
from core.mailbox.taking import take_mail

log = logging.getLogger("tresen.mailbox")

OK, DATA_ERROR, TRY_AGAIN = 0, 65, 75


def receive(source: BinaryIO, say: Callable[[str], object]) -> int:
    """Take in the mail that `source` holds; answers the exit status. `say` gets a line for the mail server's log."""
    from core.plugins import describe
    from core.settings import settings_from_environment
    from core.site import open_site

    raw = source.read(MAX_RAW + 1)
    if len(raw) > MAX_RAW:
        say(f"the e-mail is too large, {MAX_RAW // 1_000_000} MB at most")
        return DATA_ERROR
    if raw.startswith(b"From "):
        # The line that begins a mail in a mailbox file; some servers write it to programs too.
        raw = raw.partition(b"\n")[2]
    if not raw.strip():
        say("there was no e-mail on standard input")
        return DATA_ERROR
    try:
        with closing(open_site(settings_from_environment(), upgrade=False)) as site:
            outcome = take_mail(site, raw)
    except (Exception, SystemExit) as error:
        log.exception("An e-mail could not be taken in")
        say(f"not taken in, try again later: {describe(error)}")
        return TRY_AGAIN
    say(f"taken in ({outcome})")
    return OK

"""The core's own plugins: its columns, panels, pages and permissions come through the same hooks as a stranger's."""

from __future__ import annotations

from core.contacts import hooks as contacts
from core.mailbox import hooks as mailbox
from core.messages import hooks as messages
from core.plugins import make_plugin
from core.staff import hooks as staff
from core.web import hooks as web
from core.zone import hooks as zone

BUILTIN = (
    make_plugin(contacts, "contact"),
    make_plugin(messages, "message"),
    make_plugin(staff, "staff"),
    make_plugin(web, "site"),
    # Its pages ask for a permission of the one before.
    make_plugin(mailbox, "mailbox"),
    make_plugin(zone, "zone"),
)

"""What staff can do with every contact: on its profile, and in the row's menu (FEATURES L8, P2)."""

from __future__ import annotations

from core.values import Action

ACTIONS = (
    Action(
        key="contact.edit",
        label="Edit",
        href="/dashboard/contacts/{contact_id}/edit",
        permission="contact.edit",
        icon="edit",
        shortcut="e",
        order=10,
    ),
    Action(
        key="contact.activity",
        label="View activity log",
        href="/dashboard/contacts/{contact_id}/activity",
        permission="contact.view",
        icon="clock",
        order=30,
    ),
    Action(
        key="contact.deactivate",
        label="Inactive",
        href="/dashboard/contacts/{contact_id}/deactivate",
        permission="contact.edit",
        icon="archive",
        method="post",
        only="active",
        order=900,
    ),
    Action(
        key="contact.reactivate",
        label="Make active again",
        href="/dashboard/contacts/{contact_id}/reactivate",
        permission="contact.edit",
        icon="undo",
        method="post",
        only="inactive",
        order=901,
    ),
)

"""The kinds of entries that the core itself writes into the activity log (FEATURES C12)."""

from __future__ import annotations

from core.values import ActivityKind

KINDS = (
    ActivityKind(
        key="contact.added", label="Added", text="Added by hand", source="entry by hand", icon="plus", order=1
    ),
    ActivityKind(key="contact.edited", label="Edited", text="Details edited", icon="edit", order=2),
    ActivityKind(key="contact.became_customer", label="Customer", text="Became a customer", icon="star", order=3),
    ActivityKind(key="contact.locked", label="Locked", text="Details locked", icon="lock", order=4),
    ActivityKind(key="contact.unlocked", label="Lock lifted", text="Lock lifted", icon="unlock", order=5),
    ActivityKind(
        key="contact.suggestion_accepted",
        label="Suggestion accepted",
        text="Suggestion accepted",
        icon="check",
        order=6,
    ),
    ActivityKind(
        key="contact.suggestion_dismissed",
        label="Suggestion dismissed",
        text="Suggestion dismissed",
        icon="x",
        order=7,
    ),
    ActivityKind(key="contact.tagged", label="Tag added", text="Tag “%(reference)s” added", icon="tag", order=8),
    ActivityKind(key="contact.untagged", label="Tag removed", text="Tag “%(reference)s” removed", icon="tag", order=9),
    ActivityKind(
        key="contact.retagged",
        label="Tags joined",
        text="Tag “%(before)s” became “%(reference)s”",
        icon="tag",
        order=9,
    ),
    ActivityKind(key="contact.pictured", label="Picture", text="Picture changed", icon="image", order=10),
    ActivityKind(key="contact.unpictured", label="Picture removed", text="Picture removed", icon="image", order=11),
    ActivityKind(key="contact.noted", label="Note", text="Internal note: %(excerpt)s", icon="note", order=12),
    ActivityKind(key="contact.filed", label="File", text="File “%(name)s” added", icon="paperclip", order=13),
    ActivityKind(key="contact.note_edited", label="Note edited", text="Internal note edited", icon="note", order=14),
    ActivityKind(
        key="contact.note_deleted", label="Note deleted", text="Internal note deleted", icon="trash", order=15
    ),
    ActivityKind(key="contact.unfiled", label="File removed", text="File removed", icon="paperclip", order=16),
    ActivityKind(key="contact.deactivated", label="Inactive", text="Marked inactive", icon="archive", order=17),
    ActivityKind(key="contact.reactivated", label="Reactivated", text="Active again", icon="undo", order=18),
    ActivityKind(key="contact.fields_edited", label="Fields", text="Fields edited", icon="edit", order=23),
    ActivityKind(
        key="contact.imported",
        label="Imported",
        text="Imported from “%(reference)s”, row %(line)s",
        source="import “%(reference)s”",
        icon="upload",
        order=24,
    ),
    ActivityKind(
        key="contact.import_undone",
        label="Import taken back",
        text="Import of “%(reference)s” taken back",
        icon="undo",
        order=25,
    ),
    ActivityKind(key="contact.exported", label="Data exported", text="Data exported", icon="download", order=19),
    ActivityKind(
        key="contact.merged", label="Merged", text="Merged with the contact %(reference)s", icon="merge", order=20
    ),
    ActivityKind(
        key="contact.unmerged",
        label="Merge undone",
        text="Merge with the contact %(reference)s undone",
        icon="undo",
        order=21,
    ),
    ActivityKind(
        key="contact.restored",
        label="Separated again",
        text="Merge into the contact %(reference)s undone",
        icon="undo",
        order=22,
    ),
)
"""In the order in which the log's filter offers them."""

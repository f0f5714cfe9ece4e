"""Every exception that Tresen raises on purpose.

An error says who, what, and the way out. Texts that a person in the dashboard or on a public page reads are English
message ids with `%(name)s` placeholders; the screen translates them (`TresenError.message`, `TresenError.values`).
"""

from __future__ import annotations

from collections.abc import Mapping


class TresenError(Exception):
    """Base of all: `message` is a translatable text, `values` fill its placeholders."""

    def __init__(self, message: str, **values: object) -> None:
        self.message = message
        self.values: Mapping[str, object] = values
        super().__init__(message % values if values else message)


class SettingsError(TresenError):
    """The environment holds a value that can't be used."""


class PluginError(TresenError):
    """A plugin does not fit: it is refused, the others go on (FEATURES H4)."""


class InvalidInput(TresenError):
    """What a person typed can't be used. `field` names the input it belongs to, if it belongs to one."""

    def __init__(self, message: str, *, field: str | None = None, **values: object) -> None:
        super().__init__(message, **values)
        self.field = field


class InvalidEmail(InvalidInput):
    """Not an e-mail address that mail could be sent to (RFC 5321, RFC 6531)."""


class NotFound(TresenError):
    """There is no such thing here, or not for this person (answers 404)."""


class Conflict(TresenError):
    """Someone else was faster: nothing was written (answers 409)."""


class DutyFailed(Conflict):
    """A plugin could not do its duty, so the whole was given up; `key` and `hook` name it (DESIGN section 3)."""

    def __init__(self, message: str, *, key: str, hook: str, **values: object) -> None:
        super().__init__(message, **values)
        self.key = key
        self.hook = hook


class EditConflict(Conflict):
    """The contact was changed since the form was opened (FEATURES P3, THREATS T-F1).

    `theirs` holds the stored values, `yours` the ones that were not written, both by detail name.
    """

    def __init__(self, theirs: Mapping[str, str], yours: Mapping[str, str], version: int) -> None:
        super().__init__("Someone else has changed this contact in the meantime. Nothing was saved.")
        self.theirs = theirs
        self.yours = yours
        self.version = version


class TooManyAttempts(TresenError):
    """Something was tried too often; `wait` says for how many seconds it is refused (answers 429)."""

    def __init__(self, message: str, *, wait: int, **values: object) -> None:
        super().__init__(message, **values)
        self.wait = wait


class SendRefused(TresenError):
    """A plugin's `may_send` refused a message, or failed when it was asked (FEATURES M3).

    `plugin` is its key; empty when the core refuses, as for advertising that no plugin has a say in.
    """

    def __init__(self, message: str, *, plugin: str, **values: object) -> None:
        super().__init__(message, **values)
        self.plugin = plugin


class CaptureRejected(TresenError):
    """A plugin's `screen_capture` refused the visitor's data; the caller's transaction should be given up."""


class BackupError(TresenError):
    """A backup can't be made, read or restored; nothing was changed, unless the text says what."""


class PaymentFailed(TresenError):
    """A provider of payments did not answer as it should. Nothing was paid through it; it can be tried again."""

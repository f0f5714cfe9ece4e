"""The inputs of fields on the forms for adding and editing a contact (FEATURES C14, L9, P3).

Each input is named by its field's key. Beside it stands `shown-<key>`, what was stored when the form was made: only
what a person changed is written, and what somebody else has changed since is noticed (THREATS T-F1).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from core.contacts.custom_fields.definitions import id_of
from core.contacts.field_texts import NO, YES, plain, read_typed, typed
from core.errors import InvalidInput
from core.plugins import Failure, plugin_of
from core.values import ContactField, FieldValue
from core.web.requests import Form, Request

SHOWN = "shown-"
"""Before a key: the name of the hidden input with what was stored."""


def fields_of(request: Request, form: Literal["add", "edit"]) -> list[ContactField]:
    """The fields that the person may fill on this form, in their order."""
    return [
        field
        for field in request.site.contributions.contact_fields.values()
        if form in field.forms and request.allows(field.permission)
    ]


def sent_fields(fields: Sequence[ContactField], form: Form) -> list[ContactField]:
    """Those whose input was on the form that was sent: one that was added or failed meanwhile was not."""
    return [field for field in fields if field.key in form.fields]


def read_inputs(request: Request, fields: Sequence[ContactField], form: Form) -> dict[str, FieldValue | None]:
    """What was typed, by key; what can't be used becomes the error of its input."""
    values: dict[str, FieldValue | None] = {}
    for field in fields:
        try:
            values[field.key] = read_typed(field, form.text(field.key), request.language)
        except InvalidInput as error:
            form.fail(error, field.key)
    return values


def shown_text(form: Form, key: str) -> str:
    """What was stored when the form was made, as `plain` writes it."""
    return form.text(SHOWN + key)


def input_texts(
    request: Request, fields: Sequence[ContactField], values: Mapping[str, FieldValue | None]
) -> dict[str, str]:
    """Stored values as they stand in the inputs."""
    return {field.key: typed(field, values.get(field.key), request.language) for field in fields}


def plain_texts(fields: Sequence[ContactField], values: Mapping[str, FieldValue | None]) -> dict[str, str]:
    """Stored values as the hidden inputs keep them."""
    return {field.key: plain(values.get(field.key)) for field in fields if field.read is not None}


def input_groups(
    request: Request,
    fields: Sequence[ContactField],
    texts: Mapping[str, str],
    shown: Mapping[str, str],
    errors: Mapping[str, InvalidInput],
) -> list[dict[str, Any]]:
    """The inputs as the template `contacts/field_inputs.html` takes them: those of staff first, then each plugin's."""
    language = request.language
    groups: dict[str, list[dict[str, Any]]] = {}
    for field in fields:
        is_own = id_of(field.key) is not None
        groups.setdefault("" if is_own else plugin_of(field.key), []).append(
            {
                "name": field.key,
                "kind": field.kind,
                "label": language.text(field.label),
                "hint": language.text(field.hint) or None,
                "value": texts.get(field.key, ""),
                "shown": shown.get(field.key),
                "options": _options(request, field, {texts.get(field.key, ""), shown.get(field.key, "")}),
                "error": language.text(error.message, **error.values) if (error := errors.get(field.key)) else None,
            }
        )
    return [
        {
            "heading": language.text(request.site.plugin_label(plugin) if plugin else "Further details"),
            "own": not plugin,
            "inputs": groups[plugin],
        }
        for plugin in sorted(groups, key=bool)
    ]


def _options(request: Request, field: ContactField, present: Collection[str]) -> list[dict[str, str]]:
    language = request.language
    if field.kind == "yesno":
        return [{"value": YES, "label": language.text("Yes")}, {"value": NO, "label": language.text("No")}]
    return [
        {"value": choice.value, "label": language.text(choice.label)}
        for choice in field.choices
        if choice.offered or choice.value in present
    ]


def failure_texts(request: Request, failures: Sequence[Failure]) -> list[str]:
    """Sentences that name plugins whose fields are missing on the page (THREATS T-G1)."""
    site, language = request.site, request.language
    return [
        language.text(
            "“%(plugin)s” could not show this. Everything else on this page is complete.",
            plugin=language.text(site.plugin_label(one.plugin)),
        )
        for one in failures
    ]

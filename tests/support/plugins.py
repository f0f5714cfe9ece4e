"""Small plugins made inside a test: `plugin_module("notes", contact_columns=lambda: [...])`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from core import hookimpl


def plugin_module(
    name: str, *, requires: tuple[str, ...] = (), folder: Path | None = None, **hooks: Callable[..., Any]
) -> ModuleType:
    """A module as a plugin's `plugin.py`, with these functions as its hookimpls; its key is `name`.

    `folder` holds its templates, migrations and words, if it has any.
    """
    module = ModuleType(name)
    if folder is not None:
        module.__file__ = str(folder / "plugin.py")
    if requires:
        module.requires = requires  # type: ignore[attr-defined]
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    return module

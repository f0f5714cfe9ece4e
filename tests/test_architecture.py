"""Imports run one way, app.py → plugins → core, and the core names no plugin (FEATURES H1, DESIGN 1, 2)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import core
from tests.support.checkout import project_files

ROOT = Path(__file__).parents[1]

OURS = {"app", "core", "plugins", "tests", "benchmarks"}

# Names of plugins and of what they deal in: nowhere in core/, not even as parts of words.
PLUGIN_WORDS = ("shop", "booking", "voucher", "appointment")

TEXT_FILES = {".py", ".html", ".css", ".js", ".svg", ".po", ".txt", ".md", ".json", ".toml", ".mako", ".csv"}

TOP_LEVEL = {
    "core",
    "plugins",
    "tests",
    "docs",
    "benchmarks",
    ".ci",
    "app.py",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "requirements.lock",
    "requirements-dev.lock",
    ".gitignore",
}


def _python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def _imports(file: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Line, module and imported names of each import in a file; `import x` has no names."""
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ()
        elif isinstance(node, ast.ImportFrom):
            # One dot is the file's own package, each further one its parent.
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield node.lineno, module, tuple(alias.name for alias in node.names)


def _plugins() -> list[str]:
    folder = ROOT / "plugins"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _is(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def _breaches_of_a_plugin(file: Path, own: str) -> list[str]:
    """What a plugin's file imports and may not; `own` is the plugin's package."""
    found = []
    for line, module, names in _imports(file):
        where = f"{file.relative_to(ROOT)}:{line}"
        if module == "core" and names:
            found += [f"{where}: core.{name} is not public" for name in names if name not in core.__all__]
        elif _is(module, "core"):
            found.append(f"{where}: {module}; write `from core import …`")
        elif module.partition(".")[0] in OURS and not _is(module, own):
            found.append(f"{where}: {module} belongs to another")
        elif module == own.partition(".")[0] or (own.startswith("plugins.") and module == "plugins"):
            found.append(f"{where}: {module} leads to other plugins")
    return found


def test_h1_the_core_imports_neither_plugins_nor_app() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {module}"
        for file in _python_files("core")
        for line, module, _ in _imports(file)
        if module.partition(".")[0] in OURS - {"core"}
    ]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("plugin", _plugins())
def test_h1_a_plugin_imports_only_what_the_core_makes_public(plugin: str) -> None:
    folder = ROOT / "plugins" / plugin
    files = [file for file in sorted(folder.rglob("*.py")) if "tests" not in file.relative_to(folder).parts]

    found = [breach for file in files for breach in _breaches_of_a_plugin(file, f"plugins.{plugin}")]

    assert not found, "\n".join(found)


def test_h1_the_sample_plugin_keeps_the_rules_of_a_stranger() -> None:
    found = [
        breach
        for file in _python_files("tests/sample_plugin")
        for breach in _breaches_of_a_plugin(file, "tests.sample_plugin")
    ]

    assert not found, "\n".join(found)


def test_h1_the_application_imports_the_core_only() -> None:
    found = [
        module
        for _, module, _ in _imports(ROOT / "app.py")
        if module.partition(".")[0] in OURS and not _is(module, "core")
    ]

    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import core",
        "import core.values",
        "from core.values import Column",
        "from core import values",
        "from plugins.other.models import Order",
        "from plugins import other",
        "import plugins.other",
        "from .. import other",
        "from ..other import models",
        "import app",
        "from tests.support import server",
        "def late():\n    from core.site import Site",
    ],
)
def test_the_check_of_imports_finds_a_breach(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_architecture.ROOT", tmp_path)
    file = tmp_path / "plugins" / "mine" / "plugin.py"
    file.parent.mkdir(parents=True)
    file.write_text(source)

    assert _breaches_of_a_plugin(file, "plugins.mine")


@pytest.mark.parametrize(
    "source",
    [
        "from core import Column, hookimpl",
        "from plugins.mine.models import Note",
        "from .models import Note",
        "from . import models",
        "import sqlalchemy",
        "from corelib import thing",
    ],
)
def test_the_check_of_imports_lets_a_stranger_through(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.test_architecture.ROOT", tmp_path)
    file = tmp_path / "plugins" / "mine" / "plugin.py"
    file.parent.mkdir(parents=True)
    file.write_text(source)

    assert _breaches_of_a_plugin(file, "plugins.mine") == []


def test_h1_every_public_name_of_the_core_exists() -> None:
    assert [name for name in core.__all__ if not hasattr(core, name)] == []


def test_h1_type_checkers_and_python_see_the_same_public_names() -> None:
    tree = ast.parse((ROOT / "core" / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        (alias.name, node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }

    assert typed == set(core._HOME.items())


def test_h1_the_core_names_no_plugin() -> None:
    found = []
    for file in sorted((ROOT / "core").rglob("*")):
        if file.suffix not in TEXT_FILES:
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            found += [
                f"{file.relative_to(ROOT)}:{number}: {word!r} in: {line.strip()[:80]}"
                for word in PLUGIN_WORDS
                if word in line.casefold()
            ]
        found += [f"{file.relative_to(ROOT)}: its name" for word in PLUGIN_WORDS if word in file.name.casefold()]

    assert not found, "\n".join(found)


def test_h1_every_file_of_the_core_is_looked_at() -> None:
    unknown = sorted(
        {
            path.suffix
            for path in (ROOT / "core").rglob("*")
            if path.is_file() and path.suffix not in TEXT_FILES and "__pycache__" not in path.parts
        }
    )

    assert unknown == [], "text files: add the suffix to TEXT_FILES"


def test_the_top_level_is_the_agreed_one() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in project_files()} <= TOP_LEVEL

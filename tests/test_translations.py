"""Every text that a person reads has its German, and no catalogue holds what nobody says (FEATURES H8)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

ROOT = Path(__file__).parents[1]

PLACEHOLDER = re.compile(r"%\((\w+)\)s")

# Read by who installs or writes something, in a terminal or a log: English.
IN_ENGLISH = {
    *(f"core/backup/{name}.py" for name in ("archive", "journal", "making", "placing")),
    *(f"core/backup/{name}.py" for name in ("postgres", "restoring", "snapshots", "sqlite")),
    "core/cli/backups.py",
    "core/cli/plugins.py",
    "core/contributions.py",
    "core/database/engine.py",
    "core/demo.py",
    "core/messages/mail_server.py",
    "core/plugins.py",
    "core/settings.py",
    "core/transfer/commands.py",
    "core/web/application.py",
}

VALUES = {
    "Action",
    "ActivityKind",
    "BulkAction",
    "BulkField",
    "Choice",
    "Column",
    "ContactField",
    "Erased",
    "ExportSection",
    "Filter",
    "Indicator",
    "Job",
    "Kept",
    "LeftOut",
    "MessageTemplate",
    "Module",
    "NavItem",
    "Panel",
    "Permission",
    "PublicField",
    "Screening",
    "SendVerdict",
    "SettingsField",
    "Tile",
    "TileData",
}
KEYWORDS = {
    *("body", "confirm", "description", "detail", "done", "hint", "label"),
    *("reason", "source", "subject", "submit", "text", "title", "wording"),
}
TABLES = re.compile(r"(^|_)(LABELS|TEXTS|KINDS)$")

Texts = dict[str, str]
"""Message id → where it was found first."""


def _folders() -> list[Path]:
    plugins = ROOT / "plugins"
    bundled = sorted(path for path in plugins.iterdir() if (path / "plugin.py").is_file()) if plugins.is_dir() else []
    return [ROOT / "core", *bundled, ROOT / "tests" / "sample_plugin"]


FOLDERS = [str(folder.relative_to(ROOT)) for folder in _folders()]


# What is said


def _constants(node: ast.AST | None, known: Mapping[str, list[ast.expr]]) -> Iterator[str]:
    """The texts that an expression can be: a constant, a side of a condition, what a local name was given."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body, known)
        yield from _constants(node.orelse, known)
    elif isinstance(node, ast.Tuple):
        for value in node.elts:
            yield from _constants(value, known)
    elif isinstance(node, ast.Name):
        for value in known.get(node.id, ()):
            if not isinstance(value, ast.Name):
                yield from _constants(value, known)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@cache
def _errors() -> frozenset[str]:
    """Names of TresenError and all that derive from it, in the core and in plugins."""
    classes: dict[str, set[str]] = {}
    for folder in _folders():
        for file in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    classes[node.name] = {_name(base) for base in node.bases}
    found = {"TresenError"}
    while more := {name for name, bases in classes.items() if bases & found} - found:
        found |= more
    return frozenset(found)


def _is_language(function: ast.expr) -> bool:
    # `form.text("name")` reads a field; `language.text("…")` speaks.
    return isinstance(function, ast.Attribute) and _name(function.value).endswith("language")


def _said_by_call(node: ast.Call, known: Mapping[str, list[ast.expr]]) -> Iterator[str]:
    name = _name(node.func)
    arguments = dict(enumerate(node.args))
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    if name in _errors():
        yield from _constants(arguments.get(0), known)
    elif name == "redirect":
        yield from _constants(arguments.get(1, named.get("toast")), known)
    elif name in VALUES:
        for keyword, value in named.items():
            if keyword in KEYWORDS:
                yield from _constants(value, known)
            elif keyword == "labels":
                yield from _said_by_table(value)
    elif name in ("text", "plural") and _is_language(node.func):
        yield from _constants(arguments.get(0), known)


def _said_by_table(node: ast.expr | None) -> Iterator[str]:
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Dict):
            for value in part.values:
                inner = value.elts if isinstance(value, ast.Tuple) else [value]
                yield from (text for one in inner for text in _constants(one, {}))


def _said_in_python(file: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    # Outer functions first, so that a call inside is looked at with the names of its own function last.
    for scope in [tree, *scopes]:
        known: dict[str, list[ast.expr]] = {}
        for node in ast.walk(scope):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        known.setdefault(target.id, []).append(node.value)
        for node in ast.walk(scope):
            if isinstance(node, ast.Call):
                yield from ((node.lineno, text) for text in _said_by_call(node, known if scope is not tree else {}))
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and TABLES.search(target.id) for target in targets):
                yield from ((node.lineno, text) for text in _said_by_table(node.value))


def _said_in_template(file: Path) -> Iterator[tuple[int, str]]:
    options = {
        "extensions": "jinja2.ext.i18n",
        "newstyle_gettext": "true",
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "silent": "false",
    }
    with file.open("rb") as opened:
        for line, _, message, _ in babel_extract(opened, list(DEFAULT_KEYWORDS), [], options):
            yield line, message[0] if isinstance(message, tuple) else message
    text = file.read_text(encoding="utf-8")
    for match in re.finditer(r"'((?:[^'\\\n]|\\.)+)'\s*\|\s*translate", text):
        yield text.count("\n", 0, match.start()) + 1, match[1].replace("\\'", "'")


@cache
def said(folder: Path) -> Texts:
    """All texts that a folder's templates and Python say to people."""
    texts: Texts = {}
    for file in sorted(folder.rglob("*.html")):
        for line, text in _said_in_template(file):
            texts.setdefault(text, f"{file.relative_to(ROOT)}:{line}")
    for file in sorted(folder.rglob("*.py")):
        if str(file.relative_to(ROOT)) in IN_ENGLISH or "tests" in file.relative_to(folder).parts:
            continue
        for line, text in _said_in_python(file):
            texts.setdefault(text, f"{file.relative_to(ROOT)}:{line}")
    # A text without a letter needs no translation.
    return {text: where for text, where in texts.items() if re.search(r"[^\W\d_]", PLACEHOLDER.sub("", text))}


def mentioned(folder: Path) -> set[str]:
    """Every text in a folder's Python or templates, for what is said by way of a variable."""
    texts: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    for file in folder.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        texts.update(match.replace("\\'", "'") for match in re.findall(r"'((?:[^'\\\n]|\\.)*)'", text))
        texts.update(re.findall(r'"([^"\n]*)"', text))
    return texts


# What is translated

Entry = tuple[tuple[str, ...], tuple[str, ...], str]
"""Message ids (singular, perhaps plural), German forms, and the file."""


def _messages(folder: Path) -> Iterator[tuple[str | None, Entry]]:
    """Context and entry of every message in the catalogues of a folder, as they are merged."""
    for file in sorted((folder / "locale" / "de" / "LC_MESSAGES").glob("*.po")):
        with file.open("rb") as opened:
            for message in read_po(opened, locale="de"):
                ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
                forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
                if ids[0]:
                    name = str(file.relative_to(ROOT)) + (" (fuzzy)" if message.fuzzy else "")
                    yield message.context, (tuple(map(str, ids)), tuple(map(str, forms)), name)


@cache
def translated(folder: Path) -> Mapping[str, Entry]:
    """The German of a folder, by (singular) message id."""
    return {ids[0]: (ids, forms, file) for _, (ids, forms, file) in _messages(folder)}


def _report(title: str, lines: list[str]) -> str:
    return "\n".join([f"{len(lines)} {title}", *(f"  {line}" for line in lines)])


@pytest.mark.parametrize("folder", FOLDERS)
def test_h8_every_text_has_its_german(folder: str) -> None:
    core, own = translated(ROOT / "core"), translated(ROOT / folder)

    missing = sorted(
        (where, text) for text, where in said(ROOT / folder).items() if text not in own and text not in core
    )

    lines = [f"{where}\n    msgid {text!r}" for where, text in missing]
    assert not missing, _report(f"texts of {folder} have no German:", lines)


@pytest.mark.parametrize("folder", FOLDERS)
def test_h8_every_translation_is_complete_and_has_the_placeholders_of_its_text(folder: str) -> None:
    problems = []
    for ids, forms, file in translated(ROOT / folder).values():
        if not all(forms) or len(forms) < len(ids):
            problems.append(f"{file}: {ids[0]!r} is empty or lacks a plural form")
        if "fuzzy" in file:
            problems.append(f"{file}: {ids[0]!r} is not sure")
        allowed = {name for text in ids for name in PLACEHOLDER.findall(text)}
        for number, form in enumerate(forms):
            found = set(PLACEHOLDER.findall(form))
            # „einmal“ may stand for „once“ and for „%(num)s times“ alike; the other forms need all.
            expected = found & allowed if len(forms) > 1 and number == 0 else set(PLACEHOLDER.findall(ids[-1]))
            if found != expected:
                problems.append(f"{file}: {ids[0]!r} has {sorted(expected)}, its German {sorted(found)}: {form!r}")
            if re.sub(r"%\(\w+\)s|%%", "", form).count("%") != re.sub(r"%\(\w+\)s|%%", "", ids[0]).count("%"):
                problems.append(f"{file}: {ids[0]!r} and {form!r} differ in percent signs")

    assert not problems, _report(f"translations of {folder} are not right:", problems)


@pytest.mark.parametrize("folder", FOLDERS)
def test_h8_german_texts_do_not_shout_and_quote_as_german_does(folder: str) -> None:
    problems = [
        f"{file}: {form!r}"
        for _, forms, file in translated(ROOT / folder).values()
        for form in forms
        if "!" in form or '"' in form or "“" in form.split("„")[0]
    ]

    assert not problems, _report(f"German texts of {folder} have an exclamation mark or wrong quotes:", problems)


@pytest.mark.parametrize("folder", FOLDERS)
def test_h8_no_catalogue_holds_what_nobody_says(folder: str) -> None:
    used = said(ROOT / folder).keys() | mentioned(ROOT / folder)

    unused = sorted(
        f"{file}: {ids[0]!r}" for text, (ids, _, file) in translated(ROOT / folder).items() if text not in used
    )

    assert not unused, _report(f"translations of {folder} are of texts that nobody says:", unused)


def test_h8_no_text_has_two_translations() -> None:
    """The catalogues are merged, the core's first: a second German of the same text would not be seen."""
    first: dict[tuple[str | None, str], tuple[tuple[str, ...], str]] = {}
    problems = []
    for folder in _folders():
        for context, (ids, forms, file) in _messages(folder):
            german, where = first.setdefault((context, ids[0]), (forms, file))
            if german != forms:
                problems.append(f"{ids[0]!r}: {german[0]!r} in {where}, {forms[0]!r} in {file}")

    assert not problems, _report("texts have two translations; word one of them differently:", problems)


# The search itself


@pytest.mark.parametrize(
    "source",
    [
        "raise InvalidInput('Say this.')",
        "raise NotFound('Say this.', key=1)",
        "request.redirect('/', 'Say this.', name=1)",
        "request.redirect('/', toast='Say this.')",
        "Column(key='a.b', label='Say this.')",
        "Screening(verdict='reject', reason='Say this.')",
        "STATE_LABELS = {'a': 'Say this.'}",
        "ExportSection(key='a.b', title='That.', labels={'a': 'Say this.'})",
        "TEXTS: dict = MappingProxyType({1: ('Say this.', 'x')})",
        "request.language.text('Say this.')",
        "language.plural('Say this.', 'b', 2)",
        "def f():\n    text = 'Say this.' if x else 'That.'\n    return request.redirect('/', text)",
    ],
)
def test_the_search_finds_what_python_says(source: str, tmp_path: Path) -> None:
    file = tmp_path / "said.py"
    file.write_text(source)

    assert "Say this." in [text for _, text in _said_in_python(file)]


def test_the_search_finds_what_a_template_says(tmp_path: Path) -> None:
    file = tmp_path / "said.html"
    file.write_text(
        "{{ _('One %(a)s', a=1) }}{{ ngettext('Two', 'Twos', n) }}{% trans %}Three{% endtrans %}{{ 'Four'|translate }}"
    )

    assert [text for _, text in _said_in_template(file)] == ["One %(a)s", "Two", "Three", "Four"]

"""What the documentation shows works: its files are written, loaded and tested, and its commands exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from core.settings import Settings

ROOT = Path(__file__).parents[1]

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(document.relative_to(ROOT)) for document in DOCUMENTS]

BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)

# A block is a file when its first line is a comment that names it: `# plugins/notes/plugin.py`.
FILE = re.compile(r"^(?:#|\{#|--) *(plugins/[\w./]+)")

WITH_PLUGIN = ["README.md", "docs/plugins.md"]

LOOK = """
import sys
from pathlib import Path
from core import Activity, Capture, capture_contact
from core.testing import make_client, make_site, sign_in
from plugins.notes import plugin

site = make_site(Path(sys.argv[1]), plugin)
assert site.refused == (), site.refused
with site.begin() as session:
    capture = Capture(email="ada@example.org", module="notes", activity=Activity(kind="notes.written"))
    contact_id = capture_contact(session, site, capture).contact_id
with make_client(site) as client:
    sign_in(site, client)
    client.headers["accept-language"] = "en"
    for path in ("/dashboard/contacts", f"/dashboard/contacts/{contact_id}", "/dashboard/modules"):
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        print(answer.text)
"""


def _blocks(document: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [(match[2], match[3]) for match in BLOCK.finditer(text)]


def _files(document: str) -> dict[str, str]:
    return {match[1]: text for _, text in _blocks(document) if (match := FILE.match(text))}


def _written(document: str, folder: Path) -> Path:
    """The document's files below `folder`."""
    for name, text in _files(document).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TRESEN_")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("document", WITH_PLUGIN)
def test_h3_the_first_plugin_of_a_document_works(document: str, tmp_path: Path) -> None:
    """In a process of its own: both documents make a table of the same name."""
    folder = _written(document, tmp_path / "site")
    assert (folder / "plugins" / "notes" / "plugin.py").is_file()

    result = _run("-c", LOOK, str(tmp_path / "data"), folder=folder)

    assert result.returncode == 0, result.stderr
    for shown in ("Last note", "panel-notes-all", "module-notes"):
        assert shown in result.stdout, f"{shown!r} is on none of the pages"


def test_h3_the_tests_of_the_first_plugin_pass(tmp_path: Path) -> None:
    folder = _written("docs/plugins.md", tmp_path)
    assert list(folder.rglob("test_*.py"))

    result = _run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(folder),
        "--import-mode=importlib", str(folder / "plugins"), folder=folder,
    )  # fmt: skip

    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout


@pytest.mark.parametrize("document", WITH_PLUGIN)
def test_h1_the_first_plugin_of_a_document_imports_only_what_is_public(
    document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests import test_architecture

    folder = _written(document, tmp_path)
    monkeypatch.setattr(test_architecture, "ROOT", folder)
    files = [file for file in sorted(folder.rglob("*.py")) if "tests" not in file.parts]

    found = [breach for file in files for breach in test_architecture._breaches_of_a_plugin(file, "plugins.notes")]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("document", WITH_PLUGIN)
def test_the_python_of_a_document_is_formatted_like_ours(document: str, tmp_path: Path) -> None:
    folder = _written(document, tmp_path)

    for command in (["check"], ["format", "--check", "--diff"]):
        result = _run("-m", "ruff", *command, "--config", str(ROOT / "pyproject.toml"), "plugins", folder=folder)
        # A document's tests are tests, wherever they lie.
        lines = [line for line in result.stdout.splitlines() if re.match(r"[A-Z]+\d+ ", line)]
        assert [line for line in lines if not line.startswith("S101 ")] == [], result.stdout
        if command[0] == "format":
            assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("document", NAMES)
def test_every_other_python_block_can_be_parsed(document: str) -> None:
    for language, text in _blocks(document):
        if language == "python":
            compile(text, document, "exec")


# Commands


@cache
def _help(*command: str) -> str:
    result = _run("-m", "core.cli", *command, "--help", folder=ROOT)
    assert result.returncode == 0, f"tresen {' '.join(command)} --help: {result.stderr}"
    return result.stdout


@pytest.mark.parametrize("document", NAMES)
def test_every_make_target_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    named = set(re.findall(r"(?:`|^|\n *)make ([a-z]+)", text))

    assert named <= targets, f"{document} names {sorted(named - targets)}"


@pytest.mark.parametrize("document", NAMES)
def test_every_command_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for line in re.findall(r"(?:`|^|\n *|bin/)tresen ([a-z][^`\n#]*)", text):
        words = line.split()
        commands = [words[0]]
        if words[0] in ("user", "plugin") and len(words) > 1:
            commands.append(words[1])
        shown = _help(*commands)
        for option in re.findall(r"--[a-z-]+", line):
            assert option in shown, f"{document}: tresen {line} has no {option}"


@pytest.mark.parametrize("document", NAMES)
def test_every_setting_that_a_document_names_exists(document: str) -> None:
    known = {f"TRESEN_{name.upper()}" for name in Settings.__annotations__}
    # Read by the tests, not by a site.
    known |= {"TRESEN_TEST_BROWSER_REQUIRED", "TRESEN_TEST_CHROMIUM"}

    named = set(re.findall(r"\bTRESEN_[A-Z_]+[A-Z]", (ROOT / document).read_text(encoding="utf-8")))

    assert named <= known, f"{document} names {sorted(named - known)}"


def test_the_page_on_running_a_site_names_every_setting() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")

    assert [name for name in Settings.__annotations__ if f"`TRESEN_{name.upper()}`" not in text] == []


# Links and names


@pytest.mark.parametrize("document", NAMES)
def test_every_link_and_picture_leads_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.partition("#")[0]
        if path and "://" not in path and not ((ROOT / document).parent / path).exists():
            missing.append(target)

    assert not missing, f"{document} leads to {missing}"


@pytest.mark.parametrize("document", NAMES)
def test_every_file_that_a_document_names_exists(document: str) -> None:
    text = BLOCK.sub("", (ROOT / document).read_text(encoding="utf-8"))
    named = re.findall(r"`((?:core|tests|docs|benchmarks|\.ci)/[\w./-]+)`", text)
    example = set(_files(document))

    missing = [path for path in named if path not in example and not (ROOT / path).exists()]

    assert not missing, f"{document} names {missing}"


@pytest.mark.parametrize("document", NAMES)
def test_every_public_name_that_a_document_takes_from_the_core_is_there(document: str) -> None:
    import core

    text = (ROOT / document).read_text(encoding="utf-8")
    named = {name.strip() for names in re.findall(r"from core import ([\w, ]+)", text) for name in names.split(",")}

    assert named <= set(core.__all__) | {""}

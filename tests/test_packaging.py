"""The dependency lists agree with each other, the locks are complete, the commands are set up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from conftest import is_local

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIME = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = {name: [Requirement(text) for text in texts] for name, texts in PROJECT["optional-dependencies"].items()}
PYTHONS = ("3.11", "3.12", "3.13")
LOCKED = {
    "requirements.lock": [*RUNTIME, *EXTRAS["build"]],
    "requirements-dev.lock": [*RUNTIME, *EXTRAS["build"], *EXTRAS["dev"]],
}
CONDA_NAMES = {"pandera[pandas]": "pandera-pandas"}


def conda_name(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    name = requirement.name + extras
    return CONDA_NAMES.get(name, name)


def lock_entries(name: str) -> list[tuple[Requirement, list[str]]]:
    """Return each requirement of a lock file with its hashes; every line must be one or the other."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    entries = []
    for line in lines:
        requirement, *hashes = re.split(r"\s+--hash=", line)
        entries.append((Requirement(requirement), [found.strip() for found in hashes]))
    return entries


def locked_versions(name: str, python: str) -> dict[str, str]:
    """Return the version of each package that the lock installs on one Python, on Linux."""
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    versions = {}
    for requirement, _ in lock_entries(name):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            (pin,) = requirement.specifier
            key = canonicalize_name(requirement.name)
            assert key not in versions, f"{name}: {key} is pinned twice on Python {python}"
            versions[key] = pin.version
    return versions


def test_environment_yml_lists_what_pyproject_lists() -> None:
    *packages, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    listed = {}
    for text in packages:
        name, _, specifier = text.partition(" ")
        listed[name] = SpecifierSet(specifier)
    expected = {conda_name(requirement): requirement.specifier for requirement in RUNTIME}
    expected |= {"python": SpecifierSet(PROJECT["requires-python"]), "pip": SpecifierSet()}
    assert listed == expected
    assert pip == {"pip": ["-e ."]}


def test_every_runtime_range_has_a_floor_and_a_ceiling() -> None:
    for requirement in RUNTIME:
        operators = sorted(part.operator for part in requirement.specifier)
        assert operators == ["<", ">="], requirement


@pytest.mark.parametrize("name", LOCKED)
def test_lock_holds_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|\bindex-url\b|--find-links|--extra-index|file:|@\s*git", text)


@pytest.mark.parametrize("name", LOCKED)
def test_every_locked_requirement_is_pinned_and_hashed(name: str) -> None:
    entries = lock_entries(name)
    assert len(entries) > 50
    for requirement, hashes in entries:
        assert [part.operator for part in requirement.specifier] == ["=="], requirement
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", found) for found in hashes), requirement


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", LOCKED)
def test_lock_satisfies_pyproject(name: str, python: str) -> None:
    versions = locked_versions(name, python)
    for requirement in LOCKED[name]:
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} but {name} holds {version}"


@pytest.mark.parametrize("python", PYTHONS)
def test_dev_lock_contains_the_runtime_lock(python: str) -> None:
    runtime = locked_versions("requirements.lock", python)
    dev = locked_versions("requirements-dev.lock", python)
    assert runtime.items() <= dev.items()


@pytest.mark.parametrize("name", LOCKED)
def test_jsonschema_stays_below_the_slow_version(name: str) -> None:
    """From 4.25 on it pulls a parser that slows the start of every kernel by 2 to 3 seconds."""
    versions = locked_versions(name, "3.11")
    assert SpecifierSet("<4.25").contains(versions["jsonschema"])
    assert "rfc3987-syntax" not in versions


@pytest.mark.parametrize("build", ["hatchling", "editables"])
def test_the_runtime_lock_can_build_the_package(build: str) -> None:
    assert build in locked_versions("requirements.lock", "3.11")


def test_supported_pythons_are_stated_alike() -> None:
    supported = SpecifierSet(PROJECT["requires-python"])
    minors = [f"3.{minor}" for minor in range(8, 20) if supported.contains(f"3.{minor}.0")]
    stated = [text.rsplit(" ", 1)[-1] for text in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", text)]
    assert minors == list(PYTHONS) == stated


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a git checkout")
@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        (".venv/bin/python", True),
        ("reports/quarterly_2025Q4.html", True),
        ("reports/example.html", False),
        ("src/compmodel/__pycache__/plan.cpython-311.pyc", True),
        ("notebooks/.ipynb_checkpoints/a.ipynb", True),
        ("data/sample/accounts.csv", False),
        ("requirements.lock", False),
        (".ci/run", False),
    ],
)
def test_what_git_ignores(path: str, ignored: bool) -> None:
    assert (run("git", "check-ignore", "--quiet", "--no-index", path).returncode == 0) is ignored


@pytest.mark.skipif(os.name == "nt", reason="the script is for Debian")
def test_ci_script_is_executable_and_requires_the_browser() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    assert "REQUIRE_BROWSER=1 make test" in script.read_text()
    assert run("bash", "-n", str(script)).returncode == 0


def test_hooks_are_local() -> None:
    """A hook from a repository's address would fetch code at the first commit."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [entry["repo"] for entry in hooks["repos"]] == ["local"]


@pytest.mark.skipif(not shutil.which("make"), reason="make is not there")
class TestMakefile:
    """The targets, and how an unsupported Python is refused."""

    def test_help_lists_the_targets(self) -> None:
        printed = run("make", "help").stdout
        for target in ("workbench", "test", "report", "check", "lock", "bench", "clean"):
            assert re.search(rf"^  make {target}\b", printed, re.MULTILINE), target

    @pytest.mark.parametrize(("version", "refused"), [((3, 10), True), ((3, 14), True), ((3, 13), False)])
    def test_unsupported_python_is_refused(self, tmp_path: Path, version: tuple[int, int], refused: bool) -> None:
        """The interpreter is a stand-in that claims a version and cannot make an environment."""
        shutil.copy(ROOT / "Makefile", tmp_path)
        for name in ("requirements.lock", "pyproject.toml"):
            (tmp_path / name).touch()
        claimed = ".".join(map(str, version))
        python = tmp_path / "python-stand-in"
        python.write_text(
            "#!/bin/sh\n"
            f'if [ "$1" = --version ]; then echo "Python {claimed}.9"; exit 0; fi\n'
            f'claim="import sys; sys.version_info = {version}"\n'
            'if [ "$1" = -c ]; then exec python3 -c "$claim; $2"; fi\n'
            'echo "no environment from a stand-in"; exit 1\n'
        )
        python.chmod(0o755)
        done = run("make", "workbench", f"PYTHON={python}", "UV=", cwd=tmp_path)
        assert done.returncode != 0
        assert ("compmodel needs Python 3.11, 3.12 or 3.13" in done.stdout) is refused
        assert (f"is Python {claimed}.9" in done.stdout) is refused
        assert ("no environment from a stand-in" in done.stdout) is not refused
        assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8866/voila", True),
        ("http://localhost:8888/api", True),
        ("ws://localhost:8888/api/kernels", True),
        ("data:text/html,x", True),
        ("blob:http://localhost/1", True),
        ("file:///a.html", True),
        ("https://cdn.example.com/a.js", False),
        ("http://localhost.example.com/", False),
        ("wss://example.com/", False),
    ],
)
def test_the_browser_log_knows_what_leaves_the_machine(url: str, local: bool) -> None:
    assert is_local(url) is local


@pytest.mark.browser
def test_the_page_logs_an_outside_request(page, page_offline_log, tmp_path: Path) -> None:
    """The log that other tests find empty is not empty when a page does ask for something."""
    file = tmp_path / "page.html"
    file.write_text('<h1>here</h1><img src="http://outside.invalid/a.png">')
    page.goto(file.as_uri())
    assert page.inner_text("h1") == "here"
    assert page_offline_log == ["http://outside.invalid/a.png"]

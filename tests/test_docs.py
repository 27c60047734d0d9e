"""What the documents name exists: files, anchors, make targets, commands and their options."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import unquote

import pytest
import typer

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for pattern in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**/*.md", "data/**/*.md")
    for path in ROOT.glob(pattern)
)
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]

FENCE = re.compile(r"^(?P<fence>```+|~~~+)(?P<language>[^\n`]*)\n(?P<body>.*?)^(?P=fence)\s*$", re.M | re.S)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*(\S+)", re.M)
HTML = re.compile(r"<(?:img|a|source)\b[^>]*?\b(?:src|href)=[\"']([^\"']+)[\"']")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.M)
SHELL = {"", "sh", "bash", "shell", "console", "text", "powershell", "bat", "cmd"}

# Written in parts, so that this file passes its own test.
MACHINE_PATH = re.compile(r"(?<![\w.~${})-])/" + r"(?:work/|root/|home/\w|Users/\w)")


class Command(NamedTuple):
    """One command line of a document."""

    document: str
    words: list[str]


def commands(text: str, document: str = "") -> list[Command]:
    """Return the command lines in a document's shell blocks and inline code."""
    lines = INLINE.findall(FENCE.sub("", text))
    for block in FENCE.finditer(text):
        if block["language"].strip().split(" ")[0].lower() in SHELL:
            lines += re.sub(r"[\\`^]\n\s*", " ", block["body"]).splitlines()
    found = []
    for line in lines:
        line = re.sub(r"^\s*(?:[$>]|PS>|C:\\>)\s+", "", line).strip().replace("\\", "/")
        for part in re.split(r"&&|\|\||;|\|", line):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:
                continue
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words = words[1:]
            if words:
                found.append(Command(document, words))
    return found


def make_targets(words: list[str]) -> list[str]:
    """Return the targets that a make command line names."""
    return [word for word in words[1:] if not word.startswith("-") and "=" not in word]


@cache
def targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", (ROOT / "Makefile").read_text(), re.M))


@cache
def application() -> Any:
    """Return the command line's tree of commands."""
    if not (ROOT / "src" / "compmodel" / "cli.py").exists():
        pytest.skip("the command line does not exist yet")
    from compmodel import cli

    return typer.main.get_command(cli.app)


def command_problem(words: list[str], command: Any) -> str | None:
    """Return what is wrong with a `compmodel ...` command line, or None."""
    rest, path = words[1:], "compmodel"
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        name, *rest = rest
        if name not in command.commands:
            is_placeholder = re.fullmatch(r"[A-Z]+|…|\.\.\.", name)
            return None if is_placeholder else f"{path} has no subcommand {name!r}"
        command, path = command.commands[name], f"{path} {name}"
    options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    for word in rest:
        option = word.strip("[]").split("=")[0]
        if option.startswith("--") and option not in {*options, "--help"}:
            return f"{path} has no option {option}"
    return None


def anchors(text: str) -> set[str]:
    """Return the anchors that a Markdown page's headings have on a code host."""
    slugs: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        unique, count = slug, 0
        while unique in slugs:
            count += 1
            unique = f"{slug}-{count}"
        slugs.add(unique)
    return slugs | set(re.findall(r"<a\s+(?:id|name)=[\"']([^\"']+)", text))


def link_problem(target: str, document: Path) -> str | None:
    """Return what is wrong with a link, or None; links with a scheme are not followed."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    name, _, anchor = unquote(target).partition("#")
    if name.startswith("/"):
        return f"{target} is absolute"
    file = (document.parent / name).resolve() if name else document
    if not file.is_relative_to(ROOT):
        return f"{target} leads out of the repository"
    if not file.exists():
        return f"{target} does not exist"
    if anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
        return f"{target}: no such heading"
    return None


def links(text: str) -> list[str]:
    prose = INLINE.sub("", FENCE.sub("", text))
    return [target for pattern in (LINK, REFERENCE, HTML) for target in pattern.findall(prose)]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_the_files_that_commands_read_are_there(name: str) -> None:
    words = [
        word for command in commands(read(name), name) for word in command.words if command.words[0] == "compmodel"
    ]
    named = [word for word in words if re.fullmatch(r"(?:data|tests|notebooks)/[\w./-]+", word)]
    assert [word for word in named if not (ROOT / word).exists()] == []


def test_there_is_a_readme() -> None:
    assert "README.md" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_links_and_images_lead_somewhere(name: str) -> None:
    problems = [link_problem(target, ROOT / name) for target in links(read(name))]
    assert not [problem for problem in problems if problem]


@pytest.mark.parametrize("name", NAMES)
def test_make_targets_exist(name: str) -> None:
    named = [
        target
        for command in commands(read(name), name)
        if command.words[0] == "make"
        for target in make_targets(command.words)
    ]
    assert not [target for target in named if target not in targets()]


@pytest.mark.parametrize("name", [*NAMES, "Makefile"])
def test_commands_and_options_exist(name: str) -> None:
    text = read(name)
    if name == "Makefile":
        lines = re.findall(r"^\t@?\$\(BIN\)/(compmodel .*)$", text, re.M)
        assert lines
        found = [Command(name, line.split()) for line in lines]
    else:
        found = [command for command in commands(text, name) if Path(command.words[0]).stem == "compmodel"]
    problems = [command_problem(command.words, application()) for command in found if len(command.words) > 1]
    assert not [problem for problem in problems if problem]


def text_files() -> list[str]:
    """Return the files that are, or would be, committed."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_holds_a_machine_path() -> None:
    found = []
    for name in text_files():
        data = (ROOT / name).read_bytes()
        if b"\0" in data[:8000]:
            continue
        for number, line in enumerate(data.decode("utf-8", errors="replace").splitlines(), 1):
            if MACHINE_PATH.search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert not found


class TestTheCheckers:
    """The functions above find what they should: a checker that finds nothing proves nothing."""

    def test_commands_come_from_blocks_and_inline_code(self) -> None:
        text = (
            "Type `make nothing` or:\n\n```bash\n$ HEADLESS=1 make a b=1 # why\n"
            "compmodel compare \\\n  --data x | cat\n```\n\n```python\nmake c\n```\n\n"
            "```powershell\n.venv\\Scripts\\compmodel workbench\n```\n"
        )
        assert [command.words for command in commands(text)] == [
            ["make", "nothing"],
            ["make", "a", "b=1"],
            ["compmodel", "compare", "--data", "x"],
            ["cat"],
            [".venv/Scripts/compmodel", "workbench"],
        ]
        assert make_targets(["make", "-n", "a", "b=1", "c"]) == ["a", "c"]

    def test_makefile_targets_are_found(self) -> None:
        assert {"help", "workbench", "test", "report", "check", "bench", "lock", "clean"} <= targets()
        assert "VENV" not in targets()

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("compmodel compare --data x --out=y.csv", None),
            ("compmodel --help", None),
            ("compmodel compare --help", None),
            ("compmodel SUB", None),
            ("compmodel compar --data x", "compmodel has no subcommand 'compar'"),
            ("compmodel compare --dat x", "compmodel compare has no option --dat"),
            ("compmodel verify --data x", "compmodel verify has no option --data"),
        ],
    )
    def test_a_wrong_command_is_named(self, line: str, problem: str | None) -> None:
        app = typer.Typer()

        @app.command()
        def compare(data: Annotated[str, typer.Option()], out: str = "") -> None: ...

        @app.command()
        def verify(files: list[str]) -> None: ...

        assert command_problem(line.split(), typer.main.get_command(app)) == problem

    @pytest.mark.parametrize(
        ("target", "problem"),
        [
            ("a.md", None),
            ("a.md#two-words", None),
            ("#one", None),
            ("https://example.com/x", None),
            ("b.md", "b.md does not exist"),
            ("a.md#three", "a.md#three: no such heading"),
            ("/a.md", "/a.md is absolute"),
            ("../../a.md", "../../a.md leads out of the repository"),
        ],
    )
    def test_a_wrong_link_is_named(
        self, target: str, problem: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(globals(), "ROOT", tmp_path)
        (tmp_path / "a.md").write_text("# Top\n\n## Two `words`\n\n```\n# three\n```\n")
        (tmp_path / "README.md").write_text("# One\n")
        assert link_problem(target, tmp_path / "README.md") == problem

    def test_links_of_every_form_are_found(self) -> None:
        text = '[a](b.md "t") ![c](d.png) [e][f]\n\n[f]: g.md\n<img src="h.png">\n'
        text += "`[i](j.md)`\n```\n[k](l)\n```\n"
        assert links(text) == ["b.md", "d.png", "g.md", "h.png"]

    @pytest.mark.parametrize(
        ("line", "found"),
        [
            ("cd /" + "work/main", True),
            ("'/" + "root/.venv'", True),
            ("see /" + "home/ann/x", True),
            ("a homework/main and network/" + "home/x", False),
            ("docs/" + "work/plan.md", False),
            ("./" + "root/x", False),
        ],
    )
    def test_machine_paths_are_recognised(self, line: str, found: bool) -> None:
        assert bool(MACHINE_PATH.search(line)) is found

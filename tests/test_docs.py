"""The documentation: every `bench` command in it parses, every link leads somewhere, and the two READMEs say the same."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import click
import pytest

from bench.cli import bench

ROOT = Path(__file__).resolve().parents[1]
README, TURKISH = ROOT / "README.md", ROOT / "README.tr.md"
PAGES = sorted([README, TURKISH, *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*/README.md")])

CODE = re.compile(r"`+([^`]+)`+")
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[(?:[^\]]|\n)*?\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|[\s(!/])bench ((?:-|[a-z]).*)")


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def blocks(text: str) -> list[list[str]]:
    """Blocks of code: lines that are indented by four spaces or more after an empty line, or fenced."""
    found: list[list[str]] = []
    fenced = inside = False
    before = ""
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
            inside = False
        elif fenced or (line.startswith("    ") and (inside or not before.strip())):
            if not inside:
                found.append([])
            found[-1].append(line.strip())
            inside = True
        elif line.strip():
            inside = False
        before = line
    return found


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("    "))


def commands(text: str) -> list[str]:
    """Every `bench ...` in blocks of code, continued lines joined, and in the running text."""
    lines = [line for block in blocks(text) for line in "\n".join(block).replace("\\\n", " ").splitlines()]
    inline = [span.replace("\n", " ") for span in CODE.findall(prose(text)) if span.startswith("bench ")]
    return [match[1] for line in (*lines, *inline) if (match := COMMAND.search(line)) and not line.startswith("#")]


def words_of(command: str) -> list[str]:
    """The command's words, without what a shell does with them."""
    cut = re.split(r"\s(?:&&|\||;|&)(?:\s|$)|[;&]$", command)[0]
    if cut.count('"') % 2:
        # The quotes were opened before `bench`.
        cut = cut.rpartition('"')[0]
    return [word for word in shlex.split(cut, comments=True) if word not in ("…", "...") and not word.startswith("$")]


def parse(words: list[str]) -> None:
    """Let click parse the words as it would on the command line, and run nothing."""
    command: click.Command = bench
    context = click.Context(bench, info_name="bench")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            raise click.UsageError(f"no command {words[0]}")
        command, words = found, words[1:]
        context = click.Context(command, parent=context, info_name=command.name)
    if words and not isinstance(command, click.Group):
        command.parse_args(context, words)


EVERY_COMMAND = [
    pytest.param(command, id=f"{path.name}: {command[:60]}")
    for path in PAGES
    if path.exists()
    for command in dict.fromkeys(commands(path.read_text(encoding="utf-8")))
]


def test_commands_are_found() -> None:
    assert len(EVERY_COMMAND) > 80
    assert blocks("a\n\n    b\n\n    c\n\nd\n    e\n") == [["b", "c"]]


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_command_exists_with_its_options(command: str) -> None:
    try:
        parse(words_of(command))
    except (click.exceptions.Exit, click.MissingParameter):
        # A sentence may name an option without the rest.
        pass
    except click.ClickException as error:
        pytest.fail(f"bench {command}: {error.format_message()}")


def test_sessions_of_nox_exist() -> None:
    functions = {
        node.name for node in ast.parse((ROOT / "noxfile.py").read_text()).body if isinstance(node, ast.FunctionDef)
    }
    for path in PAGES:
        for session in re.findall(r"nox -s (\w+)", path.read_text(encoding="utf-8")):
            assert session in functions, f"{path.name}: nox -s {session}"


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = prose(path.read_text(encoding="utf-8"))
    plain = (re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()) for _, heading in HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("name", names(PAGES))
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for match in LINK.finditer(prose(page.read_text(encoding="utf-8"))):
        target, _, anchor = (match[1] or match[2]).partition("#")
        if target.startswith(("http://", "https://")):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{name}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{name}: {target}#{anchor}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index, page.name


def shape(path: Path) -> tuple[list[int], list[list[str]], list[str], list[int]]:
    """Levels of headings, blocks of code without remarks, targets of links, and cells of tables by line."""
    text = path.read_text(encoding="utf-8")
    headings = [len(marks) for marks, _ in HEADING.findall(prose(text))]
    code = [[line.partition("  #")[0].strip() for line in block] for block in blocks(text)]
    links = [(match[1] or match[2]).partition("#")[0] for match in LINK.finditer(prose(text))]
    tables = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    return headings, code, links, tables


def test_the_turkish_readme_says_the_same() -> None:
    english, turkish = shape(README), shape(TURKISH)
    other = {"README.md", "README.tr.md"}
    assert turkish[0] == english[0]
    assert turkish[1] == english[1]
    assert sorted(set(turkish[2]) - other) == sorted(set(english[2]) - other)
    assert turkish[3] == english[3]


def test_numbers_are_the_same_in_both() -> None:
    """Numbers with a decimal point or more than three digits, which a translation must not change."""
    numbers = re.compile(r"\d+(?:[.,]\d+)+|\d{4,}|[0-9a-f]{8,}")
    english, turkish = (set(numbers.findall(prose(path.read_text(encoding="utf-8")))) for path in (README, TURKISH))
    assert turkish == english

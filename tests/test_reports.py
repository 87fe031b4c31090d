"""What is committed in reports/: it verifies from its own folder, stays small, and is what the READMEs show."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from bench.reporting.verify import verify_report

ROOT = Path(__file__).resolve().parents[1]
REPORTS, DEMO = ROOT / "reports", ROOT / "reports" / "demo"

MOST_BYTES = 20_000_000
"""Of all reports together: everybody who clones the project gets them."""


def committed() -> list[Path]:
    """The files of reports/ that git knows; outside of a checkout, those of the demo's report."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "reports"], capture_output=True, check=False)
    if listed.returncode:
        return [path for path in DEMO.rglob("*") if path.is_file()]
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def reports() -> list[str]:
    return sorted({path.relative_to(REPORTS).parts[0] for path in committed() if path.parent != REPORTS})


@pytest.fixture(scope="module")
def readme_demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme_demo", ROOT / "benchmarks/readme_demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name", reports() or [pytest.param("", marks=pytest.mark.skip(reason="no report is committed"))]
)
def test_committed_report_verifies(name: str) -> None:
    found = verify_report(REPORTS / name)
    assert found.differences == ()
    assert found.cells > 0


def test_reports_stay_small() -> None:
    assert sum(path.stat().st_size for path in committed() if path.is_file()) < MOST_BYTES


def test_report_of_others_drawings_shows_none_of_them_and_names_their_author() -> None:
    folder = REPORTS / "peppercarrot-128"
    if not folder.is_dir():
        pytest.skip("the report is not committed")
    assert not (folder / "pictures").exists()
    assert not {"grid.png", "ranked.png", "lines.png"} & {path.name for path in (folder / "figures").iterdir()}
    for name in ("index.html", "methods.md", "tables/main.md"):
        assert "David Revoy" in (folder / name).read_text(encoding="utf-8")


def test_only_reports_that_are_named_are_not_ignored() -> None:
    def ignored(name: str) -> bool:
        return not subprocess.run(["git", "-C", str(ROOT), "check-ignore", "-q", name], check=False).returncode

    if subprocess.run(["git", "-C", str(ROOT), "rev-parse"], capture_output=True, check=False).returncode:
        pytest.skip("not in a checkout")
    assert ignored("reports/mine/tables/main.csv")
    assert ignored("runs/demo/plan.json")
    assert not ignored("reports/demo/tables/main.csv")
    assert not ignored("reports/synthetic-128/tables/main.csv")


@pytest.mark.skipif(not DEMO.is_dir(), reason="the demo's report is not committed")
def test_readmes_show_the_demos_own_table_and_picture(readme_demo: ModuleType) -> None:
    table = readme_demo.table_of(DEMO)
    for name in readme_demo.READMES:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert readme_demo.with_table(text, table) == text
    assert (ROOT / readme_demo.PICTURE).read_bytes() == (DEMO / "figures/grid.png").read_bytes()


def test_table_of_a_readme_is_put_between_its_marks(readme_demo: ModuleType) -> None:
    text = f"a\n{readme_demo.BEGIN}\nold\n{readme_demo.END}\nb\n"
    once = readme_demo.with_table(text, "| new |")
    assert once == f"a\n{readme_demo.BEGIN}\n\n| new |\n\n{readme_demo.END}\nb\n"
    assert readme_demo.with_table(once, "| new |") == once

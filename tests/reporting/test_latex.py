import dataclasses
import re
import shutil
import subprocess

import pytest

from bench.reporting.latex import to_latex
from bench.reporting.layout import Column, Entry, Row, Table
from bench.reporting.writing import to_csv, to_markdown

HOSTILE = r"50%_$x^2 & #1 {a}~\input{/etc/passwd} <b>|\"q\" ‘ë’ 漫 --"


def hostile_table():
    columns = (
        Column("a", "A ↑", r"A $\uparrow$", 2, interval=True),
        Column("b", "B", "B", 0, group=HOSTILE, thousands=True),
    )
    rows = (Row(HOSTILE, (Entry(1.5, 0.25, True), Entry(1234.0)), mark="a", facts={"model": HOSTILE}),)
    other = (Row("second", (Entry(-2.0, None), Entry()), second_line=HOSTILE, facts={"model": "second"}),)
    return Table("hostile", "tab:hostile", HOSTILE, HOSTILE, columns, (rows, other), (HOSTILE, "plain"))


def structure(tex):
    """Check what a TeX engine would trip over: environments, braces, and as many columns in every row as in the preamble."""
    text = re.sub(r"(?<!\\)%.*", "", tex)
    opened = []
    for kind, name in re.findall(r"\\(begin|end)\{([a-z]+\*?)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert not opened
    plain = re.sub(r"\\[\\{}&%$#_]", "  ", text)
    depth = 0
    for character in plain:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    assert plain.count("$") % 2 == 0
    assert tex.isascii()


def column_counts(tex):
    columns = len(re.search(r"\\begin\{tabular\}\{@\{\}l(r+)@\{\}\}\n", tex)[1]) + 1
    body = tex.partition("\\toprule\n")[2].partition("\\bottomrule")[0]
    counts = []
    for line in body.splitlines():
        if line.startswith((r"\midrule", r"\cmidrule")):
            continue
        inner = re.sub(r"\\begin\{tabular\}.*?\\end\{tabular\}", "", line)
        spans = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", inner))
        counts.append(len(re.findall(r"(?<!\\)&", inner)) + 1 + spans)
    return columns, counts


@pytest.mark.parametrize("name", ["main", "lines", "colour", "differences", "cost"])
def test_tables_of_a_run_are_well_formed(built, name):
    tex = (built / "tables" / f"{name}.tex").read_text(encoding="utf-8")
    structure(tex)
    columns, counts = column_counts(tex)
    assert len(counts) >= 5
    assert set(counts) == {columns}
    assert rf"\label{{tab:{name}}}" in tex
    assert r"\caption[" in tex


def test_a_hostile_table_is_well_formed_in_every_format():
    table = hostile_table()
    structure(to_latex(table))
    columns, counts = column_counts(to_latex(table))
    assert set(counts) == {columns}
    assert "\\input" not in to_latex(table)
    assert len({line.count(" | ") for line in to_markdown(table).splitlines() if line.startswith("| ")}) == 1
    assert "<b>" not in to_markdown(table)
    assert to_csv(table).splitlines()[0] == "model,a,a_half_width,a_best,b"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tables_compile_without_a_box_too_wide(built, tmp_path):
    """With booktabs alone, in the narrow text of article."""
    (tmp_path / "hostile.tex").write_text(to_latex(hostile_table()), encoding="utf-8")
    for name in ("main", "lines", "colour", "differences", "cost"):
        shutil.copy(built / "tables" / f"{name}.tex", tmp_path)
    inputs = "\n".join(rf"\input{{{name}}}" for name in ("main", "lines", "colour", "differences", "cost", "hostile"))
    document = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n" + inputs + "\n\\end{document}\n"
    (tmp_path / "paper.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000
    own = done.stdout.partition("hostile.tex")[0]
    assert not re.findall(r"Overfull \\hbox \((?:[5-9]|\d{2,})[.\d]*pt", own)


def small_table(row, columns=1):
    names = [Column(f"m{i}", f"M{i}", f"M{i}", 4, interval=True) for i in range(columns)]
    return Table("small", "tab:small", "Small", "Small.", tuple(names), ((row,),))


def test_a_label_or_note_in_brackets_is_no_option_of_the_line_before_it():
    """TeX takes "[" after a line break for a length, and stops where it is none."""
    row = Row("漫画", (Entry(1.0),))
    table = small_table(row)
    tex = to_latex(dataclasses.replace(table, footnotes=("first", "[lines] second")))
    assert "\n{}[U+6F2B][U+753B] & " in tex
    assert "first \\\\\n{}[lines] second" in tex


def test_a_long_label_is_broken_at_its_last_comma():
    tex = to_latex(small_table(Row("pix2pixhd-small, pages shuffled", (Entry(1.0),))))
    assert r"pix2pixhd-small,\\[-2pt]pages shuffled\end{tabular} & $1.0000$" in tex


def test_columns_that_do_not_fit_go_on_in_a_float_of_the_same_number():
    row = Row("a model of some name", tuple(Entry(i + 0.1234, 0.0567) for i in range(12)))
    tex = to_latex(small_table(row, columns=12))
    structure(tex)
    assert tex.count(r"\begin{table*}") == 2
    assert tex.count(r"\caption[") == tex.count("(continued)") == 1
    assert [f"{i}.1234" in tex for i in range(12)] == [True] * 12
    assert re.findall(r"\{@\{\}l(r+)@\{\}\}", tex) == ["r" * 6, "r" * 6]

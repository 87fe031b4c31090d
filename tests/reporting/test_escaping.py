import csv
import html
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.reporting.escaping import escape_csv, escape_latex, escape_markdown, one_line

HOSTILE = st.one_of(st.text(max_size=30), st.text(alphabet="=+-@|`*_{}[]()<>&%$#~^\\\"'!?,;\t\r\n é√漫", max_size=30))

KNOWN = re.compile(
    r"\\[&%$#_{}]|\\text(?:backslash|asciitilde|asciicircum|endash|emdash)\{\}|\\[`'^~=\".uHrvck]\{[A-Za-z]\}"
    r"|\\(?:ss|ae|AE|o|O|i|l|L|ldots)\{\}|\\,|\{[`']\}|\{''\}|-\{\}|\$[<>|−-]\$|\$\^[23]\$|\$\^\\circ\$"
    r"|\$\\(?:pm|times|cdot|leq|geq|infty|Delta|uparrow|downarrow|rightarrow|dagger)\$|~"
)


@given(HOSTILE)
def test_latex_has_no_special_left(text):
    escaped = escape_latex(text)
    assert escaped.isascii()
    assert not re.search(r"[\\&%$#_{}~^\"<>|\n]", KNOWN.sub("", escaped)), escaped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            r"50 % of $x_1 & #2 {a} ~ ^ \input",
            r"50 \% of \$x\_1 \& \#2 \{a\} \textasciitilde{} \textasciicircum{} \textbackslash{}input",
        ),
        ("Süsstrunk, Bińkowski", r"S\"{u}sstrunk, Bi\'{n}kowski"),
        ("± 3 × 10³", r"$\pm$ 3 $\times$ 10$^3$"),
        ("漫画", "[U+6F2B][U+753B]"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
    ],
)
def test_latex_of_known_texts(text, expected):
    assert escape_latex(text) == expected


@given(HOSTILE)
def test_markdown_shows_the_text_itself_and_nothing_else(text):
    """Oracle: what a CommonMark parser with GitHub's tables and strikethrough makes of the escaped cell."""
    shown = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .render(f"| a |\n|---|\n| x{escape_markdown(text)}x |\n")
    )
    cells = re.findall(r"<td>(.*?)</td>", shown, flags=re.DOTALL)
    assert [html.unescape(cell) for cell in cells] == [f"x{one_line(text)}x"]


@given(HOSTILE)
def test_csv_cells_are_no_formulas_and_stay_one_cell(text):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([escape_csv(text), "1"])
    (row,) = csv.reader(io.StringIO(buffer.getvalue()))
    assert row == [escape_csv(text), "1"]
    assert not row[0].lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("formula", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1"])
def test_csv_guards_known_injections(formula):
    assert escape_csv(formula).startswith("'")


@pytest.mark.parametrize("wide", ["＝1+1", "＋1", "－1", "＠SUM(A1)", "\u3000＝1"])
def test_csv_guards_wide_formulas(wide):
    assert escape_csv(wide).startswith("'")


def test_csv_guards_formulas_behind_a_semicolon():
    assert escape_csv("a; =1+1;-2; b-c") == "a; '=1+1;'-2; b-c"


@given(st.text(max_size=40))
def test_one_line_is_one_line(text):
    assert len(one_line(text).splitlines()) <= 1

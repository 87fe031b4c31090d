import dataclasses
import math
import re

import pytest

from bench.reporting.breaking import ONE_COLUMN, TWO_COLUMN
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


def panels(tex):
    """The tabulars of a float: for each, its S columns' formats, and the cells of every line."""
    found = []
    for text in re.findall(r"^\\begin\{tabular\}\{@\{\}\n(.*?)^\\end\{tabular\}", tex, flags=re.MULTILINE | re.DOTALL):
        formats = re.findall(r"S\[table-format=(\+?)(\d+)\.(\d+)", text.partition("\\toprule")[0])
        body = text.partition("\\toprule\n")[2].partition("\\bottomrule")[0]
        lines = [
            line for line in body.splitlines() if not line.startswith(("\\midrule", "\\cmidrule", "\\addlinespace"))
        ]
        inner = [re.sub(r"\\begin\{tabular\}.*?\\end\{tabular\}", "", line.removesuffix(r" \\")) for line in lines]
        found.append((formats, [re.split(r"(?<!\\)&", line) for line in inner]))
    return found


def counts(tex):
    """Of every tabular: how many columns it has, and how many every line of it fills."""
    return [
        (
            len(formats) + 1,
            {len(c) + sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", "&".join(c))) for c in lines},
        )
        for formats, lines in panels(tex)
    ]


NAMES = ("main", "lines", "colour", "differences", "cost")
FORMS = {"": "table*", "-narrow": "table"}


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_tables_of_a_run_are_well_formed(written, name, suffix):
    tex = (written / "tables" / f"{name}{suffix}.tex").read_text(encoding="utf-8")
    structure(tex)
    assert counts(tex)
    assert all(filled <= {columns, 1} | {columns} and columns in filled for columns, filled in counts(tex))
    assert tex.count(rf"\label{{tab:{name}}}") == tex.count(r"\caption[") == 1
    assert set(re.findall(r"\\begin\{(table\*?)\}", tex)) == {FORMS[suffix]}


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_formats_hold_every_number_of_their_column(written, name, suffix):
    tex = (written / "tables" / f"{name}{suffix}.tex").read_text(encoding="utf-8")
    seen = 0
    for formats, lines in panels(tex):
        for place, (sign, whole, decimals) in enumerate(formats, start=1):
            cells = [cells[place].strip() for cells in lines if len(cells) == len(formats) + 1]
            numbers = [
                m for cell in cells if (m := re.fullmatch(r"(?:\\best |\\half)?(\\pm |-)?(\d+)(?:\.(\d+))?", cell))
            ]
            assert len(numbers) == sum(bool(cell) and not cell.startswith("{") for cell in cells)
            # A column of holes alone keeps room for one digit.
            assert max((len(m[2]) for m in numbers), default=1) == int(whole)
            assert max((len(m[3] or "") for m in numbers), default=0) == int(decimals)
            assert any(m[1] for m in numbers) == bool(sign)
            seen += len(numbers)
    assert seen > 20


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_have_the_numbers_of_the_markdown(written, name):
    markdown = (written / "tables" / f"{name}.md").read_text(encoding="utf-8").partition("\n| ")[2].partition("\n\n")[0]
    wanted = sorted(re.findall(r"\d+\.\d+", markdown))
    for suffix in FORMS:
        tex = (written / "tables" / f"{name}{suffix}.tex").read_text(encoding="utf-8")
        cells = " ".join(cell for _, lines in panels(tex) for cells in lines for cell in cells[1:])
        assert sorted(re.findall(r"(?<![\d.])\d+\.\d+", re.sub(r"\{.*?\}", "", cells))) == wanted
        assert cells.count(r"\best") == markdown.count("**") // 2


STATED = (
    r"2 seeds and 6 held-out pages (12 windows)", "Input recipe: original", r"resolution: 64 $\times$ 64 px", "data: synthetic",
    "Inference: dropout off, batch-norm statistics of each image",
    "Budget: 6 min of training, shared equally by 8 trained cells (45 s each)",
    "Example CPU @ 2.10GHz, 2 cores", "Commit ffffffffffff; experiment 0123456789ab; split 9f9f9f9f9f9f",
)  # fmt: skip


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_every_table_states_what_makes_it_citable(written, name, suffix):
    tex = (written / "tables" / f"{name}{suffix}.tex").read_text(encoding="utf-8")
    for stated in STATED:
        assert stated in tex
    if name != "cost":
        assert "A share bought: pix2pix-small 4,200 steps" in tex
    if name in ("main", "colour", "differences"):
        assert "extractor random-he-network, layer pool, resize none, weights sha256 abababab" in tex


def test_a_hostile_table_is_well_formed_in_every_format():
    table = hostile_table()
    for form in (TWO_COLUMN, ONE_COLUMN):
        tex = to_latex(table, form)
        structure(tex)
        assert all(columns in filled for columns, filled in counts(tex))
        assert "\\input" not in tex
    assert len({line.count(" | ") for line in to_markdown(table).splitlines() if line.startswith("| ")}) == 1
    assert "<b>" not in to_markdown(table)
    assert to_csv(table).splitlines()[0] == "model,a,a_half_width,a_best,b"


def texts(report, suffix):
    return {name: (report / "tables" / f"{name}{suffix}.tex").read_text(encoding="utf-8") for name in NAMES}


@pytest.mark.parametrize(
    ("document_class", "suffix", "siunitx"),
    [
        ("{article}", "", ""),
        ("[twocolumn,a4paper]{article}", "-narrow", ""),
        ("[conference]{IEEEtran}", "", ""),
        ("{article}", "-narrow", "[=v2]"),
    ],
)
def test_tables_compile_without_a_box_too_wide(written, typesetter, document_class, suffix, siunitx):
    """With booktabs and siunitx alone; its version 2 ships with version 3."""
    needed = "IEEEtran.cls" if "IEEEtran" in document_class else "siunitx-v2.sty" if siunitx else "article.cls"
    if not typesetter.has(needed):
        pytest.skip(f"{needed} is not installed")
    log = typesetter.log(document_class, texts(written, suffix), siunitx)
    assert "Overfull" not in log
    assert "Float too large" not in log
    assert not re.findall(r"Package \w+ Warning", log)


def test_hostile_texts_compile(typesetter):
    tex = to_latex(hostile_table())
    typesetter.log("{article}", {"hostile": tex, "again": tex.replace("tab:hostile", "tab:again")})


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
    assert "pix2pixhd-small, & 1.0000 \\\\\npages shuffled \\\\\n" in tex


def test_columns_that_do_not_fit_go_on_in_a_panel_below():
    row = Row("a model of some name", tuple(Entry(i + 0.1234, 0.0567) for i in range(12)))
    tex = to_latex(small_table(row, columns=12))
    structure(tex)
    assert tex.count(r"\begin{table*}") == tex.count(r"\caption[") == 1
    assert [len(formats) for formats, _ in panels(tex)] == [6, 6]
    assert [f"{i}.1234" in tex for i in range(12)] == [True] * 12


def test_panels_and_notes_that_do_not_fit_go_on_in_a_float_of_the_same_number():
    rows = tuple(Row(f"model {i}", tuple(Entry(i + 0.1234, 0.0567) for _ in range(12))) for i in range(20))
    table = dataclasses.replace(small_table(rows[0], columns=12), sections=(rows,), footnotes=("note " * 60,) * 20)
    tex = to_latex(table, ONE_COLUMN)
    structure(tex)
    assert tex.count(r"\begin{table}") > 2
    assert tex.count(r"\caption[") == 1
    assert tex.count("(continued)") + tex.count(r"Notes to \tablename") == tex.count(r"\begin{table}") - 1
    assert tex.count(r"Notes to \tablename") > 0
    assert tex.count("note note note") >= 20


def test_half_widths_stand_beside_their_values_where_there_is_room():
    tex = to_latex(small_table(Row("model", (Entry(1.5, 0.25, True), Entry(-2.0, None))), columns=2))
    assert r"S[table-format=1.4]@{\,}S[table-format=+1.4]" in tex
    assert r"model & \best 1.5000 & \half\pm 0.2500 & -2.0000 \\" in tex


def test_infinities_and_holes_stand_in_braces_and_thousands_are_grouped_by_siunitx():
    column = Column("a", "A", "A", 0, thousands=True)
    row = Row("model", (Entry(math.inf), Entry(), Entry(12345.0)))
    columns = tuple(dataclasses.replace(column, key=f"a{i}") for i in range(3))
    tex = to_latex(Table("small", "tab:small", "Small", "Small.", columns, ((row,),)))
    assert r"model & {$\infty$} & {---} & 12345 \\" in tex
    assert "S[table-format=5.0,group-minimum-digits=4,group-separator={,}]" in tex

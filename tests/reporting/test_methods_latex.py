"""methods.tex and references.bib: every citation has its entry, no entry is idle, and both survive hostile texts."""

import dataclasses
import re
import shutil
import subprocess

import pytest

from bench.metrics.registry import METRICS
from bench.reporting import citing
from bench.reporting.bibliography import data_key, literature, own_entries, year_of
from bench.reporting.methods import methods_parts, methods_text
from bench.reporting.methods_latex import methods_texts

AUTHOR_AND_YEAR = re.compile(r"([A-Z]\w+)(?: et al\.| and \w+|, \w+ and \w+) (\d{4})")
"""How a metric's source names a work."""


def entries_of(bib):
    """Keys and fields of a BibTeX file, by a parser of its own: braces are counted as BibTeX counts them."""
    found, position = {}, 0
    while (position := bib.find("\n@", position)) >= 0:
        start = bib.index("{", position)
        depth, end = 1, start + 1
        while depth:
            depth += (bib[end] == "{") - (bib[end] == "}")
            end += 1
        key, _, body = bib[start + 1 : end - 1].partition(",")
        fields = dict(re.findall(r"^\s+(\w+)\s+= \{(.*?)\},$", body, flags=re.MULTILINE | re.DOTALL))
        assert key not in found
        found[key] = fields
        position = end
    return found


def cited_in(tex):
    return {key for keys in re.findall(r"\\cite\{([^}]*)\}", tex) for key in keys.split(",")}


def texts_of(run, scores):
    return methods_texts(methods_parts(run, scores), [run])


def test_citations_and_entries_are_the_same(written):
    tex, bib = ((written / name).read_text(encoding="utf-8") for name in ("methods.tex", "references.bib"))
    assert cited_in(tex) == set(entries_of(bib))
    assert tex.isascii()
    assert bib.isascii()
    assert {"isola2017image", "wang2018high", "zhu2017unpaired", "naeem2020reliable", "holm1979simple"} <= cited_in(tex)
    # Nothing of Inception was used, and the words say so.
    assert not {"szegedy2016rethinking", "obukhov2020high", "stein2023exposing"} & cited_in(tex)


def test_the_text_without_citations_is_that_of_the_page(run, scores):
    plain = [(heading, " ".join(filter(None, parts))) for heading, parts in methods_parts(run, scores)]
    assert [(heading, citing.plain(text)) for heading, text in plain] == methods_text(run, scores)
    assert not any("\ue000" in text for _, text in methods_text(run, scores))


@pytest.mark.parametrize(
    "said",
    [
        r"pix2pix-small~\cite{isola2017image}, pix2pixhd-small~\cite{wang2018high} and cyclegan-small~\cite{zhu2017unpaired}",
        r"Pairs from synthetic (manga drawn by the project itself); input recipe original", r"in grey; 64 $\times$ 64 px",
        r"286/256 of that size", r"Split by chapter into 1 train, 1 validation and 6 test pages",
        r"Budget: 6 min of training, shared equally by 8 trained cells (45 s each).", r"Seeds: 0 and 1.", r"Batch size 1;",
        r"Example CPU @ 2.10GHz, 2 cores, 23.4 GiB memory", r"torch 2.8.0+cpu~\cite{paszke2019pytorch}",
        r"(scikit-image)~\cite{wang2004image,vanderwalt2014scikit}.", r"experiment 0123456789ab; split 9f9f9f9f9f9f.",
        r"Satterthwaite~\cite{satterthwaite1946approximate}", r"report~\cite{report-0123456789ab}",
    ],
)  # fmt: skip
def test_the_experiment_is_told_with_its_citations(run, scores, said):
    assert said in texts_of(run, scores)["methods.tex"]


def test_the_report_has_an_entry_of_its_own_whose_year_is_the_runs(run):
    known = run.provenance | {"date": "2031-05-06", "versions": {"manga-gan-bench": "9.8.7"}}
    dated = dataclasses.replace(run, provenance=known)
    report = entries_of("\n" + own_entries([dated])["report-0123456789ab"])["report-0123456789ab"]
    assert report["year"] == "2031"
    assert "{GAN} colours manga best" in report["title"]
    assert "tiny-demo" in report["title"]
    assert report["howpublished"] == "Made with manga-gan-bench version 9.8.7, commit ffffffffffff"
    assert report["note"] == "Experiment 0123456789ab; split 9f9f9f9f9f9f"
    assert "year" not in entries_of("\n" + own_entries([run])["report-0123456789ab"])["report-0123456789ab"]


@pytest.mark.parametrize("date", [None, 3, "yesterday", "2031-05-06T00:00", "\\input{x}"])
def test_a_date_that_is_none_gives_no_year(run, date):
    assert year_of(dataclasses.replace(run, provenance=run.provenance | {"date": date})) == ""


REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("source", "revision", "key"),
    [
        ("hf:MichaelP84/manga-colorization-dataset", REVISION, "data-manga-colorization-dataset"),
        ("hf:MichaelP84/manga-colorization-dataset", None, ""),
        ("hf:some/folder/of/mine", REVISION, ""),
        ("hf:a/b},note={x", REVISION, ""),
        ("synthetic", REVISION, ""),
    ],
)
def test_a_data_set_of_the_hub_is_cited_at_its_revision(run, scores, source, revision, key):
    experiment = run.experiment | {"data": {"source": source}}
    changed = dataclasses.replace(run, experiment=experiment, split=run.split | {"source": {"revision": revision}})
    assert data_key(changed) == key
    texts = texts_of(changed, scores)
    entries = entries_of(texts["references.bib"])
    assert cited_in(texts["methods.tex"]) == set(entries)
    if key:
        assert entries[key]["url"] == "https://huggingface.co/datasets/MichaelP84/manga-colorization-dataset"
        assert entries[key]["note"] == "Revision 0123456789ab"


def test_every_metric_cites_the_works_that_its_source_names():
    for name, metric in METRICS.items():
        named = AUTHOR_AND_YEAR.findall(metric.source) if metric.kind != "page" else []
        works = [literature()[key] for key in citing.METRIC_WORKS.get(name, ())]
        for author, year in named:
            assert any(author[:2] in work and f"{{{year}}}" in work for work in works), (name, author, year)


def test_every_key_is_known_and_every_known_work_is_of_use():
    tables = (citing.MODELS, citing.METRIC_WORKS, citing.RECIPES, citing.SOFTWARE)
    used = {key for table in tables for keys in table.values() for key in keys}
    used |= {*citing.DEGREES_OF_FREEDOM, *citing.JACKKNIFE, *citing.ADJUSTMENT, *citing.IMPROVEMENT}
    assert used == set(literature())
    assert list(literature()) == sorted(literature())
    for key, entry in literature().items():
        fields = entries_of("\n" + entry)[key]
        assert {"author", "title", "year"} <= fields.keys(), key
        assert fields["year"] in key or key == "sharma2005ciede2000", key
        assert fields.keys() & {"journal", "booktitle", "note"}, key


HOSTILE = r"{50%}_$x^2 & #1 }a{~\input{/etc/passwd} @misc{x, 漫 --"


def test_hostile_texts_leave_entries_whole(run, scores):
    plan = run.plan | {"experiment_digest": HOSTILE}
    provenance = run.provenance | {"commit": HOSTILE, "versions": {"manga-gan-bench": HOSTILE, HOSTILE: HOSTILE}}
    texts = texts_of(dataclasses.replace(run, plan=plan, provenance=provenance), scores)
    assert cited_in(texts["methods.tex"]) == set(entries_of(texts["references.bib"]))
    assert "report" in entries_of(texts["references.bib"])
    assert not re.search(r"\\input", texts["references.bib"] + texts["methods.tex"])


def compiled(folder, name, document):
    """Write and compile a paper with its bibliography; returns the log and what BibTeX says."""
    (folder / f"{name}.tex").write_text(document, encoding="utf-8")
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", f"{name}.tex"]
    said = ""
    for command in (latex, ["bibtex", name], latex, latex):
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:]
        said += done.stdout if command[0] == "bibtex" else ""
    return (folder / f"{name}.log").read_text(errors="replace"), said


@pytest.mark.skipif(not (shutil.which("pdflatex") and shutil.which("bibtex")), reason="pdflatex or bibtex is missing")
def test_the_methods_section_compiles_with_its_bibliography(written, tmp_path):
    for name in ("methods.tex", "references.bib"):
        shutil.copy(written / name, tmp_path)
    body = (
        "\\begin{document}\n\\input{methods}\n\\bibliographystyle{plain}\n\\bibliography{references}\n\\end{document}\n"
    )
    log, said = compiled(tmp_path, "paper", "\\documentclass{article}\n" + body)
    assert "undefined" not in log
    assert "Warning--" not in said
    assert not re.findall(r"Overfull \\hbox \((?:[5-9]|\d{2,})[.\d]*pt", log)

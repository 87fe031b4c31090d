"""Makes plain text safe in CSV, Markdown, LaTeX and scripts. Names of models, pages and data sources may hold anything."""

from __future__ import annotations

import json
import re
import unicodedata

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula; the wide ones where its language is Chinese or Japanese."""

_HIDDEN_FORMULA = re.compile(rf"(;\s*)(?=[{re.escape(''.join(_FORMULA))}])")
"""One behind a semicolon, at which a spreadsheet breaks lines where numbers are written with a comma."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~$])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    '"': "{''}",
    "`": "{`}",
    "'": "{'}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "−": "$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "∞": r"$\infty$",
    "Δ": r"$\Delta$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "°": r"$^\circ$",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "\u00a0": "~",
    "\u2009": r"\,",
    "†": r"$\dagger$",
    "²": "$^2$",
    "³": "$^3$",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ı": r"\i{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
    "\u0328": "k",
}


def one_line(text: str) -> str:
    """Return `text` on one line: every run of white space and control characters becomes one space."""
    cleaned = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)
    return re.sub(r"[ \t]+", " ", cleaned).strip(" ")


def escape_csv(text: str) -> str:
    """Return `text` as a cell that no spreadsheet takes for a formula: an apostrophe guards = + - @, also the wide ones.

    Source: OWASP, "CSV Injection". Quotes and commas are left to the CSV writer.
    """
    line = _HIDDEN_FORMULA.sub(r"\1'", one_line(text))
    return f"'{line}" if line.lstrip().startswith(_FORMULA) else line


def escape_markdown(text: str) -> str:
    """Return `text` with every character escaped that Markdown or the HTML in it would act on."""
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", line)


def escape_latex(text: str) -> str:
    """Return `text` as ASCII LaTeX that needs no package: specials escaped, accents as macros, other scripts as code points."""
    escaped = "".join(_latex_character(character) for character in one_line(text))
    # Two hyphens would become a dash.
    return escaped.replace("--", "-{}-").replace("--", "-{}-")


def _latex_character(character: str) -> str:
    if character in _LATEX:
        return _LATEX[character]
    if character.isascii():
        return character
    parts = unicodedata.normalize("NFD", character)
    base, mark = parts[0], parts[1:]
    if base.isascii() and base.isalpha() and mark in _ACCENTS:
        return f"\\{_ACCENTS[mark]}{{{base}}}"
    return f"[U+{ord(character):04X}]"


def script_json(value: object) -> str:
    """Return `value` as compact JSON in ASCII that can stand in a <script> element: nothing in it ends it or opens a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

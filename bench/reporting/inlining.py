"""Puts scripts, styles and data into a page: it is one file, and runs nothing but what its own content policy names."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib import resources

from markupsafe import Markup

_FOLDER = resources.files("bench.reporting") / "templates"


@dataclass(frozen=True, slots=True)
class Inlined:
    """The text of a <script> or <style> element, which nothing in a template escapes again."""

    text: Markup

    @property
    def source(self) -> str:
        """How a content policy names exactly this text."""
        digest = hashlib.sha256(self.text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"


def script(*names: str) -> Inlined:
    """Return the package's scripts of these names as one, in a scope of its own."""
    whole = "\n".join(_read(name) for name in names)
    return Inlined(Markup(f'"use strict";\n(() => {{\n{whole}}})();\n'))


def style(*names: str) -> Inlined:
    """Return the package's style sheets of these names as one."""
    return Inlined(Markup("\n".join(_read(name) for name in names)))


def content_policy(scripts: Inlined, styles: Inlined) -> str:
    """Return a Content-Security-Policy that allows this script, this style and pictures beside the page, and no network at all."""
    parts = {
        "default-src": "'none'",
        # Pages from a folder have no origin that 'self' could name in every browser.
        "img-src": "'self' file:",
        "script-src": scripts.source,
        "style-src": styles.source,
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")

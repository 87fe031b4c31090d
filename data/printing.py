"""Text from outside made fit for one line of a message, a log or a terminal."""

import unicodedata

MOST_LETTERS = 500
"""Longer words of a stranger are cut in messages."""


def printable(text: str) -> str:
    """Return `text` with everything that a terminal might obey replaced by "?", and every kind of space by a plain one."""
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(letter: str) -> str:
    # Wide spaces are common in names of chapters.
    return letter if letter.isprintable() else " " if unicodedata.category(letter) == "Zs" else "?"


def one_line(text: object, most: int = MOST_LETTERS) -> str:
    """Return what an error or a value says as one printable line of at most `most` letters, "" where it says nothing."""
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def reason(error: BaseException) -> str:
    """Return why something failed, in one printable line: what the error says, or its type where it says nothing."""
    return one_line(error) or type(error).__name__

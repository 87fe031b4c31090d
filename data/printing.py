"""Text from outside made fit for one line of a message, a log or a terminal."""

MOST_LETTERS = 500
"""Longer words of a stranger are cut in messages."""


def printable(text: str) -> str:
    """Return `text` with everything that a terminal might obey replaced by "?"."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def one_line(text: object, most: int = MOST_LETTERS) -> str:
    """Return what an error or a value says as one printable line of at most `most` letters, "" where it says nothing."""
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def reason(error: BaseException) -> str:
    """Return why something failed, in one printable line: what the error says, or its type where it says nothing."""
    return one_line(error) or type(error).__name__

"""A source's description as a few lines for people."""

from collections.abc import Mapping, Sequence

from data.description import NO_PART, Description
from data.printing import printable

_SHOWN = 5
"""Entries of a list that are shown."""


def description_text(found: Description) -> str:
    """Some ten lines; lists are shortened to five entries."""
    lines = [f"{found.title}: {found.pages:,} pages, {found.pairs:,} with a B/W page"]
    if found.layout:
        lines.append(f"layout: {found.layout}")
    lines += [_groups_line(found), *_split_lines(found), *_picture_lines(found)]
    for what, names in (
        (
            "pairs whose two pictures do not lie on each other",
            [f"{pair.page}: {pair.words}" for pair in found.misalignments],
        ),
        (_duplicates_heading(found), [" = ".join(pair) for pair in found.near_duplicate_pairs]),
        ("unreadable pages", found.unreadable),
        ("files left out", found.skipped),
    ):
        lines += _listed(what, names)
    notes = [f"revision {found.revision}" if found.revision else None, found.licence_note]
    return "\n".join(printable(line) for line in [*lines, *(note for note in notes if note)])


def _groups_line(found: Description) -> str:
    if not found.grouped:
        held_out = {"validation", "test"} & set(found.parts)
        return "no series or chapters" + ("" if held_out else ": it is split in blocks of rows")
    largest = ", ".join(f"{name or '.'} ({pages:,})" for name, pages in found.largest_chapters)
    return f"{found.series:,} series, {found.chapters:,} chapters; the largest: {largest}"


def _split_lines(found: Description) -> list[str]:
    if not found.parts:
        return []
    parts = [f"{pages:,} in {'no part' if part == NO_PART else part}" for part, pages in found.parts.items()]
    return [f"its own split: {', '.join(parts)}"]


def _picture_lines(found: Description) -> list[str]:
    lines = []
    if found.sizes is not None:
        short, long = (" / ".join(f"{px:,}" for px in side) for side in (found.sizes.short, found.sizes.long))
        lines.append(f"sizes in px (smallest / median / largest): short side {short}, long side {long}")
    if found.modes.color:
        bw = f"; B/W {_counts(found.modes.bw)}" if found.modes.bw else ""
        lines.append(f"stored as: colour {_counts(found.modes.color)}{bw}")
    lines.append(f'{found.grey_color:.1%} of the "colour" pages are grey')
    if found.pairs:
        lines.append(f'{found.coloured_bw:.1%} of the "B/W" pages hold colour')
        lines.append(
            f"{found.luminance_bw:.1%} of the B/W pages are the luminance of their colour page"
            f" ({found.exact_luminance_bw:.1%} exactly)"
        )
    return lines


def _counts(modes: Mapping[str, int]) -> str:
    return ", ".join(f"{mode} ({pages:,})" for mode, pages in modes.items())


def _duplicates_heading(found: Description) -> str:
    across = found.near_duplicates_across_parts
    return "pairs of near-duplicate pages" + (f", {across:,} of them across its own parts" if across else "")


def _listed(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return [f"no {what}"]
    more = [f"  … and {len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else []
    return [f"{len(names):,} {what}:", *(f"  {name}" for name in names[:_SHOWN]), *more]

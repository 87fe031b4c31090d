"""A folder or archive of pages: pairs in two folders, pairs side by side in one file, or colour pages alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.archives import ARCHIVE_SUFFIXES
from data.errors import DataError
from data.printing import printable
from data.sources import looking
from data.sources.dataset_card import stated_rights
from data.sources.file_source import FileSource, Half, StoredPage, chapter_of
from data.sources.folder_refusals import (
    EXPECTED,
    nothing_found,
    refuse_deeper_pairs,
    refuse_linked_sides,
    refuse_tables,
)
from data.sources.layouts import LAYOUTS, Spot, has_part_folders, part_of, recognised
from data.sources.listing import Listing, StoredImage, list_folder, list_one_archive
from data.sources.naming import id_texts
from data.sources.pairing import PART_ORDER, SpotPair, paired

_NAME_SIDE = "say which with --bw-side A or --bw-side B (for a run, --set data.bw_side=A)"


@dataclass(frozen=True, slots=True)
class _Request:
    """What was asked for, and what lies there."""

    root: Path
    spec: str
    listing: Listing
    bw_side: str


def open_folder(path: Path, spec: str | None = None, *, layout: str = "auto", bw_side: str = "auto") -> FileSource:
    """List a folder, or a CBZ or ZIP archive as if it were one.

    Below the folders of side and part, the outermost folder is the series and the rest of a page's path its chapter; a single
    folder is a chapter. Hidden files are ignored; links, pages without a partner and names that two files share are left out and
    listed in `skipped`.

    Args:
        path: of the folder or archive.
        spec: the text that opens the source again.
        layout: one of `LAYOUTS`; "auto" looks.
        bw_side: of folders A and B, or of two halves of which A is the left one: the B/W one; "auto" looks.

    Raises:
        DataError: it is missing, is neither folder nor archive, cannot be listed, holds no usable image, or the layout
            is not what was asked for.
    """
    if layout not in LAYOUTS:
        raise DataError(f"layout {layout!r}: give one of {', '.join(LAYOUTS)}")
    if bw_side not in ("auto", "A", "B"):
        raise DataError(f"bw_side {bw_side!r}: give A, B or auto")
    root, listing = _listed(path)
    request = _Request(root, spec or str(path), listing, bw_side)
    if not listing.images:
        raise DataError(nothing_found(root, request.spec, listing))
    spots = recognised(listing.images) if layout in ("auto", "pairs") else []
    if spots:
        return _two_files_a_page(request, spots)
    if layout in ("auto", "pairs"):
        refuse_linked_sides(root, listing)
        refuse_deeper_pairs(root, listing.images)
    if layout == "pairs":
        raise DataError(f"{root}: no pairs in it; {EXPECTED}")
    if layout == "auto":
        refuse_tables(root, listing)
    return _one_file_a_page(request, layout)


def _listed(path: Path) -> tuple[Path, Listing]:
    if not path.exists():
        raise DataError(f"{path}: no such folder; give an existing one, or `synthetic`, or `hf:owner/name`")
    if path.is_dir():
        root = path.resolve()
        return root, list_folder(root)
    if path.suffix.lower() in ARCHIVE_SUFFIXES:
        return path, list_one_archive(path)
    raise DataError(
        f"{path}: a file, not a folder; give the folder that holds the images, or a CBZ, ZIP, CSV or parquet file"
    )


def _two_files_a_page(request: _Request, spots: Sequence[Spot]) -> FileSource:
    root, listing = request.root, request.listing
    tops = {PurePosixPath(spot.top).parts[0] for spot in spots}
    refuse_linked_sides(root, listing, [*tops, *{PurePosixPath(spot.partner).parts[0] for spot in spots}])
    pairing = paired(str(root), spots)
    side = _side_of_pairs(request, pairing.pairs)
    pages = [_page_of_pair(pair, bw_second=side == "B") for pair in pairing.pairs]
    words = f"pairs in {_tops(pairing.pairs)}" + (f" (B/W is {side})" if side else "")
    beside = Counter(image.place.parts[0] for image in listing.images if image.place.parts[0] not in tops)
    skipped = [
        printable(f"{name}: beside the folders of pairs; {count} images are not read") for name, count in beside.items()
    ]
    return _source(request, words, pages, [*pairing.skipped, *skipped])


def _one_file_a_page(request: _Request, layout: str) -> FileSource:
    images = request.listing.images
    in_parts = has_part_folders([image.place for image in images])
    where = f" in {_part_folders(images)}" if in_parts else ""
    half = _bw_half(request, layout)
    pages = _single_pages(images, in_parts, half)
    if half is not None:
        side = "A, the left half" if half == "left" else "B, the right half"
        return _source(request, f"side-by-side pairs{where} (B/W is {side})", pages)
    if request.bw_side != "auto":
        raise DataError(
            f"{request.root}: bw_side is {request.bw_side}, but these are colour pages alone; leave it at auto, or name the"
            " layout side-by-side"
        )
    return _source(request, f"colour pages alone{where}", pages)


def _source(request: _Request, layout: str, pages: Sequence[StoredPage], skipped: Sequence[str] = ()) -> FileSource:
    archives, root = request.listing.archives, request.root
    if archives:
        layout += f"; {archives} archive{'s' if archives > 1 else ''} read as folders"
    tables = [
        printable(f"{name}: a table, not read; give it instead of the folder if it is a manifest")
        for name in request.listing.tables
    ]
    title = root.stem if root.is_file() else root.name
    left_out = [*request.listing.skipped, *skipped, *tables]
    rights = stated_rights(root) if root.is_dir() else None
    return FileSource(request.spec, title or str(root), layout, pages, left_out, rights)


def _side_of_pairs(request: _Request, pairs: Sequence[SpotPair]) -> str:
    """The B/W side of folders A and B; "" where the folders are called bw and color."""
    if pairs[0].first.side != "A":
        if request.bw_side != "auto":
            raise DataError(
                f"{request.root}: bw_side is {request.bw_side}, but the names of the folders tell the sides; leave it at auto"
            )
        return ""
    if request.bw_side != "auto":
        return request.bw_side
    chosen = looking.sample(pairs)
    found = looking.bw_side(looking.read_pairs([(pair.first.image, pair.second.image) for pair in chosen]))
    if found is None:
        raise DataError(f"{request.root}: colour does not tell which of {_tops(pairs)} is the B/W side; {_NAME_SIDE}")
    return "AB"[found]


def _bw_half(request: _Request, layout: str) -> Half | None:
    """The B/W half of each file; None where files are colour pages alone."""
    if layout == "color":
        return None
    images = request.listing.images
    found = looking.side_by_side(images) if layout == "auto" else None
    if layout == "auto" and found is None:
        return None
    if request.bw_side != "auto":
        return "left" if request.bw_side == "A" else "right"
    if found is not None:
        return found
    side = looking.bw_side(looking.read_halves(looking.sample(images)))
    if side is None:
        raise DataError(f"{request.root}: colour does not tell which half is the B/W one; {_NAME_SIDE}")
    return "left" if side == 0 else "right"


def _page_of_pair(pair: SpotPair, *, bw_second: bool) -> StoredPage:
    bw, color = (pair.second, pair.first) if bw_second else (pair.first, pair.second)
    series, chapter = chapter_of(pair.name.parent)
    named = PurePosixPath(pair.first.part_folder, pair.name)
    # Pages of bw/ and color/ have always been named by their place in color/.
    shown = color.image.place if color.part_folder else color.below
    return StoredPage(str(named), str(shown), series, chapter, color.part, color.image, bw.image)


def _single_pages(images: Sequence[StoredImage], in_parts: bool, bw_half: Half | None) -> list[StoredPage]:
    pages = []
    texts = id_texts([image.place for image in images])
    for image, text in zip(images, texts, strict=True):
        below = PurePosixPath(*image.place.parts[1:]) if in_parts else image.place
        part = part_of(image.place.parts[0]) if in_parts else None
        series, chapter = chapter_of(below.parent)
        pages.append(StoredPage(text, str(image.place), series, chapter, part, image, bw_half=bw_half))
    return sorted(pages, key=lambda page: PART_ORDER.index(page.part) if page.part else -1)


def _tops(pairs: Sequence[SpotPair]) -> str:
    """The folders of the first part, and the names of the others: "trainA/ and trainB/, likewise test"."""
    first = pairs[0]
    others = list(dict.fromkeys(pair.first.part_folder for pair in pairs))[1:]
    likewise = f", likewise {' and '.join(others)}" if others else ""
    return printable(f"{first.first.top}/ and {first.second.top}/{likewise}")


def _part_folders(images: Sequence[StoredImage]) -> str:
    folders = sorted(
        {image.place.parts[0] for image in images}, key=lambda name: PART_ORDER.index(part_of(name) or "test")
    )
    return printable(" and ".join(f"{name}/" for name in folders))

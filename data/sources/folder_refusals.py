"""What is said of a folder in which people most likely meant something else than what its files look like."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from data.errors import DataError
from data.images import SUFFIXES
from data.printing import printable
from data.sources.layouts import BW_FOLDERS, COLOR_FOLDERS, recognised
from data.sources.listing import Listing, StoredImage
from data.sources.manifest_tables import is_manifest

EXPECTED = (
    "expected bw/ and color/ or trainA/ and trainB/ with the same file names, or side-by-side or colour images below the"
    " folder"
)


def nothing_found(root: Path, spec: str, listing: Listing) -> str:
    """The line for a source without a single image."""
    tables = listing.tables
    if any(_is_parquet(name) for name in tables):
        return (
            f"{spec}: holds parquet files, not images; give it as hf:{spec} if they hold the images, or give the one that"
            " lists the files"
        )
    if tables:
        return printable(f"{spec}: no images in it, but a table; give {root / tables[0]} if it is a manifest")
    skipped = listing.skipped
    left_out = f" ({len(skipped)} left out, for instance {skipped[0]})" if skipped else ""
    return f"{spec}: no usable images{left_out}; {EXPECTED} ({', '.join(sorted(SUFFIXES))})"


def refuse_linked_sides(root: Path, listing: Listing, sides: Sequence[str] = BW_FOLDERS + COLOR_FOLDERS) -> None:
    """Raise DataError where a folder of a side is a link: its pages would be missed without a word."""
    names = {name.casefold() for name in sides}
    for place in listing.links:
        if len(place.parts) == 1 and place.name.casefold() in names:
            raise DataError(
                printable(f"{root / place}: a link out of the folder is not followed; put the images themselves there")
            )


def refuse_tables(root: Path, listing: Listing) -> None:
    """Raise DataError where a manifest or a parquet dataset lies beside images: which of them is meant?"""
    for name in listing.tables:
        table = root / name
        if _is_parquet(name) or is_manifest(table):
            dataset = f"hf:{table} if it holds images itself, " if _is_parquet(name) else ""
            raise DataError(
                printable(
                    f"{root}: holds images and {name}; give {table} if it is a manifest that lists them, {dataset}or name"
                    " the layout of the image files (side-by-side or color)"
                )
            )


def refuse_deeper_pairs(root: Path, images: Sequence[StoredImage]) -> None:
    """Raise DataError where the folders of pairs lie in a folder or archive below: they would be taken for chapters."""
    inside: dict[Path, list[StoredImage]] = {}
    for image in images:
        first, *rest = image.place.parts
        if rest:
            packed = image.entry is not None and image.file.parent == root
            moved = replace(image, place=PurePosixPath(*rest))
            inside.setdefault(image.file if packed else root / first, []).append(moved)
    for folder, below in inside.items():
        if recognised(below):
            raise DataError(
                printable(
                    f"{root}: the folders of pairs are one deeper, in {folder}; give that one, or move both sides to the"
                    f" top ({EXPECTED})"
                )
            )


def _is_parquet(name: str) -> bool:
    return name.lower().endswith(".parquet")

"""What a source of pairs is: keys that name its pages, and pixels on request."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""A picture: uint8, HxWx3 in RGB order (HxW where a function says grey), 0 is black."""


Part = Literal["train", "validation", "test"]
"""One of the three parts of a split."""


@dataclass(frozen=True, slots=True)
class PairKey:
    """The name of one page. `id` is unique in its source and safe as a file name; `page` counts within the chapter.

    `part` is where the source itself puts the page (folders trainA and testA, a manifest's column); None where it does
    not say.
    """

    id: str
    series: str
    chapter: str
    page: int
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class RawPair:
    """One page as it was stored: uint8 HxWx3. `bw` is None where there is only colour and a recipe must make it.

    Attributes:
        digest: sha256 in hex of the stored content of both pictures (their files' bytes where there are files); names the
            page in split manifests.
        color_mode, bw_mode: how the pictures were stored, in Pillow's words ("RGB", "L", "P", "CMYK", "I;16", …).
    """

    bw: Pixels | None
    color: Pixels
    digest: str = ""
    color_mode: str = "RGB"
    bw_mode: str = ""


class PairSource(Protocol):
    """Where pages come from. A source lists its keys at once and decodes one page at a time."""

    @property
    def spec(self) -> str:
        """The text that opens this source again."""

    @property
    def title(self) -> str:
        """The name for captions and tables."""

    @property
    def grouped(self) -> bool:
        """Whether series and chapters are known; False is a flat source, which is split in blocks of rows."""

    @property
    def licence_note(self) -> str | None:
        """What is known about the right to use the pages; None where nothing needs to be said."""

    def keys(self) -> Sequence[PairKey]:
        """All pages, in the source's own order."""

    def read(self, key: PairKey) -> RawPair:
        """Decode one page.

        Raises:
            UnreadableImage: naming the file or row and what is wrong with it.
        """

    def fingerprint(self) -> str:
        """sha256 in hex; differs when the content may have changed."""


@runtime_checkable
class ListsFiles(Protocol):
    """A source that knows which files its pages are, and which it left out when it listed them."""

    @property
    def skipped(self) -> tuple[str, ...]:
        """One line a file left out: its name and why."""

    def file_name(self, key: PairKey) -> str:
        """The page's file, relative to the source, for messages and reports."""


def shown_name(source: PairSource, key: PairKey) -> str:
    """The file name of a page where its source has files, else its id."""
    return source.file_name(key) if isinstance(source, ListsFiles) else key.id


def fault_of(source: PairSource, error: Exception) -> str:
    """What is wrong with a page of the source, in one line: files are named relative to it, for records and reports."""
    place = Path(source.spec).expanduser().resolve()
    return str(error).removeprefix(f"{place if place.is_dir() else place.parent}/")


def skipped_files(source: PairSource) -> tuple[str, ...]:
    """The files that the source left out when it listed its pages, one line each."""
    return source.skipped if isinstance(source, ListsFiles) else ()

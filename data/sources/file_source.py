"""Pages that are files, or entries of archives: what all layouts of folders, and manifests, become."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from data.errors import DataError, UnreadableImage
from data.images import compressed_with_loss, content_digest, decode_with_mode
from data.pair import PairKey, Part, Pixels, RawPair
from data.printing import printable
from data.sources.listing import StoredImage
from data.sources.naming import safe_ids

Half = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class StoredPage:
    """Where the pictures of one page are.

    Attributes:
        id_text: what its id is made of; unique in the source.
        shown: its file's name in messages and reports.
        series, chapter, part: as in `PairKey`.
        color: the colour picture, or the file that holds both side by side.
        bw: the B/W picture.
        bw_half: which half of `color` is the B/W picture; None where that is no file of two halves.
        page: its number where the source gives one; else it is counted within its chapter.
    """

    id_text: str
    shown: str
    series: str
    chapter: str
    part: Part | None
    color: StoredImage
    bw: StoredImage | None = None
    bw_half: Half | None = None
    page: int | None = None


class FileSource:
    """Pages in the order in which they were listed. `layout` says in words how they were found to lie."""

    def __init__(
        self,
        spec: str,
        title: str,
        layout: str,
        pages: Sequence[StoredPage],
        skipped: Sequence[str] = (),
        licence_note: str | None = None,
    ) -> None:
        self.spec, self.title, self.layout = spec, title, layout
        self.licence_note = licence_note
        self.skipped = tuple(skipped)
        self.grouped = len({(page.series, page.chapter) for page in pages}) > 1
        self._pages = dict(zip(safe_ids([page.id_text for page in pages]), pages, strict=True))
        self._keys = _page_keys(self._pages)

    def keys(self) -> Sequence[PairKey]:
        """All pages, by part and in natural order of their paths, or in the manifest's order."""
        return self._keys

    def read(self, key: PairKey) -> RawPair:
        """Decode one page; `bw` is None where there is only colour.

        Raises:
            UnreadableImage: naming the file.
        """
        page = self._page(key)
        content = page.color.content()
        color, color_mode = decode_with_mode(content, page.color.name)
        if page.bw_half is not None:
            return _cut(RawPair(None, color, content_digest(content), color_mode, color_mode), page)
        if page.bw is None:
            return RawPair(None, color, content_digest(content), color_mode)
        bw_content = page.bw.content()
        bw, bw_mode = decode_with_mode(bw_content, page.bw.name)
        return RawPair(bw, color, content_digest(content, bw_content), color_mode, bw_mode)

    def lossy(self, key: PairKey) -> bool:
        """Whether the page's colour picture is stored with loss.

        Raises:
            UnreadableImage: naming the file.
        """
        return compressed_with_loss(self._page(key).color.content())

    def file_name(self, key: PairKey) -> str:
        """The path of the colour file below the source; of pairs in bw/ and color/, below color/."""
        return printable(self._page(key).shown)

    def fingerprint(self) -> str:
        """sha256 over the layout, and over parts, names, sizes and modification times of all files in use."""
        digest = hashlib.sha256(f"files\0{self.layout}\n".encode("utf-8", "surrogatepass"))
        for key in self._keys:
            page = self._pages[key.id]
            digest.update(f"{key}{page.bw_half}\n".encode("utf-8", "surrogatepass"))
            for image in (page.color, page.bw):
                if image is not None:
                    digest.update(image.stamp())
        return digest.hexdigest()

    def _page(self, key: PairKey) -> StoredPage:
        try:
            return self._pages[key.id]
        except KeyError:
            raise DataError(f"{self.spec}: no page has the id {key.id!r}") from None


def chapter_of(folder: PurePosixPath) -> tuple[str, str]:
    """(series, chapter) of the folder that holds a page, as they can be printed.

    The outermost of several folders is the series, and the rest is the chapter: volumes of one series are none of their own.
    """
    series, chapter = (folder.parts[0], folder.parts[1:]) if len(folder.parts) > 1 else ("", folder.parts)
    return printable(series), printable("/".join(chapter))


def halves(whole: Pixels) -> tuple[Pixels, Pixels]:
    """The left and the right half of a picture of even width."""
    middle = whole.shape[1] // 2
    return whole[:, :middle], whole[:, middle:]


def _cut(whole: RawPair, page: StoredPage) -> RawPair:
    width = whole.color.shape[1]
    if width % 2:
        raise UnreadableImage(
            f"{page.color.name}: {width} px wide, and an odd width has no two halves; repair or remove it"
        )
    left, right = halves(whole.color)
    bw, color = (left, right) if page.bw_half == "left" else (right, left)
    return RawPair(bw, color, whole.digest, whole.color_mode, whole.bw_mode)


def _page_keys(pages: dict[str, StoredPage]) -> list[PairKey]:
    """Keys in order; pages without a number are counted from 1 within their part's chapter."""
    counted: dict[tuple[object, ...], int] = defaultdict(int)
    keys = []
    for page_id, page in pages.items():
        chapter = (page.part, page.series, page.chapter)
        counted[chapter] += 1
        number = counted[chapter] if page.page is None else page.page
        keys.append(PairKey(page_id, page.series, page.chapter, number, page.part))
    return keys

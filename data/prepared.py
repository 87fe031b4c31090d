"""Prepared pages: decoded, resized, and memory-mapped; what training and testing read instead of image files.

B/W inputs are stored with one channel (their three are equal) and shown as HxWx3 views without a copy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, overload

import numpy as np
import numpy.typing as npt

from data.geometry import window_id
from data.pair import PairKey, Pixels
from data.recipes import Recipe, RecipeSettings
from data.splits import Split


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """The pixels of a training page or of one test window: colour HxWx3, and B/W HxWx1 in each variant of the recipe."""

    bw: tuple[Pixels, ...]
    color: Pixels


class FlatImages:
    """Pictures of different sizes in one flat array of bytes; item i is a read-only view HxWxC."""

    def __init__(
        self, content: Pixels, offsets: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], channels: int
    ) -> None:
        """Lay pictures over `content`.

        Args:
            content: uint8 [bytes], possibly memory-mapped.
            offsets: first byte of each picture.
            sizes: [n, 2], height and width in px.
            channels: of every picture.
        """
        # A view of the base class: indexing an np.memmap costs several times more than indexing an ndarray.
        self._content = np.asarray(content).view()
        self._content.flags.writeable = False
        self._places = [
            (int(offset), int(height), int(width))
            for offset, (height, width) in zip(offsets.tolist(), sizes.tolist(), strict=True)
        ]
        self.channels = channels

    @classmethod
    def of(cls, pictures: Sequence[Pixels]) -> Self:
        """Copies of pictures HxWxC in memory."""
        channels = pictures[0].shape[2]
        ends = np.cumsum([picture.size for picture in pictures], dtype=np.int64)
        offsets = ends - np.array([picture.size for picture in pictures], dtype=np.int64)
        sizes = np.array([picture.shape[:2] for picture in pictures], dtype=np.int64)
        return cls(np.concatenate([picture.ravel() for picture in pictures]), offsets, sizes, channels)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, at: int) -> Pixels:
        offset, height, width = self._places[at]
        return self._content[offset : offset + height * width * self.channels].reshape(height, width, self.channels)

    def size(self, at: int) -> tuple[int, int]:
        """Height and width of a picture in px."""
        return self._places[at][1:]


class TrainingPages:
    """The training pages at short side round(R * 286/256), in the order of the split."""

    def __init__(
        self, ids: Sequence[str], groups: Sequence[str], bw: FlatImages, color: FlatImages, variants: int = 1
    ) -> None:
        """Pages by index.

        Args:
            ids: of the pages.
            groups: of the pages.
            bw: one channel, `variants` pictures a page, one page's after the other's.
            color: three channels, a picture a page.
            variants: B/W versions of each page.
        """
        self.ids = tuple(ids)
        self.groups = tuple(groups)
        self.inputs = bw
        self.truths = color
        self.variants = variants

    def __len__(self) -> int:
        return len(self.ids)

    def bw(self, at: int, variant: int = 0) -> Pixels:
        """The B/W input of a page: read-only uint8 HxWx3 view with equal channels; variant 0 is made as test pages are."""
        return as_rgb(self.inputs[at * self.variants + variant])

    def color(self, at: int) -> Pixels:
        """The colour page: read-only uint8 HxWx3 view."""
        return self.truths[at]

    def size(self, at: int) -> tuple[int, int]:
        """Height and width of a page in px."""
        return self.truths.size(at)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One test window of a page: `bw` and `color` are read-only uint8 RxRx3 views."""

    id: str
    page_id: str
    group: str
    series: str
    chapter: str
    bw: Pixels
    color: Pixels


class Windows(Sequence[Window]):
    """The windows of the validation or test part, pages in the order of the split, top or left window first."""

    def __init__(
        self, keys: Sequence[PairKey], groups: Sequence[str], numbers: Sequence[int], bw: Pixels, color: Pixels
    ) -> None:
        """Windows by index.

        Args:
            keys: the page of each window.
            groups: the group of each window's page.
            numbers: which window of its page each one is, 0 or 1.
            bw: uint8 [n, R, aspect * R, 1].
            color: uint8 [n, R, aspect * R, 3].
        """
        self._keys = tuple(keys)
        self._groups = tuple(groups)
        self._numbers = tuple(numbers)
        self._bw = bw
        self._color = color

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, at: int) -> Window: ...

    @overload
    def __getitem__(self, at: slice) -> list[Window]: ...

    def __getitem__(self, at: int | slice) -> Window | list[Window]:
        """The window at an index, or a list of windows for a slice."""
        if isinstance(at, slice):
            return [self._window(number) for number in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return self._window(at % len(self))

    def __iter__(self) -> Iterator[Window]:
        return (self._window(at) for at in range(len(self)))

    @property
    def ids(self) -> tuple[str, ...]:
        """The window ids, "<page id>-0" or "<page id>-1"."""
        return tuple(window_id(key.id, number) for key, number in zip(self._keys, self._numbers, strict=True))

    def _window(self, at: int) -> Window:
        key = self._keys[at]
        return Window(
            id=window_id(key.id, self._numbers[at]),
            page_id=key.id,
            group=self._groups[at],
            series=key.series,
            chapter=key.chapter,
            bw=as_rgb(self._bw[at]),
            color=self._color[at],
        )


@dataclass(frozen=True)
class PreparationReport:
    """What was left out on the way, for the log and the report.

    Attributes:
        skipped: files that the source left out when it listed them, one line each.
        unreadable: (page id, one line that says why).
        near_duplicates: (training page id, held-out page id); the training page was dropped.
        gap: ids left out between blocks of a flat source.
        enlarged: by part, how many pages are smaller in the source than the windows are.
    """

    skipped: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]
    near_duplicates: tuple[tuple[str, str], ...]
    gap: tuple[str, ...]
    enlarged: Mapping[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """One line for each kind of page that was left out; empty where none was."""
        text = []
        if self.skipped:
            text.append(f"{_counted(len(self.skipped), 'file')} left out when listing, for instance {self.skipped[0]}")
        if self.unreadable:
            text.append(f"{len(self.unreadable)} unreadable: " + "; ".join(why for _, why in self.unreadable))
        if self.near_duplicates:
            dropped = len({training for training, _ in self.near_duplicates})
            first = " of ".join(self.near_duplicates[0])
            pages = _counted(dropped, "training page")
            text.append(f"{pages} dropped, nearly the same as held-out ones, for instance {first}")
        if self.gap:
            text.append(f"{_counted(len(self.gap), 'row')} left out between blocks of the split")
        if self.enlarged:
            parts = ", ".join(f"{count} of {part}" for part, count in self.enlarged.items())
            text.append(
                f"pages smaller than the resolution, and so enlarged: {parts}; a lower --resolution has all that they show"
            )
        return text


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A split at one resolution and recipe, ready to train and test on.

    Attributes:
        folder: where it lies on disk.
        resolution: R, px.
        recipe: how the B/W input was made.
        recipe_settings: its settings.
        split: the effective split: what was dropped is gone from its parts and named in it.
        digest: sha256 in hex over resolution, recipe, settings, split and the pixels of all pages in use.
        report: what was left out.
        train: pages.
        validation: windows.
        test: windows.
    """

    folder: Path
    resolution: int
    recipe: Recipe
    recipe_settings: RecipeSettings
    split: Split
    digest: str
    report: PreparationReport
    train: TrainingPages
    validation: Windows
    test: Windows


def as_rgb(grey: Pixels) -> Pixels:
    """A read-only view HxWx3 of a one-channel picture HxWx1."""
    return np.broadcast_to(grey, (*grey.shape[:2], 3))

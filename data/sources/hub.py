"""Datasets of the Hugging Face hub, and local parquet or `datasets` folders, with a B/W and a colour image column.

A dataset of the hub is downloaded at one commit and then opened as a local folder is. `datasets` keeps the table
memory-mapped on disk; images are decoded here, one row at a time, from their stored bytes.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from data.errors import DataError, UnreadableImage
from data.images import content_digest, decode_with_mode, read_bytes
from data.pair import PairKey, Part, RawPair
from data.printing import printable
from data.sources.dataset_card import licence_note
from data.sources.dataset_files import refuse_outside_links, refuse_outside_records, snapshot_root
from data.sources.hub_download import NAME, Hub, fetch_snapshot
from data.sources.hub_table import content_of, open_table
from data.sources.naming import PART_OF_WORD
from data.sources.stored_rows import StoredRows

PREFIX = "hf:"

_ROW_DIGITS = 6
"""Of ids, at least: row-000000."""


class HubSource:
    """Rows of a dataset as pages, in row order. A flat source: series and chapters are not known.

    Attributes:
        revision: the commit of the hub's repository that was read; None for a local dataset.
        warning: one line about the revision where the hub could not be asked; else None.
        folder: the files of the dataset; a file where that is the dataset.
        fetched: whether any of them came over the network just now.
    """

    def __init__(
        self,
        spec: str,
        *,
        bw_column: str = "bw_image",
        color_column: str = "color_image",
        offline: bool = False,
        cache_dir: Path | None = None,
        hub: Hub | None = None,
    ) -> None:
        """Open "hf:owner/name", "hf:owner/name@REVISION" or "hf:PATH".

        Args:
            spec: a path that exists is a local dataset, anything else the name of one on the hub.
            bw_column: name of the column with the B/W pages.
            color_column: name of the column with the colour pages.
            offline: use what was downloaded before, ask nobody.
            cache_dir: where `datasets` keeps its tables; its own default if None.
            hub: which hub, and where its files are kept; the library's own if None.

        Raises:
            DataError: not found, no rows, or a column is missing.
            NotFetched: not on this machine, and the network, access or room is missing.
        """
        self.spec = spec
        self.grouped = False
        self.revision: str | None = None
        self.warning: str | None = None
        self.fetched = False
        self._columns = (bw_column, color_column)
        place = spec.removeprefix(PREFIX)
        if not place.strip():
            raise DataError(f"{spec}: names no dataset; give hf:owner/name or hf:PATH")
        local = Path(place).expanduser()
        self.folder = self._find_local(local) if local.exists() else self._fetch(place, offline, hub or Hub())
        refuse_outside_links(spec, self.folder, self._root)
        refuse_outside_records(spec, self.folder)
        table, splits = open_table(spec, self.folder, self._columns, cache_dir)
        self.licence_note: str | None = licence_note(self.folder, table.info.license)
        self._table = StoredRows(table)
        digits = max(_ROW_DIGITS, len(str(len(table))))
        parts = self._parts(splits) or [None] * len(table)
        self._keys = [PairKey(f"row-{row:0{digits}d}", "", "", row + 1, part) for row, part in enumerate(parts)]
        self._rows = {key.id: row for row, key in enumerate(self._keys)}

    def keys(self) -> Sequence[PairKey]:
        """All rows in order; `page` counts from 1."""
        return self._keys

    def read(self, key: PairKey) -> RawPair:
        """Decode the two images of one row.

        Raises:
            UnreadableImage: naming the row and column.
        """
        row = self._rows.get(key.id)
        if row is None:
            raise DataError(f"{self.spec}: no row has the id {key.id!r}")
        cells = self._table.row(row)
        names = [f"{self.spec} row {row}, {column}" for column in self._columns]
        bw, color = (self._content(cells[column], name) for column, name in zip(self._columns, names, strict=True))
        bw_pixels, bw_mode = decode_with_mode(bw, names[0])
        color_pixels, color_mode = decode_with_mode(color, names[1])
        return RawPair(bw_pixels, color_pixels, content_digest(color, bw), color_mode, bw_mode)

    def fingerprint(self) -> str:
        """sha256 over the revision (hub) or the names, sizes and times of the files (local), the columns and rows."""
        text = "\0".join(["hub", self._content_id, *self._columns, str(len(self._table))])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def _parts(self, splits: Sequence[tuple[str, int]]) -> list[Part | None]:
        """The part of each row where the dataset's splits are those of training, validation and test; empty where they are not."""
        named = [(PART_OF_WORD.get(name.casefold()), rows) for name, rows in splits]
        if not all(part for part, _ in named):
            names = printable(", ".join(name for name, _ in splits))
            self.warning = " ".join(
                filter(
                    None,
                    [
                        self.warning,
                        f"{self.spec}: its splits ({names}) are none of training and test: rows are split anew",
                    ],
                )
            )
            return []
        return [part for part, rows in named for _ in range(rows)]

    def _find_local(self, place: Path) -> Path:
        self.title = place.resolve().name
        self._content_id = content_of(place)
        self._root = snapshot_root(place) if place.is_dir() else place.resolve().parent
        return place

    def _fetch(self, place: str, offline: bool, hub: Hub) -> Path:
        parts = NAME.fullmatch(place.rstrip("/"))
        if parts is None:
            raise DataError(
                f"{self.spec}: neither an existing path nor a name like hf:owner/name or hf:owner/name@REVISION; check the"
                " spelling"
            )
        snapshot = fetch_snapshot(self.spec, parts["name"], parts["revision"], offline=offline, hub=hub)
        self.title = parts["name"]
        self.revision, self.warning, self.fetched = snapshot.revision, snapshot.warning, snapshot.fetched
        self._content_id = f"{self.title}@{self.revision}"
        # The library shows files as links into this folder, and may share one between datasets.
        self._root = hub.files().resolve()
        return snapshot.folder

    def _content(self, cell: object, name: str) -> bytes:
        """The stored bytes of an image; a file that a row only names must lie in the dataset's folder."""
        if isinstance(cell, dict):
            cell = cell.get("bytes") or cell.get("path")
        if isinstance(cell, bytes):
            return cell
        if not isinstance(cell, str):
            raise UnreadableImage(
                f"{name}: holds {type(cell).__name__}, not an image; remove the row or name another column"
            )
        path = Path(os.path.realpath(self._root / cell))
        if not path.is_relative_to(self._root):
            raise UnreadableImage(f"{name}: names a file outside of the dataset; put the image itself into the row")
        return read_bytes(path, name)

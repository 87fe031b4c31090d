"""Datasets of the Hugging Face hub, and local parquet or `datasets` folders, with a B/W and a colour image column.

`datasets` keeps the table memory-mapped on disk; images are decoded here, one row at a time, from their stored bytes.
A local parquet folder is converted once to that form below HF_HOME (so it takes its size on disk a second time).
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.errors import DataError, UnreadableImage
from data.images import decode_image, read_image
from data.pair import PairKey, Pixels, RawPair

PREFIX = "hf:"

REACH_SECONDS = 10.0
"""How long the hub may take to answer before it counts as unreachable."""

_NO_LICENCE = "the dataset carries no licence tag; whether research use of it is allowed is yours to judge"


class HubSource:
    """Rows of a dataset as pages, in row order. A flat source: series and chapters are not known.

    Attributes:
        revision: the commit of the hub's repository that was read; None for a local dataset.
    """

    def __init__(
        self,
        spec: str,
        *,
        bw_column: str = "bw_image",
        color_column: str = "color_image",
        cache_dir: Path | None = None,
    ) -> None:
        """Open "hf:owner/name" or "hf:PATH"; all splits of the dataset are read one after the other.

        Args:
            spec: a path that exists is a local dataset, anything else the name of one on the hub.
            bw_column: name of the column with the B/W pages.
            color_column: name of the column with the colour pages.
            cache_dir: where `datasets` keeps its tables; its own default if None.

        Raises:
            DataError: not found, not reachable, no rows, or a column is missing.
        """
        self.spec = spec
        self.grouped = False
        self.revision: str | None = None
        self.licence_note: str | None = None
        self._columns = (bw_column, color_column)
        self._content_id = ""
        place = spec.removeprefix(PREFIX)
        self.title = place.rstrip("/")
        if not place.strip():
            raise DataError(f"{spec}: names no dataset; give hf:owner/name or hf:PATH")
        local = Path(place).expanduser()
        cache = None if cache_dir is None else str(cache_dir)
        table = self._open_local(local, cache) if local.exists() else self._open_hub(place, cache)
        if self.licence_note is None:
            self._note_licence(table.info.license)
        self._table = self._undecoded(table)
        digits = max(6, len(str(len(self._table))))
        self._keys = [PairKey(f"row-{row:0{digits}d}", "", "", row + 1) for row in range(len(self._table))]
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
        cells = self._table[row]
        bw, color = (self._image(cells[column], f"{self.spec} row {row}, {column}") for column in self._columns)
        return RawPair(bw, color)

    def fingerprint(self) -> str:
        """sha256 over the revision (hub) or the names, sizes and times of the files (local), the columns and rows."""
        text = "\0".join(["hub", self._content_id, *self._columns, str(len(self._table))])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def _open_local(self, place: Path, cache: str | None) -> Any:
        import datasets

        self.title = place.resolve().name
        self._content_id = _local_content(place)
        try:
            if (place / "state.json").exists() or (place / "dataset_dict.json").exists():
                return _joined(datasets.load_from_disk(str(place)))
            if place.is_file():
                return _joined(datasets.load_dataset("parquet", data_files=str(place), cache_dir=cache))
            return _joined(datasets.load_dataset(str(place.resolve()), cache_dir=cache))
        # What `datasets` raises on a bad folder or file is not a closed list.
        except Exception as error:
            raise DataError(
                f"{self.spec}: cannot be read as a dataset ({_reason(error)}); expected parquet files with the columns"
                f" {' and '.join(self._columns)}"
            ) from error

    def _open_hub(self, name: str, cache: str | None) -> Any:
        import datasets

        if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
            raise DataError(f"{self.spec}: neither an existing path nor a name like hf:owner/name; check the spelling")
        known = self._ask_hub(name, cached=_is_cached(name, cache))
        try:
            table = _joined(datasets.load_dataset(name, revision=self.revision, cache_dir=cache))
        except Exception as error:
            raise DataError(
                f"{self.spec}: cannot be loaded from the hub ({_reason(error)}); check the connection, or download the"
                " dataset and give its folder as hf:PATH"
            ) from error
        if not known:
            self.revision = _cached_revision(table)
        self._content_id = f"{name}@{self.revision}"
        return table

    def _ask_hub(self, name: str, cached: bool) -> bool:
        """Resolve revision and licence; False where the hub is out of reach but the dataset was downloaded before."""
        import huggingface_hub
        from huggingface_hub import errors

        try:
            info = huggingface_hub.HfApi().dataset_info(name, timeout=REACH_SECONDS)
        except errors.RepositoryNotFoundError as error:
            raise DataError(
                f"{self.spec}: no such dataset on the hub, or it is private; check the name, or log in with `hf auth"
                " login`"
            ) from error
        # Connection errors come from whichever HTTP library the hub's client uses in its release.
        except Exception as error:
            if cached:
                return False
            raise DataError(
                f"{self.spec}: the hub cannot be reached ({_reason(error)}); check the connection, or download the"
                " dataset elsewhere and give its folder as hf:PATH"
            ) from error
        self.revision = info.sha
        self._note_licence(info.card_data.get("license") if info.card_data else None)
        return True

    def _note_licence(self, licence: object) -> None:
        tags = [licence] if isinstance(licence, str) else licence
        text = ", ".join(str(tag) for tag in tags) if isinstance(tags, list) else ""
        self.licence_note = f"licence of the dataset: {text}" if text.strip() else _NO_LICENCE

    def _undecoded(self, table: Any) -> Any:
        import datasets

        if len(table) == 0:
            raise DataError(f"{self.spec}: the dataset has no rows")
        for column in self._columns:
            if column not in table.column_names:
                raise DataError(
                    f"{self.spec}: no column {column!r}, it has {', '.join(table.column_names)}; name the two with"
                    " --bw-column and --color-column"
                )
            if isinstance(table.features[column], datasets.Image):
                table = table.cast_column(column, datasets.Image(decode=False))
        return table.select_columns(list(dict.fromkeys(self._columns)))

    def _image(self, cell: object, name: str) -> Pixels:
        if isinstance(cell, dict):
            cell = cell.get("bytes") or cell.get("path")
        if isinstance(cell, bytes):
            return decode_image(cell, name)
        if isinstance(cell, str):
            return read_image(Path(cell), name)
        raise UnreadableImage(
            f"{name}: holds {type(cell).__name__}, not an image; remove the row or name another column"
        )


def _joined(loaded: Any) -> Any:
    """One table of all splits, in the order the dataset names them: the benchmark makes its own split."""
    import datasets

    if isinstance(loaded, datasets.DatasetDict):
        return datasets.concatenate_datasets(list(loaded.values()))
    return loaded


def _cached_revision(table: Any) -> str | None:
    """`datasets` keeps a table below a folder that is named after the commit it was made from."""
    names = [part for file in table.cache_files for part in Path(file["filename"]).parts]
    commits = [part for part in names if re.fullmatch(r"[0-9a-f]{40}", part)]
    return commits[-1] if commits else None


def _is_cached(name: str, cache: str | None) -> bool:
    import datasets

    root = Path(cache) if cache else Path(datasets.config.HF_DATASETS_CACHE)
    return (root / name.replace("/", "___")).is_dir()


def _local_content(place: Path) -> str:
    # `datasets` leaves files of its own beside the data; they change without the content changing.
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if _is_data(path))
    lines = []
    for file in files:
        status = file.stat()
        lines.append(f"{file.relative_to(place).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}")
    return "\n".join(lines)


def _is_data(path: Path) -> bool:
    return path.is_file() and not path.name.startswith((".", "cache-", "tmp"))


def _reason(error: Exception) -> str:
    """The first line of what a library said."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

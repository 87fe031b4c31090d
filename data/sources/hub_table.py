"""Opens a folder of parquet files, or one that `datasets` saved, as a table that stays on disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.errors import DataError
from data.printing import printable
from data.sources.dataset_card import refuse_outside_files
from data.sources.hub_download import reason


def open_table(
    spec: str, place: Path, columns: Sequence[str], cache: Path | None
) -> tuple[Any, Sequence[tuple[str, int]]]:
    """The dataset at `place` with `columns` alone, its images left as stored bytes; all its splits one after the other.

    Beside it the name and the rows of each split, in that order; none where the dataset is a single one.

    Parquet is converted once into a table below `cache` (HF_HOME/datasets if None), which is mapped into memory.

    Raises:
        DataError: not a dataset, no rows, or a column is missing.
    """
    refuse_outside_files(spec, place)
    try:
        loaded = _loaded(place, None if cache is None else str(cache))
        table, splits = _joined(loaded), _splits(loaded)
    # What `datasets` raises on a bad folder or file is not a closed list.
    except Exception as error:
        raise DataError(
            f"{spec}: cannot be read as a dataset ({reason(error)}); expected parquet files with the columns"
            f" {' and '.join(columns)}"
        ) from error
    _give_memory_back()
    if len(table) == 0:
        raise DataError(f"{spec}: the dataset has no rows")
    return _undecoded(spec, table, columns), splits


def content_of(place: Path) -> str:
    """The names, sizes and times of the files of a local dataset, one line a file."""
    # `datasets` leaves files of its own beside the data; they change without the content changing.
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if _is_data(path))
    lines = []
    for file in files:
        status = file.stat()
        lines.append(f"{file.relative_to(place).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}")
    return "\n".join(lines)


def _loaded(place: Path, cache: str | None) -> Any:
    import datasets

    if (place / "state.json").exists() or (place / "dataset_dict.json").exists():
        return datasets.load_from_disk(str(place))
    if place.is_file():
        return datasets.load_dataset("parquet", data_files=str(place), cache_dir=cache)
    return datasets.load_dataset(str(place.absolute()), cache_dir=cache)


def _give_memory_back() -> None:
    """Return to the system what the conversion had of it: several row groups, which nobody needs any more."""
    import pyarrow

    pyarrow.default_memory_pool().release_unused()


def _splits(loaded: Any) -> list[tuple[str, int]]:
    import datasets

    several = isinstance(loaded, datasets.DatasetDict) and len(loaded) > 1
    return [(str(name), len(part)) for name, part in loaded.items()] if several else []


def _joined(loaded: Any) -> Any:
    """One table of all splits, in the order the dataset names them."""
    import datasets

    if isinstance(loaded, datasets.DatasetDict):
        return datasets.concatenate_datasets(list(loaded.values()))
    return loaded


def _undecoded(spec: str, table: Any, columns: Sequence[str]) -> Any:
    import datasets

    for column in columns:
        if column not in table.column_names:
            raise DataError(
                f"{spec}: no column {column!r}, it has {printable(', '.join(table.column_names))}; name the two with"
                " --bw-column and --color-column (for a run, --set data.bw_column=… --set data.color_column=…)"
            )
        if isinstance(table.features[column], datasets.Image):
            table = table.cast_column(column, datasets.Image(decode=False))
    return table.select_columns(list(dict.fromkeys(columns)))


def _is_data(path: Path) -> bool:
    return path.is_file() and not path.name.startswith((".", "cache-", "tmp"))

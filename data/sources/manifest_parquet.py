"""Reads the table of a manifest from parquet: columns of text and whole numbers, nothing that has to be run."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from data.errors import DataError
from data.printing import printable, reason
from data.sources import manifest_rows
from data.sources.manifest_rows import COLUMNS, MAX_CELL, Row, check_count, check_header, row_of

_BATCH_ROWS = 4096


def parquet_rows(path: Path) -> list[Row]:
    """All rows of the file.

    Raises:
        DataError: no parquet, too large, columns of other types, or no column `color`.
    """
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            check_count(path, file.metadata.num_rows)
            check_header(path, file.schema_arrow.names)
            _check_unpacked(path, file.metadata)
            wanted = [field for field in file.schema_arrow if field.name in COLUMNS]
        for field in wanted:
            _check_type(path, field)
        texts = [field.name for field in wanted if _is_text(field.type)]
        # As dictionaries, so that a long text that is stored once is not written out for every row.
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            return list(_rows(path, file.iter_batches(_BATCH_ROWS, columns=[field.name for field in wanted])))
    except DataError:
        raise
    # A table is what a stranger wrote; what pyarrow raises on a damaged one is not a closed list.
    except Exception as error:
        raise DataError(printable(f"{path}: cannot be read as parquet ({reason(error)}); write it anew")) from error


def _check_unpacked(path: Path, metadata: Any) -> None:
    """Raise DataError where a column claims to unpack to more than a manifest may hold."""
    limit = 2 * manifest_rows.MAX_TABLE_BYTES
    for group in range(metadata.num_row_groups):
        for at in range(metadata.num_columns):
            column = metadata.row_group(group).column(at)
            if column.path_in_schema in COLUMNS and column.total_uncompressed_size > limit:
                raise DataError(
                    f"{path}: column {column.path_in_schema} unpacks to more than {limit:,} bytes; split it"
                )


def _check_type(path: Path, field: Any) -> None:
    import pyarrow as pa

    if not (_is_text(field.type) or pa.types.is_integer(field.type) or pa.types.is_null(field.type)):
        raise DataError(
            printable(
                f"{path}: column {field.name} holds {field.type}, not text or whole numbers; a manifest holds paths (a"
                f" dataset that holds its images is given as hf:{path})"
            )
        )


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain))


def _rows(path: Path, batches: Iterable[Any]) -> Iterator[Row]:
    number = letters = 0
    for batch in batches:
        names = batch.schema.names
        for name, column in zip(names, batch.columns, strict=True):
            _check_cells(path, name, column)
        for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number += 1
            # The count that the file claims may be a lie.
            check_count(path, number)
            row = row_of(f"row {number}", dict(zip(names, cells, strict=True)))
            letters += sum(len(getattr(row, name)) for name in names)
            if letters > manifest_rows.MAX_TABLE_BYTES:
                raise DataError(
                    f"{path}: holds more than {manifest_rows.MAX_TABLE_BYTES:,} letters, the limit; split it"
                )
            yield row


def _check_cells(path: Path, name: str, column: Any) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.dictionary if pa.types.is_dictionary(column.type) else column
    if _is_text(values.type):
        longest = pc.max(pc.binary_length(values)).as_py() or 0
        if longest > MAX_CELL:
            raise DataError(
                f"{path}: column {name} has a cell of {longest:,} bytes, more than the limit of {MAX_CELL:,}"
            )

"""Rows of a table that is mapped into memory, without the memory of the process growing with the rows that were read."""

import pickle
import threading
from typing import Any

REOPEN_ROWS = 128
"""After so many rows the table is opened anew: what was read of the old mapping leaves the process's memory with it."""


class StoredRows:
    """The rows of a `datasets` table. Safe to be read from several threads."""

    def __init__(self, table: Any) -> None:
        self._table = table
        # A table that lies in memory anyway would only be copied.
        self._mapped = bool(table.cache_files)
        self._left = REOPEN_ROWS
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._table)

    def row(self, at: int) -> dict[str, Any]:
        """The cells of a row by column; copies, which keep nothing of the table."""
        cells: dict[str, Any] = self._current()[at]
        return cells

    def _current(self) -> Any:
        """The table; a thread that still reads from the one before keeps that open until it is done."""
        with self._lock:
            if self._left == 0 and self._mapped:
                # What is pickled of a mapped table is the name of its file; it was written a moment ago, by ourselves.
                self._table = pickle.loads(pickle.dumps(self._table))
                self._left = REOPEN_ROWS
            self._left -= 1
            return self._table

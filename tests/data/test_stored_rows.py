import threading
from pathlib import Path

import datasets
import pytest

from data.sources.stored_rows import REOPEN_ROWS, StoredRows

ROWS, CELL = 3 * REOPEN_ROWS, 256 * 1024


def mapped_bytes(folder: Path) -> int:
    """What of the files in the folder is in this process's memory."""
    total, counting = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            counting = str(folder) in line
        elif counting and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


@pytest.fixture
def open_rows(tmp_path):
    """Opens the rows; nobody else keeps the table that they are of."""

    def rows():
        for row in range(ROWS):
            yield {"cell": row.to_bytes(4, "big") * (CELL // 4)}

    return lambda: StoredRows(datasets.Dataset.from_generator(rows, cache_dir=str(tmp_path / "table")))


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs /proc")
def test_memory_stays_while_all_rows_are_read(open_rows, tmp_path):
    rows, most = open_rows(), 0
    for at in range(ROWS):
        assert rows.row(at)["cell"][:4] == at.to_bytes(4, "big")
        if at % 16 == 15:
            most = max(most, mapped_bytes(tmp_path))
    assert len(rows) == ROWS
    assert REOPEN_ROWS // 2 * CELL < most < 1.5 * REOPEN_ROWS * CELL


def test_threads_read_what_they_ask_for(open_rows):
    rows, wrong = open_rows(), []

    def read(first):
        for at in range(first, ROWS, 4):
            if rows.row(at)["cell"] != at.to_bytes(4, "big") * (CELL // 4):
                wrong.append(at)

    threads = [threading.Thread(target=read, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_table_in_memory_is_read_as_it_is():
    table = datasets.Dataset.from_dict({"cell": list(range(2 * REOPEN_ROWS))})
    rows = StoredRows(table)
    assert [rows.row(at)["cell"] for at in range(len(rows))] == list(range(2 * REOPEN_ROWS))
    assert rows._table is table

"""What is known of a cell while it runs and after: read by `bench status`, by resuming, and by the report."""

from __future__ import annotations

from typing import Literal

import pydantic

from bench.errors import RequestError
from bench.runfolder import CellFolder, read_json, write_json

State = Literal["queued", "running", "done", "truncated", "diverged", "failed"]


class CellStatus(pydantic.BaseModel):
    """State and cost of a cell. `seconds` are useful training seconds; `lost_seconds` were computed and lost in a crash."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    state: State = "queued"
    reason: str | None = None
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    data_wait_seconds: float = 0.0
    images: int = 0
    lost_seconds: float = 0.0
    peak_memory_bytes: int = 0
    generator_sha256: str | None = None

    @classmethod
    def load(cls, folder: CellFolder) -> CellStatus:
        """Return the stored status, "queued" where there is none; raises RequestError where it is broken."""
        if not folder.status.exists():
            return cls()
        try:
            return cls.model_validate(read_json(folder.status))
        except pydantic.ValidationError as error:
            raise RequestError(f"{folder.status}: not a status ({error.errors()[0]['msg'].lower()})") from None

    def save(self, folder: CellFolder) -> None:
        """Write the status atomically."""
        write_json(folder.status, self.model_dump(mode="json"))

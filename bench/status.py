"""What is known of a cell while it runs and after: read by `bench status`, by resuming, and by the report."""

from __future__ import annotations

import logging
from typing import Any, Literal

import pydantic

from bench.errors import RequestError
from bench.files import read_json, write_json
from bench.runfolder import CellFolder

_log = logging.getLogger("bench")

State = Literal["queued", "running", "done", "truncated", "diverged", "failed"]


class CellStatus(pydantic.BaseModel):
    """State and cost of a cell. `seconds` are useful training seconds; `lost_seconds` were computed and lost in a crash.

    `losses` and `images_per_second` are the last that were measured, `machine` is where it was trained. `energy_joules` is what
    the GPU says that it drew over the useful seconds, None where it says nothing. `warmup_seconds` went into compiling and warming
    up before the first step, and are no part of `seconds`. `step_kind` is how steps were done last (`Stepper.kind`).
    """

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
    losses: dict[str, float] = {}
    images_per_second: float = 0.0
    machine: str = ""
    energy_joules: float | None = None
    warmup_seconds: float = 0.0
    step_kind: str = ""

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to train: the cell has its result, diverged or failed."""
        return self.state in ("done", "truncated", "diverged", "failed")

    @classmethod
    def load(cls, folder: CellFolder) -> CellStatus:
        """Return the stored status, "queued" where there is none; raises RequestError where it is broken."""
        mend = "run the same command again, which takes it from the record beside the generator"
        return cls._parse(read_json(folder.status, mend), folder) if folder.status.exists() else cls()

    @classmethod
    def recover(cls, folder: CellFolder) -> CellStatus:
        """Return the stored status; where it is broken or gone, the copy beside the generator, or "queued", and say so in the log.

        Writes nothing. A queued cell goes on from its newest checkpoint, so that nothing is lost by it.
        """
        if not folder.status.exists() and not folder.generator_card.exists():
            return cls()
        broken = f"{folder.status}: missing"
        if folder.status.exists():
            try:
                return cls.load(folder)
            except RequestError as error:
                broken = str(error).partition(";")[0]
        try:
            kept = cls._parse(read_json(folder.generator_card).get("status"), folder)
        except (RequestError, AttributeError):
            kept = cls()
        # Loaded generators have cards without a status; theirs is written again by whoever loads them.
        if kept.generator_sha256 is None:
            _log.warning("%s; the cell goes on from its newest checkpoint", broken)
            return cls()
        _log.warning("%s; the record beside its generator is used", broken)
        return kept

    @classmethod
    def _parse(cls, values: Any, folder: CellFolder) -> CellStatus:
        try:
            return cls.model_validate(values)
        except pydantic.ValidationError as error:
            raise RequestError(f"{folder.status}: not a status ({error.errors()[0]['msg'].lower()})") from None

    def save(self, folder: CellFolder) -> None:
        """Write the status atomically."""
        write_json(folder.status, self.model_dump(mode="json"))

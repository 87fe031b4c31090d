"""The files of a run: the only module that knows their names, and who may be at work on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench import locks
from bench.errors import RequestError
from bench.links import refuse_links_out

FORMAT = 1
"""Version of the run folder's layout; a folder of another version is refused."""


@dataclass(frozen=True, slots=True)
class CellFolder:
    """The files of one cell."""

    path: Path

    @property
    def name(self) -> str:
        """The cell's name, such as `pix2pix-seed0`."""
        return self.path.name

    @property
    def status(self) -> Path:
        """State, reason, steps, seconds, images, memory."""
        return self.path / "status.json"

    @property
    def curve(self) -> Path:
        """Losses, learning rate and quick validation scores by step, as a long table."""
        return self.path / "curve.parquet"

    @property
    def generator(self) -> Path:
        """The trained generator's weights."""
        return self.path / "generator.safetensors"

    @property
    def generator_card(self) -> Path:
        """What the generator is: model, settings, resolution, digest."""
        return self.path / "generator.json"

    @property
    def predictions(self) -> Path:
        """Folder of coloured test windows."""
        return self.path / "predictions"

    @property
    def images(self) -> Path:
        """Scores by window."""
        return self.path / "images.parquet"

    @property
    def sets(self) -> Path:
        """Scores of the whole set of windows."""
        return self.path / "sets.json"

    @property
    def inference(self) -> Path:
        """How long it takes to colour a window; a clock's figure, so in a file of its own."""
        return self.path / "inference.json"

    @property
    def shuffled(self) -> Path:
        """Scores by window of the same outputs, each held against the truth of another page: what chance gives."""
        return self.path / "shuffled.parquet"

    @property
    def features(self) -> Path:
        """Folder of the outputs' features."""
        return self.path / "features"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def log(self) -> Path:
        """What happened to the cell where a process of its own worked on it."""
        return self.path / "cell.log"

    @property
    def traceback(self) -> Path:
        """Where in the code the cell failed."""
        return self.path / "traceback.txt"

    @property
    def lock(self) -> Path:
        """Held by the process that works on this cell."""
        return self.path / "cell.lock"

    def checkpoint(self, step: int) -> Path:
        """Path of the checkpoint after `step` steps; zero-padded, so that names sort as numbers do."""
        return self.path / f"checkpoint-{step:010d}.pt"

    def checkpoints(self) -> list[Path]:
        """Return the checkpoints that are there, the newest first."""
        return sorted(self.path.glob("checkpoint-*.pt"), reverse=True)

    def has_generator(self) -> bool:
        """Whether the cell has a result that can be scored."""
        return self.generator_card.exists() and self.generator.exists()

    def is_held(self) -> bool:
        """Whether a process is at work on the cell."""
        return locks.holder(self.lock) is not None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the cell for this process; raises RequestError naming the holder where another process has it."""
        with locks.held(self.lock, mend="wait for it, or work on another cell"):
            _sweep(self.path)
            yield


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def experiment(self) -> Path:
        """The experiment, every number spelled out."""
        return self.path / "experiment.toml"

    @property
    def provenance(self) -> Path:
        """Hardware, versions, commit."""
        return self.path / "provenance.json"

    @property
    def split(self) -> Path:
        """Which page lies in which part."""
        return self.path / "split.json"

    @property
    def truth_features(self) -> Path:
        """Folder of the features of the coloured originals."""
        return self.path / "truth-features"

    @property
    def halves(self) -> Path:
        """Set scores of one half of the coloured originals against the other."""
        return self.path / "truth-halves.json"

    @property
    def plan(self) -> Path:
        """Steps by model, locked before the first cell starts."""
        return self.path / "plan.json"

    @property
    def log(self) -> Path:
        """What happened, a line each."""
        return self.path / "run.log"

    @property
    def report(self) -> Path:
        """The report that `bench run` writes at its end."""
        return self.path / "report"

    @property
    def published(self) -> Path:
        """What `bench publish` writes: models and results as the Hub takes them."""
        return self.path / "published"

    @property
    def mean_chroma(self) -> Path:
        """Mean a* and b* of the training pages, for the reference row of that name."""
        return self.path / "mean-chroma.json"

    @property
    def test_inputs(self) -> Path:
        """Folder of black-and-white test windows."""
        return self.path / "test" / "input"

    @property
    def test_truths(self) -> Path:
        """Folder of the coloured originals of the test windows."""
        return self.path / "test" / "truth"

    @property
    def test_windows(self) -> Path:
        """The held-out windows: window, page, group, series, chapter. Written last, when all their pictures are there."""
        return self.path / "test" / "windows.parquet"

    @property
    def lock(self) -> Path:
        """Held by the process that works on this run, or shared by those that work on single cells of it."""
        return self.path / "run.lock"

    @property
    def begin_lock(self) -> Path:
        """Held while data, test pages and plan are made: processes that share the run wait for each other there."""
        return self.path / "begin.lock"

    @property
    def score_lock(self) -> Path:
        """Held by a worker of a cluster while it scores."""
        return self.path / "score.lock"

    def _refuse_strangers(self) -> None:
        """Raise RequestError where the folder holds something and no run, or links out of it: nothing may be written there."""
        refuse_links_out(self.path)
        if self.experiment.exists() or not self.path.exists():
            return
        if not self.path.is_dir():
            raise RequestError(f"{self.path}: a file, not a folder; give another --out")
        if strangers := self.strangers():
            raise RequestError(f"{self.path} is not empty and holds no run ({strangers[0]}, …): give another --out")

    def cell(self, name: str) -> CellFolder:
        """Return the folder of the cell `name`."""
        return CellFolder(self.path / "cells" / name)

    def is_held(self) -> bool:
        """Whether a process is at work on the run."""
        return locks.holder(self.lock) is not None

    def strangers(self) -> list[str]:
        """Return the names in the folder that a run which has no plan yet cannot have written."""
        own = {
            self.lock, self.begin_lock, self.log, self.experiment, self.provenance, self.mean_chroma, self.split,
            self.path / "test",
        }  # fmt: skip
        half_written = re.compile(r"\..+\.\d+(-[0-9a-f]{8})?\.tmp")
        return sorted(
            path.name
            for path in self.path.iterdir()
            if path not in own and not half_written.fullmatch(path.name) and not self._holds_logs_alone(path)
        )

    def _holds_logs_alone(self, path: Path) -> bool:
        """Whether this is the folder of cells, and processes that wait for the run's beginning have done no more than to log."""
        cells = self.path / "cells"
        files = (file for file in path.rglob("*") if not file.is_dir()) if path == cells else ()
        return path == cells and all(file.name in ("cell.log", "cell.lock") for file in files)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the whole run for this process; raises RequestError naming the holder where another process has it."""
        self._refuse_strangers()
        with locks.held(self.lock, mend="wait for it, or give another --out"):
            self._sweep()
            yield

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the run together with processes that work on other cells of it; raises RequestError where one has it all."""
        self._refuse_strangers()
        with locks.held(self.lock, shared=True, mend="wait for it, or give another --out"):
            yield

    @contextmanager
    def beginning(self, on_wait: Callable[[str], None], safe_point: Callable[[], None]) -> Iterator[None]:
        """Hold what all cells need while it is made, waiting for a process that is at it; see `locks.waited_for`."""
        with locks.waited_for(self.begin_lock, on_wait, safe_point):
            yield

    @contextmanager
    def scoring(self, on_wait: Callable[[str], None], safe_point: Callable[[], None]) -> Iterator[None]:
        """Hold the run's scores while they are made, waiting for a process that is at it; see `locks.waited_for`."""
        with locks.waited_for(self.score_lock, on_wait, safe_point):
            yield

    def _sweep(self) -> None:
        """Delete what a killed process left half-written, in a run's own places alone, and not where a cell is at work."""
        for place in (self.path, self.path / "test", self.truth_features):
            _sweep(place, deep=place != self.path)
        for cell in (self.path / "cells").glob("*"):
            if cell.is_dir() and not cell.is_symlink() and next(cell.rglob(".*.tmp"), None):
                # A process that was started for one cell may be at work there still.
                with suppress(RequestError), CellFolder(cell).locked():
                    pass


def _sweep(place: Path, *, deep: bool = True) -> None:
    for path in place.rglob(".*.tmp") if deep else place.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def newest_run(root: Path) -> RunFolder:
    """Return the run under `root` that was begun last; raises RequestError where there is none."""
    runs = [path.parent for path in root.glob("*/experiment.toml")]
    if not runs:
        raise RequestError(f"no run in {root}/: make one with `bench run`, or name its folder")
    return RunFolder(max(runs, key=lambda path: (path / "experiment.toml").stat().st_mtime))


def open_run(path: Path) -> RunFolder:
    """Return the run at `path`; raises RequestError where there is none."""
    run = RunFolder(path)
    if not run.experiment.is_file():
        raise RequestError(f"{path}: no run here (no experiment.toml): name the folder that `bench run --out` wrote")
    return run

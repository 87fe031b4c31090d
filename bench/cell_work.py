"""Works on ONE cell, under its own lock: trains it, colours the held-out windows with it, and marks what goes wrong."""

from __future__ import annotations

import logging
import shutil
import traceback

import psutil
from rich.console import Console

from bench import checkpoints
from bench.allocator import freed_memory_kept
from bench.beginning import LESS_MEMORY, Begun, first_line, training_batches
from bench.devices import is_out_of_memory
from bench.errors import RequestError
from bench.experiment import Cell
from bench.files import write_bytes
from bench.generator_cards import has_sound_card, mend_card
from bench.inference_timing import is_timed, write_timing
from bench.prediction import is_whole, load_generator, predict
from bench.preparation import test_windows
from bench.progress import Bar
from bench.run_log import fields
from bench.runfolder import CellFolder
from bench.status import CellStatus
from bench.stopping import Stopped, StopRequest
from bench.training import CellTraining
from bench.validation import Validation
from bench.watching import CellWatcher

_log = logging.getLogger("bench")


def work_on(begun: Begun, cell: Cell, validation: Validation, console: Console, stop: StopRequest) -> CellStatus:
    """Take a trained cell to its outputs, from wherever it was; returns its status. Raises RequestError, Stopped.

    An error of its own marks the cell failed with the reason, so that others go on.
    """
    folder = begun.folder.cell(cell.name)
    status = CellStatus.recover(folder)
    if _is_settled(folder, status, retry_failed=begun.request.retry_failed):
        return status
    with folder.locked():
        status = _mended(folder, CellStatus.recover(folder))
        mend_card(folder, begun.request.experiment, begun.plan, cell, status)
        if status.state == "failed" and begun.request.retry_failed:
            _log.info("%s: failed before (%s); taken up again", cell.name, status.reason)
            status = status.model_copy(update={"state": "queued", "reason": None})
            status.save(folder)
        if _lost_its_result(folder, status):
            # On a GPU other weights may come out: nothing of the old ones may stand beside them.
            _forget_outputs(folder)
        if not status.ended or _lost_its_result(folder, status):
            status = _guarded(begun, cell, folder, validation, console, stop)
            _tell(cell, status)
        if status.state != "failed":
            # A process that was killed after it wrote the status left them.
            checkpoints.delete_all(folder)
        return status


def _is_settled(folder: CellFolder, status: CellStatus, *, retry_failed: bool) -> bool:
    """Whether nothing is left to do, not even to clear away."""
    if status.state == "failed":
        return not retry_failed
    if not status.ended or folder.checkpoints() or not _is_stored(folder, status):
        return False
    return status.state == "diverged" or (folder.has_generator() and has_sound_card(folder, status))


def _mended(folder: CellFolder, status: CellStatus) -> CellStatus:
    """Write a status that was taken from the record beside the generator back to where it belongs."""
    if status.ended and not _is_stored(folder, status):
        status.save(folder)
    return status


def _is_stored(folder: CellFolder, status: CellStatus) -> bool:
    try:
        return folder.status.exists() and CellStatus.load(folder) == status
    except RequestError:
        return False


def _lost_its_result(folder: CellFolder, status: CellStatus) -> bool:
    """Whether the cell was done and somebody took its generator away: it is trained again."""
    return status.state in ("done", "truncated") and not folder.generator.exists()


def _forget_outputs(folder: CellFolder) -> None:
    for path in (folder.predictions, folder.features):
        shutil.rmtree(path, ignore_errors=True)
    for path in (folder.sets, folder.images, folder.shuffled, folder.inference, folder.generator_card):
        path.unlink(missing_ok=True)


def colour(begun: Begun, cell: Cell, console: Console, stop: StopRequest) -> None:
    """Colour the held-out windows with the cell's generator, where it has one; windows that are there already are kept.

    Raises RequestError where it cannot be done, for instance for want of memory; Stopped.
    """
    folder = begun.folder.cell(cell.name)
    windows = list(test_windows(begun.folder)["window"])
    coloured = all(is_whole(folder.predictions / f"{window}.png") for window in windows)
    if not folder.has_generator() or (coloured and folder.sets.exists()):
        return
    with folder.locked(), Bar(console, cell.name, len(windows), "window") as bar:
        try:
            translator = load_generator(folder, begun.request.device)
            predict(
                translator,
                windows,
                begun.folder.test_inputs,
                folder.predictions,
                begun.request.device,
                stop.check,
                bar.update,
            )
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise RequestError(
                f"{cell.name}: out of memory while colouring ({first_line(error)}); what is trained is kept: free memory, and "
                "run the same command again"
            ) from None


def time_colouring(begun: Begun, cell: Cell) -> None:
    """Record how fast the cell's generator colours, where it has one and that is not known yet.

    Done after all cells, by the one process that scores: beside cells that train, times would be theirs too.
    """
    folder = begun.folder.cell(cell.name)
    if not folder.has_generator() or is_timed(folder.inference):
        return
    inputs = [begun.folder.test_inputs / f"{window}.png" for window in test_windows(begun.folder)["window"]]
    with folder.locked():
        try:
            translator = load_generator(folder, begun.request.device)
        except RequestError as error:
            # Its pictures can be scored all the same.
            _log.warning("%s: colouring was not timed: %s", cell.name, error)
            return
        write_timing(folder.inference, translator, inputs, begun.request.device)


def _guarded(
    begun: Begun, cell: Cell, folder: CellFolder, validation: Validation, console: Console, stop: StopRequest
) -> CellStatus:
    try:
        return _train(begun, cell, folder, validation, console, stop)
    except (Stopped, RequestError, OSError):
        # A full disk is not the cell's fault: the run stops, with what is done kept.
        raise
    except Exception as error:
        if is_out_of_memory(error):
            reason = f"out of memory: {first_line(error)}; {LESS_MEMORY}"
        else:
            write_bytes(folder.traceback, traceback.format_exc().encode(errors="backslashreplace"))
            reason = f"{type(error).__name__}: {first_line(error)} (the whole of it is in {folder.traceback.name})"
    status = CellStatus.recover(folder).model_copy(update={"state": "failed", "reason": reason})
    status.save(folder)
    return status


def _train(
    begun: Begun, cell: Cell, folder: CellFolder, validation: Validation, console: Console, stop: StopRequest
) -> CellStatus:
    request, plan = begun.request, begun.plan.models[cell.model]
    if plan.unplanned:
        status = CellStatus(state="failed", reason=plan.unplanned)
        status.save(folder)
        return status
    assert cell.seed is not None, "only trained cells come here"
    batches = training_batches(request.experiment, cell.model, cell.seed, begun.prepared, request.device)
    with (
        freed_memory_kept(request.device),
        Bar(console, cell.name, plan.steps) as bar,
        CellWatcher(bar, folder.tensorboard) as watcher,
    ):
        return CellTraining(
            request.experiment, begun.plan, cell, folder, batches, validation, watcher, stop, request.device
        ).run()


def _tell(cell: Cell, status: CellStatus) -> None:
    """Say how a cell ended; what the process holds then is in the line's fields, so that a leak shows."""
    process = psutil.Process()
    values = {
        "cell": cell.name, "state": status.state, "step": status.step, "seconds": round(status.seconds, 3),
        "lost_seconds": round(status.lost_seconds, 3), "resident_mib": round(process.memory_info().rss / 2**20, 1),
        "threads": process.num_threads(), "open_files": process.num_fds(),
    }  # fmt: skip
    if status.reason:
        _log.warning("%s: %s: %s", cell.name, status.state, status.reason, extra=fields("cell ended", values))
    else:
        _log.info(
            "%s: done, %d steps in %.0f s", cell.name, status.step, status.seconds, extra=fields("cell ended", values)
        )

"""Sentences about a run that captions, notes and the methods text share: what was trained and scored, on what, with what."""

from __future__ import annotations

import re
from collections import Counter

from bench.curve import COLLAPSED
from bench.reporting.naming import amount, counted, duration, listed, short_digest
from bench.reporting.reading import SHUFFLED, Run

_HEXADECIMAL = re.compile(r"[0-9a-f]{12,64}")
"""A revision that pins a dataset: the digest of a commit. A branch's name does not."""

MOST_OF_A_LICENCE = 300
"""Characters: a card is what a stranger wrote, and may hold a whole licence."""


def extent(run: Run) -> str:
    """Return over how many seeds, pages and windows a score was taken."""
    pages, windows = counted(run.pages, "held-out page"), counted(len(run.windows), "window")
    if not run.plan["trained_cells"]:
        return f"{pages} ({windows})"
    return f"{counted(len(run.seeds), 'seed')} and {pages} ({windows})"


def seeds_sentence(run: Run) -> str:
    """Return the seeds, "" where nothing was trained."""
    return f"Seeds: {listed([str(seed) for seed in run.seeds])}." if run.plan["trained_cells"] else ""


def size(run: Run) -> str:
    """Return the resolution of training and scoring."""
    height = int(run.experiment["resolution"])
    return f"{int(run.experiment.get('window_aspect', 1)) * height} × {height} px"


def source(run: Run) -> str:
    """Return where the pairs came from, with the revision of a dataset where the run recorded one."""
    name = str(run.experiment.get("data", {}).get("source", "unknown"))
    recorded = run.split.get("source")
    revision = recorded.get("revision") if isinstance(recorded, dict) else None
    return f"{name} (revision {short_digest(revision)})" if _HEXADECIMAL.fullmatch(str(revision)) else name


def licence_sentence(run: Run) -> str:
    """Return what the data's card says of its licence, "" where the run recorded nothing: "Licence of the dataset: mit."."""
    recorded = run.split.get("source")
    note = recorded.get("licence_note") if isinstance(recorded, dict) else None
    words = " ".join(note.split())[:MOST_OF_A_LICENCE].rstrip(".") if isinstance(note, str) else ""
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def budget_sentence(run: Run) -> str:
    """Return the budget, how it was shared, and what the share was."""
    if not run.plan["trained_cells"]:
        return "Nothing was trained here."
    cells = counted(int(run.plan["trained_cells"]), "trained cell")
    return f"Budget: {budget_words(run)} of training, shared equally by {cells} ({share_of_budget(run)} each)."


_TIME = re.compile(r"(?:[\d.]+[smhd])+")
_UNITS = {"s": "s", "m": "min", "h": "h", "d": "d"}


def budget_words(run: Run) -> str:
    """Return the budget as people write it: "30 min" for "30m", "1 h 30 min" for "1h30m"."""
    text = str(run.plan["budget"])
    if not _TIME.fullmatch(text):
        return text
    return " ".join(f"{amount} {_UNITS[unit]}" for amount, unit in re.findall(r"([\d.]+)([smhd])", text))


def share_of_budget(run: Run) -> str:
    """Return what one trained cell gets of the budget, in the budget's unit: "45 s", "625 steps"."""
    share, unit = float(run.plan["share"]), str(run.plan["budget_unit"])
    words = {
        "seconds": duration(share),
        "flops": amount(share, "FLOPs"),
        "images": f"{share:,.0f} images",
        "steps": f"{share:,.0f} steps",
    }
    return words.get(unit, f"{share:g} {unit}")


def bought_sentence(run: Run) -> str:
    """Return what one share bought of each model: steps and images."""
    bought = []
    for model in run.rows:
        planned = run.planned(model)
        if planned.get("trained"):
            steps, images = (int(planned.get(key, 0)) for key in ("steps", "images"))
            bought.append(f"{run.shown(model)} {counted(steps, 'step')} ({counted(images, 'image')})")
    return f"A share bought: {'; '.join(bought)}." if bought else ""


def calibrated_sentence(run: Run) -> str:
    """Return how a time budget became steps, and what time these took; "" for other budgets."""
    if run.plan["budget_unit"] != "seconds" or not run.plan["trained_cells"]:
        return ""
    seconds = [cell.status.seconds for cell in run.cells if cell.status.state == "done" and cell.status.seconds]
    took = ""
    if seconds:
        least, most = duration(min(seconds)), duration(max(seconds))
        took = f"; a cell took {least}" if least == most else f"; cells took {least} to {most}"
    how = (
        "are those of another run’s plan"
        if run.plan.get("repeats")
        else "come from timing each model once, before training"
    )
    return f"Steps {how}{took}."


def hardware_sentence(run: Run) -> str:
    """Return the machine, the device, the precision, how repeatable that is, and the other machines that cells were trained on."""
    machine = run.provenance.get("hardware", {})
    cores, memory = machine.get("cores"), machine.get("memory_gib")
    parts = [
        machine.get("gpu"),
        machine.get("cpu"),
        counted(cores, "core") if cores else None,
        f"{memory} GiB memory" if memory else None,
    ]
    did = "trained" if run.plan["trained_cells"] else "scored"
    device = f"{run.plan.get('device', 'unknown device')}, {run.plan.get('precision', 'unknown precision')}"
    level = f", {_determinism(run)}" if run.plan["trained_cells"] else ""
    shown = ", ".join(str(part) for part in parts if part) or "unknown"
    return f"Hardware: {shown}; {did} on {device}{level}{_steps(run)}{_machines(run)}."


def _steps(run: Run) -> str:
    """Return how a GPU did the steps, and of how many cells where not all were trained so."""
    kinds = [cell.status.step_kind for cell in run.cells if cell.status.step_kind]
    told = ""
    for word, shown in (
        ("compiled", "networks compiled by TorchInductor"),
        ("recorded", "steps replayed as CUDA graphs"),
    ):
        cells = sum(word in kind for kind in kinds)
        if cells:
            told += f", {shown}" + (f" (in {cells} of {counted(len(kinds), 'cell')})" if cells < len(kinds) else "")
    return told


def _determinism(run: Run) -> str:
    """Return whether the same experiment, plan and machine give the same bits (design, section 4, rule 6)."""
    if not str(run.plan.get("device", "")).startswith("cuda"):
        threads = run.provenance.get("threads")
        return "repeatable to the bit" + (f" with {counted(threads, 'thread')}" if threads else "")
    deterministic = run.provenance.get("deterministic")
    return "with deterministic algorithms" if deterministic else "not deterministic: repeated, the last bits may differ"


def _machines(run: Run) -> str:
    """Return the cells' machines where they are several: seconds and memory do not compare between them."""
    trained = Counter(cell.status.machine for cell in run.cells if cell.status.machine)
    if len(trained) < 2:
        return ""
    return "; cells on " + listed([f"{machine} ({number})" for machine, number in sorted(trained.items())])


def remarks_sentence(run: Run) -> str:
    """Return what sets the trained models apart from their originals: narrower networks, losses left out."""
    small = [run.shown(model) for model in run.rows if "-small" in run.shown(model) and not model.endswith(SHUFFLED)]
    narrow = f"{listed(small)}: narrower or shallower than the original’s defaults" if small else ""
    remarks = [
        f"{run.shown(model)}: {listed([str(remark) for remark in run.planned(model)['remarks']])}"
        for model in run.rows
        if run.planned(model).get("remarks")
    ]
    text = "; ".join(part for part in (narrow, *remarks) if part)
    return f"Models: {text}." if text else ""


def inference_modes(run: Run) -> str:
    """Return the inference mode, with the models it holds for where they differ."""
    modes: dict[str, list[str]] = {}
    for model in run.rows:
        if mode := run.planned(model).get("inference_mode"):
            modes.setdefault(str(mode), []).append(run.shown(model))
    if len(modes) < 2:
        return next(iter(modes), "not recorded")
    return "; ".join(f"{mode} ({listed(models)})" for mode, models in modes.items())


def digests_sentence(run: Run) -> str:
    """Return commit, experiment digest and split digest."""
    commit = short_digest(run.provenance.get("commit"))
    dirty = " with uncommitted changes" if run.provenance.get("dirty") else ""
    experiment, split = short_digest(run.plan.get("experiment_digest")), short_digest(run.split.get("digest"))
    return f"Commit {commit}{dirty}; experiment {experiment}; split {split}."


def lost_sentence(run: Run) -> str:
    """Return what was computed, lost in a crash and computed again; it is reported and never billed."""
    lost = [f"{c.name} {duration(c.status.lost_seconds)}" for c in run.cells if c.status.lost_seconds >= 0.5]
    return f"Lost in crashes and computed again, not billed: {', '.join(lost)}." if lost else ""


def split_sentence(run: Run) -> str:
    """Return how the pages were split, and what was left out."""
    group = run.split.get("group_by") or run.experiment.get("data", {}).get("group_by", "unknown")
    parts = listed([f"{len(run.split.get(part) or ()):,} {part}" for part in ("train", "validation", "test")])
    left = [
        counted(int(run.split.get(key) or 0), one, many)
        for key, one, many in (
            ("dropped_near_duplicates", "near-duplicate of held-out pages", "near-duplicates of held-out pages"),
            ("dropped_gap", "page in gaps between blocks", "pages in gaps between blocks"),
            ("unreadable", "unreadable page", "unreadable pages"),
        )
    ]
    digest = short_digest(run.split.get("digest"))
    enlarged = run.split.get("enlarged")
    larger = [f"{count} {part}" for part, count in enlarged.items()] if isinstance(enlarged, dict) else []
    small = f"; smaller than the resolution, and enlarged: {listed(larger)}" if larger else ""
    pages = f"into {parts} pages (digest {digest}); left out: {listed(left)}{small}."
    origin = run.split.get("origin")
    if origin == "file":
        return f"Split by a file that was given, so that neighbouring pages may lie in different parts, {pages}"
    return f"{'The data’s own test part, split' if origin == 'source' else 'Split'} by {group} {pages}"


def versions_sentence(run: Run) -> str:
    """Return the versions of the software that computed the run."""
    versions = run.provenance.get("versions", {})
    return f"Software: {', '.join(f'{name} {version}' for name, version in sorted(versions.items()) if version)}."


def holes(run: Run) -> list[str]:
    """Return one line for every cell without scores, or cut short."""
    lines = [f"{cell.name}: no scores, {cell.hole}" for cell in run.cells if cell.hole]
    cut = [cell for cell in run.cells if cell.scored and cell.status.state == "truncated"]
    return lines + [f"{cell.name}: truncated, {cell.status.reason or 'no reason given'}" for cell in cut]


def collapses(run: Run) -> list[str]:
    """Return one line for every cell whose outputs hardly followed its inputs at the last look on validation pages."""
    lines = []
    for cell in run.cells:
        if cell.curve is None:
            continue
        seen = cell.curve[(cell.curve["kind"] == "validation") & (cell.curve["name"] == "diversity")]
        if not seen.empty and seen["value"].iloc[-1] < COLLAPSED:
            lines.append(
                f"{cell.name}: mode collapse suspected, its outputs differ {seen['value'].iloc[-1]:.2g} times as much "
                "as their inputs do (validation pages)"
            )
    return lines

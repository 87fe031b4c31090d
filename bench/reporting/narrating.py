"""Sentences of the methods section alone: models, data, geometry, schedule and software, with marks of what they cite."""

from __future__ import annotations

from bench.reporting.bibliography import PROJECT, data_key
from bench.reporting.citing import MODELS, RECIPES, SOFTWARE, cite
from bench.reporting.naming import counted, listed
from bench.reporting.reading import SHUFFLED, Run
from bench.reporting.sentences import size, source

_WHAT_THEY_ARE = {
    "oracle": "the truth as output",
    "copy": "the input passed through",
    "mean-chroma": "the input in one mean colour",
    "unet-l1": "the generator of Pix2Pix trained without a GAN",
}
"""Reference rows that are built in, in a few words."""


_RECIPES_SAY = {
    "original": "the B/W page as it is stored, in grey",
    "gray": "the luma of the colour page",
    "lines": "binary ink drawn from the colour page",
    "screentone": "binary ink over halftone dots, drawn from the colour page",
}
"""What the input is, by recipe."""


def competitors_sentence(run: Run) -> str:
    """Return the competitors with the works that they are from."""
    if not run.ranked:
        return "No competitors: nothing here is ranked."
    names = listed([f"{run.shown(model)}{_work(run, model)}" for model in run.ranked])
    return f"Competitors: {names}; the same pages, augmentation, budget and seeds for each."


def references_sentence(run: Run) -> str:
    """Return the rows that are shown and not ranked, and what they are; "" where there are none."""
    rows = [model for model in run.references if not model.endswith(SHUFFLED)]
    told = [f"{run.shown(model)}{_work(run, model)}{_explained(model)}" for model in rows]
    return f"Shown and never ranked: {listed(told)}." if told else ""


def _explained(model: str) -> str:
    return f" ({_WHAT_THEY_ARE[model]})" if model in _WHAT_THEY_ARE else ""


def _work(run: Run, model: str) -> str:
    """Return the mark of the work behind a model that the harness itself built; a stranger's row may have any name."""
    own = "kind" not in run.experiment and model in (*run.experiment["models"], *run.experiment["references"])
    return cite(*MODELS.get(model, ())) if own else ""


def data_sentence(run: Run) -> str:
    """Return source, recipe, size and windows."""
    wide = run.experiment.get("window_aspect", 1) != 1
    fitted = "the page scaled to cover the window" if wide else "the page’s short side at the resolution"
    recipe = str(run.experiment["recipe"])
    data, what = data_key(run), _RECIPES_SAY.get(recipe)
    told = f", {what}" if what else ""
    return (
        f"Pairs from {source(run)}{_drawn(run)}{cite(data) if data else ''}; input recipe {recipe}{told}"
        f"{cite(*RECIPES.get(recipe, ()))}{_variants(run)}; {size(run)}: {fitted}, one or two fixed windows a page; "
        f"{counted(run.pages, 'held-out page')}, {counted(len(run.windows), 'window')}."
    )


def _drawn(run: Run) -> str:
    """Return what the project's own pages are, "" for others."""
    data = run.experiment.get("data", {})
    if data.get("source") != "synthetic":
        return ""
    pages, size, series = (data.get(f"synthetic_{key}") for key in ("pages", "size", "series"))
    how = f": {pages} pages of {size} px in {series} series" if pages and size and series else ""
    return f" (manga drawn by the project itself{how})"


def _variants(run: Run) -> str:
    """How many B/W versions the recipe gave each training page; "" where it was one, or where nothing was trained."""
    variants = run.experiment.get("recipe_settings", {}).get("variants", 1)
    return f" ({variants} versions of each training page)" if variants != 1 and run.plan["trained_cells"] else ""


def geometry_sentence(run: Run) -> str:
    """Return how pages are cropped in training (`data.geometry`, `data.batches`); "" where nothing was trained."""
    if not run.plan["trained_cells"]:
        return ""
    return (
        "In training the page is 286/256 of that size (antialiased bicubic, aspect kept); windows are cropped at random places "
        "and mirrored with probability 1/2, in the same way for every model."
    )


def schedule_sentence(run: Run) -> str:
    """Return batch size, learning-rate schedule, and what models without pairs were given, as far as the run recorded them."""
    training = run.experiment.get("training", {})
    batch, constant, unpaired = (training.get(key) for key in ("batch_size", "constant_lr_share", "unpaired"))
    if not run.plan["trained_cells"]:
        return ""
    given = {
        "shuffled": "models that learn without pairs get the same pages, B/W and colour never partners",
        "disjoint": "models that learn without pairs get B/W pages of one half of the groups, colours of the other",
    }
    parts = [
        f"batch size {batch}" if batch else "",
        f"the learning rate constant for {constant:.0%} of the steps, then falling linearly towards 0".replace(
            "%", " %"
        )
        if constant is not None
        else "",
        given.get(str(unpaired), ""),
        "the generator at the end of the budget is scored, once",
    ]
    text = "; ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}."


def settings_sentence(run: Run) -> str:
    """Return every number that the trained models were made and trained with, under the names of the original implementations."""
    settings = run.experiment.get("model_settings")
    if not isinstance(settings, dict) or not run.plan["trained_cells"]:
        return ""
    told = []
    for model in run.rows:
        own = settings.get(model)
        if isinstance(own, dict) and run.planned(model).get("trained"):
            values = own | (run.planned(model).get("decided") or {})
            told.append(f"{run.shown(model)}: {', '.join(f'{key} {value}' for key, value in values.items())}")
    return f"Settings: {'; '.join(told)}." if told else ""


def software_sentence(run: Run) -> str:
    """Return the versions of the software that computed the run, and the project itself."""
    versions = {name: version for name, version in (run.provenance.get("versions") or {}).items() if version}
    own = " ".join(["manga-gan-bench", *filter(None, [versions.pop("manga-gan-bench", None)])])
    others = [f"{name} {version}{cite(*SOFTWARE.get(name, ()))}" for name, version in sorted(versions.items())]
    return f"Software: {', '.join([f'{own}{cite(PROJECT)}', *others])}."

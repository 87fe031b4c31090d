"""Where pairs of B/W and colour pages come from; knows nothing of `bench` or `models`."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.cache import prepare
from data.contact_sheet import contact_sheet
from data.description import Description, describe
from data.errors import DataError, UnreadableImage
from data.own_split import has_own_split, own_split
from data.pair import PairKey, PairSource, Pixels, RawPair
from data.prepared import Prepared, Window
from data.recipe_sheet import recipe_sheet
from data.recipes import RECIPES, Recipe, RecipeSettings, apply_recipe, recipe_settings
from data.split_files import load_split
from data.splits import Split, make_split

if TYPE_CHECKING:
    from data.batches import TrainingBatches

__all__ = [
    "RECIPES",
    "DataError",
    "Description",
    "PairKey",
    "PairSource",
    "Pixels",
    "Prepared",
    "RawPair",
    "Recipe",
    "RecipeSettings",
    "Split",
    "TrainingBatches",
    "UnreadableImage",
    "Window",
    "apply_recipe",
    "contact_sheet",
    "describe",
    "has_own_split",
    "load_split",
    "make_split",
    "open_pairs",
    "own_split",
    "prepare",
    "recipe_settings",
    "recipe_sheet",
]


def open_pairs(
    spec: str,
    *,
    layout: str = "auto",
    bw_side: str = "auto",
    bw_column: str = "bw_image",
    color_column: str = "color_image",
    offline: bool = False,
    synthetic_pages: int = 600,
    synthetic_size: int = 256,
    synthetic_series: int = 6,
) -> PairSource:
    """The source that a text names.

    Args:
        spec: "synthetic" (the manga that the project draws), a folder or CBZ or ZIP archive, a manifest (a .csv or
            .parquet file that lists the pages), "hf:owner/name" (the Hugging Face hub), or "hf:PATH" (a local parquet
            file or folder that holds the images, or a folder that `datasets` saved).
        layout: how a folder is laid out: "pairs", "side-by-side" or "color"; "auto" looks.
        bw_side: which of two sides A and B (of halves, A is the left one) is the B/W one; "auto" looks.
        bw_column: column of the B/W images, for hf sources.
        color_column: column of the colour images, for hf sources.
        offline: use what is on this machine, reach for nothing.
        synthetic_pages: number of pages, for "synthetic".
        synthetic_size: short side of a drawn page in px, for "synthetic".
        synthetic_series: how many of the drawn series there are, for "synthetic": the fewer, the sooner learnt.

    Raises:
        DataError: the source does not exist, cannot be reached, or holds nothing that can be used.
    """
    if not spec.strip():
        raise DataError("no data source was named; give `synthetic`, a folder, a manifest, or `hf:owner/name`")
    path = _path(spec)
    is_table = path.suffix.lower() in (".csv", ".parquet") and not path.is_dir()
    if (layout, bw_side) != ("auto", "auto") and (spec == "synthetic" or spec.startswith("hf:") or is_table):
        raise DataError(f"{spec}: layout and bw_side are for folders and archives; leave both at auto")
    if spec == "synthetic":
        from data.synthetic import SyntheticSource

        return SyntheticSource(synthetic_pages, synthetic_size, series=synthetic_series)
    if spec.startswith("hf:"):
        from data.sources.hub import HubSource

        return HubSource(spec, bw_column=bw_column, color_column=color_column, offline=offline)
    if is_table:
        from data.sources.manifest import open_manifest

        return open_manifest(path, spec)
    from data.sources.folders import open_folder

    return open_folder(path, spec, layout=layout, bw_side=bw_side)


def _path(spec: str) -> Path:
    try:
        return Path(spec).expanduser()
    except RuntimeError:
        # "~name" of nobody on this machine: no such folder, as any other.
        return Path(spec)


def __getattr__(attribute: str) -> Any:
    # Lazy, since it alone needs torch: a wrong request is answered without waiting seconds for that import.
    if attribute == "TrainingBatches":
        return importlib.import_module("data.batches").TrainingBatches
    raise AttributeError(f"module 'data' has no attribute {attribute!r}")

"""What a dataset's card, the head of its README.md, says: licence, attribution, and which files the dataset is made of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.errors import DataError
from data.printing import one_line, printable
from data.sources.dataset_files import leads_out

NO_LICENCE = "the dataset carries no licence tag; whether research use of it is allowed is yours to judge"

_CARD = "README.md"
_SETTINGS = (".huggingface.yaml",)
"""Another file that `datasets` takes the names of files from."""

_MOST_BYTES = 16 * 2**20
"""Of a card; a larger one is refused."""

_NAMES = ("data_files", "data_dir", "path")
"""Keys under which a card names files."""


def licence_note(folder: Path, otherwise: object = None) -> str:
    """A sentence about the licence that the card in `folder` names, or the one the dataset itself has, `otherwise`.

    Who is to be named, the card's `attribution`, stands behind it.
    """
    return _rights(_content(folder / _CARD), otherwise) or NO_LICENCE


def stated_rights(folder: Path) -> str | None:
    """The same sentence for a folder of images, whose card is its owner's note to himself; None where it states nothing."""
    return _rights(_content(folder / _CARD), None) or None


def _rights(card: dict[str, Any], otherwise: object) -> str:
    licence = _texts(card.get("license") or otherwise)
    attribution = _texts(card.get("attribution"))
    named = {"licence of the dataset": licence, "attribution": attribution}
    return "; ".join(f"{what}: {text}" for what, text in named.items() if text)


def _texts(value: object) -> str:
    """The words of a text or of a list of them, on one line."""
    texts = value if isinstance(value, list) else [value]
    return ", ".join(one_line(text) for text in texts if isinstance(text, str) and text.strip())


def refuse_outside_files(spec: str, folder: Path) -> None:
    """Raise DataError where the dataset takes files from outside of its folder, or from another server."""
    for name in (_CARD, *_SETTINGS):
        if (folder / name).is_file() and (folder / name).stat().st_size > _MOST_BYTES:
            raise DataError(
                f"{spec}: {name} is larger than {_MOST_BYTES:,} bytes; that is no card: shorten or remove it"
            )
        for pattern in _file_names(_content(folder / name).get("configs")):
            if leads_out(pattern):
                raise DataError(
                    f"{spec}: {name} takes data from {printable(pattern)}, out of the dataset; mend its `configs`"
                )


def _content(path: Path) -> dict[str, Any]:
    """The mapping that the file holds, read as `datasets` reads it; empty where there is none that can be read."""
    import yaml  # type: ignore[import-untyped]
    from huggingface_hub import DatasetCard

    try:
        content: object = {}
        if path.is_file() and path.stat().st_size > _MOST_BYTES:
            return {}
        if path.name == _CARD and path.is_file():
            content = DatasetCard.load(path, ignore_metadata_errors=True).data.to_dict()
        elif path.is_file():
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
    # A card is what a stranger wrote; what its parsers raise is not a closed list.
    except Exception:
        return {}
    return content if isinstance(content, dict) else {}


def _file_names(value: object, named: bool = False) -> Iterator[str]:
    """All texts that stand for files, however they are nested."""
    if isinstance(value, str) and named:
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _file_names(part, named)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _file_names(part, named or key in _NAMES)

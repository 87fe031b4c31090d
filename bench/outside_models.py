"""What `bench models` says of the models that other packages register, none of which it imports."""

from __future__ import annotations

from rich.console import Console

import models


def print_outside_models(console: Console) -> None:
    """Print one line a model of another package: its name, package and class, and why it cannot be had if so."""
    others = models.outside_models()
    if not others:
        return
    console.print("Of other packages, loaded only when named (`bench models show NAME` looks inside):")
    for other in others:
        refusal = f": not used: {other.refusal}" if other.refusal else ""
        console.print(
            f"  {other.name}: {other.target} of {other.package}{refusal}", markup=False, highlight=False, soft_wrap=True
        )

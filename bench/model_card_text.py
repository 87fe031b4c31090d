"""How a model's card is printed: text reflowed to the terminal, one table of settings, one a network, one of costs."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.layer_table import NetworkLayers
from bench.model_card import BATCH_SIZE, ModelCard, Setting
from bench.reporting.naming import amount

WIDEST_TEXT = 100
"""Columns of running text, so that lines stay readable on a wide terminal."""

LONGEST_LAYER_NAME = 45
"""Longer names of layers have their repeated parts folded, as a U-Net's need it, so that the table fits WIDEST_TEXT."""

_REPEATED = re.compile(r"((?:[^.]+\.)+?)\1{2,}")

MEMORY_NOTE = (
    "Memory is an estimate: the bytes of all tensors that are alive at once in a float32 step, counted on shapes as the "
    "step makes and frees them. Not in it are the workspace of convolution libraries, the allocator's rounding, and "
    "Python, torch and a GPU's context themselves. What torch's allocator really handed out on a CPU was 0 to 4 % more."
)


def print_card(card: ModelCard, console: Console, *, as_json: bool) -> None:
    """Print `card`, as text or as JSON."""
    if as_json:
        click.echo(json.dumps(card.to_json(), indent=1, default=str))
        return
    width = min(console.width, WIDEST_TEXT)
    for line in (_heading(card), "", *_reflowed(card.description, width), ""):
        console.print(line, markup=False, highlight=False)
    if card.settings:
        console.print(_settings_table(card.settings))
    printed: list[NetworkLayers] = []
    for network in card.networks:
        twin = next((other for other in printed if other.layers == network.layers), None)
        console.print(_layer_table(network) if twin is None else _twin_line(network, twin), highlight=False)
        printed.append(network)
    console.print(_costs_table(card))
    for line in _notes(card, width):
        console.print(line, markup=False, highlight=False)


def _heading(card: ModelCard) -> str:
    role = "competitor" if card.ranked else "shown but not ranked"
    data = "not trained" if card.pairing == "none" else f"trained on {card.pairing} pages"
    shown = f", in tables {card.shown_name}" if card.shown_name != card.name else ""
    return f"{card.name}{shown}: {role}, {data}"


def _reflowed(text: str, width: int) -> Iterator[str]:
    """Yield `text` in lines of at most `width`; blank lines part paragraphs, "- " and a hanging indent make a list."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ""
        items: list[str] = []
        for line in paragraph.splitlines():
            if items and not line.startswith("- "):
                items[-1] += " " + line.strip()
            else:
                items.append(line)
        for item in items:
            indent = "  " if item.startswith("- ") else ""
            yield from textwrap.wrap(item, width, subsequent_indent=indent, break_on_hyphens=False)


def _settings_table(settings: tuple[Setting, ...]) -> Table:
    changed = any(setting.value != setting.default for setting in settings)
    table = Table(title="settings", box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("setting", no_wrap=True)
    if changed:
        table.add_column("here")
    table.add_column("default")
    table.add_column("what it is")
    for setting in settings:
        here = [_written(setting.value)] if changed else []
        cells = (setting.name, *here, _written(setting.default), setting.description)
        differs = changed and setting.value != setting.default
        table.add_row(*map(Text, cells), style="bold" if differs else "")
    return table


def _written(value: object) -> str:
    return "absent" if value is None else str(value)


def _layer_table(network: NetworkLayers) -> Table:
    title = f"{network.name}: {network.parameters:,} parameters"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, show_footer=True)
    table.add_column("layer", overflow="fold", footer="together")
    table.add_column("type", no_wrap=True)
    table.add_column("output", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True, footer=f"{network.parameters:,}")
    for layer in network.layers:
        shape = " x ".join(map(str, layer.output[1:])) if layer.output else "not called"
        table.add_row(Text(_folded(layer.name)), layer.kind, shape, f"{layer.parameters:,}" if layer.parameters else "")
    return table


def _is_folded(network: NetworkLayers) -> bool:
    return any(_folded(layer.name) != layer.name for layer in network.layers)


def _folded(name: str) -> str:
    """Return "1.{model.3}x4.model.0" for a long "1.model.3.model.3.model.3.model.3.model.0", others as they are."""
    if len(name) <= LONGEST_LAYER_NAME:
        return name
    return _REPEATED.sub(lambda found: f"{{{found[1][:-1]}}}x{len(found[0]) // len(found[1])}.", name)


def _twin_line(network: NetworkLayers, twin: NetworkLayers) -> Text:
    return Text(f"{network.name}: {network.parameters:,} parameters, the same layers as {twin.name}\n")


def _costs_table(card: ModelCard) -> Table:
    size = f"{card.resolution}" if card.width == card.resolution else f"{card.width}x{card.resolution}"
    title = f"cost at {size} px, batch {BATCH_SIZE}"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, show_header=False)
    table.add_column("what")
    table.add_column("how much", justify="right")
    table.add_row("parameters, all networks", f"{sum(network.parameters for network in card.networks):,}")
    table.add_row("colouring an image", amount(card.flops_generator, "FLOP"))
    if card.flops_training_step is not None:
        table.add_row("a training step", amount(card.flops_training_step, "FLOP"))
    if card.memory is not None:
        table.add_section()
        table.add_row("weights and buffers", amount(card.memory.weights, "B"))
        table.add_row("gradients of the weights", amount(card.memory.gradients, "B"))
        table.add_row("optimisers' moments", amount(card.memory.moments, "B"))
        if card.memory.image_pools:
            table.add_row("image pools, full", amount(card.memory.image_pools, "B"))
        table.add_row("activations and their gradients", amount(card.memory.activations, "B"))
        table.add_row("memory to train, together (estimate)", amount(card.memory.total, "B"), style="bold")
    return table


def _notes(card: ModelCard, width: int) -> Iterator[str]:
    yield from textwrap.wrap(f"When colouring: {card.inference_mode}.", width)
    for remark in card.remarks:
        yield from textwrap.wrap(f"Remark: {remark}.", width)
    if any(_is_folded(network) for network in card.networks):
        yield from textwrap.wrap("In names of layers, {model.3}x4 stands for model.3 four times over.", width)
    if card.memory is not None:
        yield from textwrap.wrap(MEMORY_NOTE, width)

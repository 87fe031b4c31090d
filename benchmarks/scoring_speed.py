"""Scoring several cells: ours beside what people do today, on the same PNG files, with equal results.

    python benchmarks/scoring_speed.py [--images 500] [--cells 6] [--size 256] [--json FILE] [--ours-alone]

Theirs, a cell at a time: torch-fidelity's `calculate_metrics` on two folders (FID, KID, precision and recall), the `lpips`
package in a loop of pairs, scikit-image's SSIM in a loop. Ours: read the same PNGs, then every score of the registry, which is
more. The networks are Inception and AlexNet with random weights from a file (speed does not depend on them, and both sides use the
same), the learned heads of LPIPS are those of its package. FID, LPIPS and SSIM of the two are compared.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import io
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from bench.files import read_png, write_png
from bench.metrics.choice import choose_metrics
from bench.metrics.image_scores import ImageScorer
from bench.metrics.perceptual import random_trunk
from bench.metrics.set_scores import FeatureReader, SetScorer
from bench.metrics.weights import KNOWN, WeightStore, default_folders
from data.synthetic import SyntheticSource

Scores = dict[str, dict[str, float]]


def main() -> None:
    """Make the files, time both, print seconds, ratio, and how far results differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--cells", type=int, default=6)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--ours-alone", action="store_true", help="minutes and peak memory of a full evaluation")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        store = _weights(root / "weights")
        cells = _pictures(root, asked.images, asked.cells, asked.size)
        began = time.perf_counter()
        ours = _ours(root, cells, store)
        halfway = time.perf_counter()
        if asked.ours_alone:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(
                f"{asked.images} images of {asked.size} px, {asked.cells} cells: {halfway - began:.0f} s, peak {peak:.2f} GiB"
            )
            return
        theirs = _theirs(root, cells, root / "weights")
        ended = time.perf_counter()
    seconds = {"ours": halfway - began, "theirs": ended - halfway}
    print(f"{asked.images} images of {asked.size} px, {asked.cells} cells, {torch.get_num_threads()} threads")
    for name, taken in seconds.items():
        print(f"  {name:7} {taken:8.1f} s   {1000 * taken / asked.images / asked.cells:7.1f} ms an image")
    print(f"  ratio   {seconds['theirs'] / seconds['ours']:8.2f}")
    for metric in ("fid", "precision", "recall", "lpips", "ssim"):
        apart = max(abs(ours[cell][metric] - theirs[cell][metric]) for cell in cells)
        print(f"  {metric:9} differs by at most {apart:.2e} (of {max(abs(ours[cell][metric]) for cell in cells):.4g})")
    if asked.json:
        asked.json.write_text(json.dumps({"seconds": seconds, "ours": ours, "theirs": theirs}, indent=1) + "\n")


def _weights(folder: Path) -> WeightStore:
    """Files of the published names and layouts, random numbers in them."""
    folder.mkdir()
    alexnet, trunk = {}, random_trunk(11)
    for index, at in enumerate((0, 3, 6, 8, 10)):
        alexnet[f"features.{at}.weight"], alexnet[f"features.{at}.bias"] = trunk.kernels[index], trunk.biases[index]
    known = dict(KNOWN)
    for name, state in (("alexnet", alexnet), ("inception", _inception_state())):
        path = folder / KNOWN[name].file_names[0]
        torch.save(state, path)
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        known[name] = dataclasses.replace(KNOWN[name], size=len(content), sha256=sha256)
    return WeightStore(known, [folder, *default_folders()[1:]])


def _inception_state() -> dict[str, torch.Tensor]:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Layout(FeatureExtractorInceptionV3):  # type: ignore[misc]
        def load_state_dict(self, *_: object, **__: object) -> None:
            """Keep what the layers were made with."""

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    torch.manual_seed(0)
    network = Layout("layout", ["2048"], feature_extractor_weights_path=nothing)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return dict(network.state_dict())


def _pictures(root: Path, images: int, cells: int, size: int) -> list[str]:
    """Drawn pages as truth, ever more blurred ones as cells; one page gives many windows, moved and mirrored."""
    source = SyntheticSource(min(images, 60), size)
    pages = [source.read(key) for key in source.keys()]  # noqa: SIM118
    names = [f"cell{cell}" for cell in range(cells)]
    for at in range(images):
        page = pages[at % len(pages)]
        assert page.bw is not None
        turn = at // len(pages)
        bw, color = (np.roll(side[:size, :size], 17 * turn, axis=turn % 2) for side in (page.bw, page.color))
        write_png(root / "input" / f"{at:05d}.png", bw)
        write_png(root / "truth" / f"{at:05d}.png", color)
        for cell, name in enumerate(names):
            output = gaussian_filter(color, (0.5 * cell + 0.5, 0.5 * cell + 0.5, 0))
            write_png(root / name / f"{at:05d}.png", output)
    return names


def _read(folder: Path) -> NDArray[np.uint8]:
    return np.stack([read_png(path) for path in sorted(folder.iterdir())])


def _ours(root: Path, cells: list[str], store: WeightStore) -> Scores:
    choice = choose_metrics(require_calibrated=True, store=store)
    inputs, truths = _read(root / "input"), _read(root / "truth")
    names = [str(at) for at in range(len(truths))]
    images = ImageScorer(inputs, truths, choice)
    sets = SetScorer(truths, names, [f"group {at % 12}" for at in range(len(truths))], FeatureReader(choice))
    scores: Scores = {}
    for cell in cells:
        outputs = _read(root / cell)
        scores[cell] = {str(name): float(value) for name, value in images.score(outputs).mean().items()}
        scores[cell] |= {record["metric"]: record["value"] for record in sets.score(outputs)}
    return scores


def _theirs(root: Path, cells: list[str], weights: Path) -> Scores:
    import lpips
    import torch_fidelity

    perceptual = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    state = torch.load(weights / KNOWN["alexnet"].file_names[0], weights_only=True)
    convolutions = [module for module in perceptual.net.modules() if isinstance(module, torch.nn.Conv2d)]
    for module, at in zip(convolutions, (0, 3, 6, 8, 10), strict=True):
        module.weight.data.copy_(state[f"features.{at}.weight"])
        module.bias.data.copy_(state[f"features.{at}.bias"])
    scores: Scores = {}
    for cell in cells:
        found = torch_fidelity.calculate_metrics(
            input1=str(root / cell), input2=str(root / "truth"), cuda=False, fid=True, kid=True, prc=True, verbose=False,
            kid_subset_size=min(100, len(list((root / cell).iterdir()))), feature_extractor="inception-v3-compat",
            feature_extractor_weights_path=str(weights / KNOWN["inception"].file_names[0]),
            feature_layer_fid="2048", feature_layer_kid="2048", feature_layer_prc="2048",
        )  # fmt: skip
        distances, similarities = [], []
        for path in sorted((root / cell).iterdir()):
            output, truth = (np.asarray(Image.open(folder / path.name)) for folder in (root / cell, root / "truth"))
            tensors = [torch.from_numpy(side).permute(2, 0, 1)[None].float() / 127.5 - 1 for side in (output, truth)]
            with torch.no_grad():
                distances.append(float(perceptual(*tensors)))
            similarities.append(
                structural_similarity(
                    output,
                    truth,
                    data_range=255,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                    channel_axis=-1,
                )
            )
        scores[cell] = {
            "fid": float(found["frechet_inception_distance"]),
            "precision": float(found["precision"]),
            "recall": float(found["recall"]),
            "lpips": float(np.mean(distances)),
            "ssim": float(np.mean(similarities)),
        }
    return scores


if __name__ == "__main__":
    main()

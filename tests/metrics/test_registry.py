import subprocess
import sys

from bench.metrics.registry import METRICS

IMAGE = (
    "psnr ssim gmsd ciede2000 ciede2000_median line_f1 line_precision line_recall line_f1_loose line_f1_strict edge_f1 lpips rlpips"
    " colourfulness_difference colourfulness chroma_error"
)
SET = "fid kid precision recall fd_dinov2 kd_dinov2 precision_dinov2 recall_dinov2 rfd rkid rprecision rrecall colour_consistency"


def test_all_metrics_are_there_under_their_own_names():
    assert {name for name, metric in METRICS.items() if metric.kind == "image"} == set(IMAGE.split())
    assert [name for name, metric in METRICS.items() if metric.kind == "set"] == SET.split()
    assert [name for name, metric in METRICS.items() if metric.kind == "page"] == ["seam_score"]
    assert all(name == metric.name for name, metric in METRICS.items())


def test_only_metrics_on_random_networks_are_uncalibrated():
    assert {name for name, metric in METRICS.items() if not metric.calibrated} == {
        "rlpips",
        "rfd",
        "rkid",
        "rprecision",
        "rrecall",
    }


def test_uncalibrated_names_differ_from_calibrated_ones_wherever_they_are_printed():
    for text in ("shown", "latex", "source"):
        assert len({getattr(metric, text) for metric in METRICS.values()}) == len(METRICS)


def test_directions_are_those_of_the_field():
    higher = {name for name, metric in METRICS.items() if metric.direction == "higher"}
    assert higher == {
        "psnr", "ssim", "line_f1", "line_precision", "line_recall", "line_f1_loose", "line_f1_strict", "edge_f1",
        "precision", "recall", "rprecision", "rrecall", "colour_consistency", "precision_dinov2", "recall_dinov2",
    }  # fmt: skip


def test_reports_can_be_made_without_torch():
    modules = ("metrics.registry", "metrics.choice", "metrics.frechet", "metrics.kernel", "sampling", "statistics")
    code = f"import sys, {', '.join(f'bench.{module}' for module in modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""results.json of a joined report: what the runs share, in what they differ, all of their results, and the differences."""

from __future__ import annotations

from bench.reporting.joined.across import Across, Gap
from bench.reporting.joined.differing import differing_settings
from bench.reporting.joined.reading import Joined
from bench.reporting.joined.words import methods_text, warnings
from bench.reporting.results import difference_values, result_values
from bench.reporting.results_schema import FORMAT, GapRecord, JoinedReport, JoinedRun, Shared, results_json


def joined_results_text(joined: Joined, across: Across) -> str:
    """Return results.json as text, the same bytes for the same runs."""
    return results_json(_results(joined, across))


def _results(joined: Joined, across: Across) -> JoinedReport:
    run = joined.runs[0]
    return JoinedReport(
        format=FORMAT,
        kind="joined report",
        shared=Shared(
            split_digest=run.split.get("digest"),
            resolution=run.experiment["resolution"],
            window_aspect=run.experiment.get("window_aspect", 1),
            pages=run.pages,
            windows=len(run.windows),
        ),
        differing={axis.name: list(axis.values) for axis in joined.axes},
        differing_settings=dict(differing_settings(joined.runs)),
        runs=[
            JoinedRun(name=name, label=label, **result_values(each, scores))
            for name, label, each, scores in zip(joined.names, joined.labels, joined.runs, across.scores, strict=True)
        ],
        differences_between_runs=[_gap(joined, gap) for gap in across.gaps],
        warnings=list(warnings(joined, across)),
        methods=dict(methods_text(joined, across)),
    )


def _gap(joined: Joined, gap: Gap) -> GapRecord:
    """Return one difference; runs are named, since `first` and `second` of the statistics are their places."""
    values = difference_values(gap.difference) | {
        "model": gap.model,
        "first": joined.names[gap.first],
        "second": joined.names[gap.second],
        "seeds_paired": gap.seeds_paired,
        "pages_left_out": gap.left_out,
    }
    return GapRecord(**values)

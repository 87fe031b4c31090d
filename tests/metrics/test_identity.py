import dataclasses

import numpy as np
import pytest

from bench.metrics.identity import NetworkIdentity, digest_of_arrays, metric_id

IDENTITY = NetworkIdentity("inception-v3-compat", "2048", "6726825d0af5f729" + "0" * 48, "tf1-bilinear-299")


def test_an_id_names_everything_that_moves_the_score():
    made = metric_id("fid", IDENTITY, n_generated=170, n_reference=165, pairing="same pages")
    assert made == "fid:inception-v3-compat:2048:6726825d0af5f729:tf1-bilinear-299:170x165:same-pages"


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(NetworkIdentity)])
def test_an_id_changes_with_each_part_of_the_network(field):
    other = dataclasses.replace(IDENTITY, **{field: "other"})
    assert metric_id("fid", other, n_generated=9, n_reference=9) != metric_id(
        "fid", IDENTITY, n_generated=9, n_reference=9
    )


def test_an_id_changes_with_counts_and_pairing():
    ids = {
        metric_id("fid", IDENTITY, n_generated=9, n_reference=9),
        metric_id("fid", IDENTITY, n_generated=8, n_reference=9),
        metric_id("fid", IDENTITY, n_generated=9, n_reference=8),
        metric_id("fid", IDENTITY, n_generated=9, n_reference=9, pairing="disjoint"),
        metric_id("kid", IDENTITY, n_generated=9, n_reference=9),
    }
    assert len(ids) == 5


def test_digests_tell_values_and_shapes_apart():
    values = np.arange(6, dtype=np.float32)
    digests = {
        digest_of_arrays(arrays)
        for arrays in ([values], [values + 1], [values.reshape(2, 3)], [values[:3], values[3:]])
    }
    assert len(digests) == 4
    assert digest_of_arrays([values.reshape(2, 3).T]) == digest_of_arrays(
        [np.ascontiguousarray(values.reshape(2, 3).T)]
    )

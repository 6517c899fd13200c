"""What is told to Prometheus, and how."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from offizin.metrics import DESCRIBED, Exposition, Kind
from offizin.tallies import BUCKETS, Durations, Tallies


def told(exposition: Exposition) -> dict[tuple[str, tuple[str, ...]], float]:
    """As Prometheus reads it: values by name of the sample and values of its labels, in the order of their names."""
    families = text_string_to_metric_families(exposition.text().decode())
    samples = [sample for family in families for sample in family.samples]
    return {(s.name, tuple(s.labels[label] for label in sorted(s.labels))): s.value for s in samples}


def test_names_say_what_they_are() -> None:
    for described in DESCRIBED.values():
        assert described.name.startswith("offizin_")
        assert described.name.endswith("_total") == (described.kind is Kind.COUNTER)


def test_values_are_told_with_their_labels() -> None:
    exposition = Exposition()
    exposition.tell("offizin_jobs", 3, "ocrd-a", "ready")
    exposition.tell("offizin_jobs", 0, "ocrd-b", "running")
    exposition.tell("offizin_jobs_submitted_total", 7, "ocrd-a")
    assert told(exposition) == {
        ("offizin_jobs", ("ocrd-a", "ready")): 3,
        ("offizin_jobs", ("ocrd-b", "running")): 0,
        ("offizin_jobs_submitted_total", ("ocrd-a",)): 7,
    }


def test_what_is_not_in_the_list_cannot_be_told() -> None:
    with pytest.raises(KeyError):
        Exposition().tell("offizin_secrets", 1)


def test_durations_are_a_histogram() -> None:
    durations, exposition = Durations(), Exposition()
    for seconds in (0.001, 1.0, 1.5, 1e6):
        durations.add(seconds)
    durations.add(0.3, 4)
    exposition.tell_durations("offizin_piece_seconds", durations, "ocrd-a")
    found = told(exposition)
    buckets = {labels[0]: value for (name, labels), value in found.items() if name.endswith("_bucket")}
    assert list(buckets) == [*map(str, BUCKETS), "+Inf"]
    assert (buckets["0.005"], buckets["0.1"], buckets["0.5"], buckets["1.0"]) == (1, 1, 5, 6)
    assert (buckets["2.0"], buckets["1800.0"], buckets["+Inf"]) == (7, 7, 8)
    assert found["offizin_piece_seconds_count", ("ocrd-a",)] == 8
    assert found["offizin_piece_seconds_sum", ("ocrd-a",)] == pytest.approx(1_000_003.701)


def test_a_transaction_that_fails_counts_too() -> None:
    tallies = Tallies()
    with pytest.raises(ValueError, match="no"), tallies.transaction("write"):
        raise ValueError("no")
    assert sum(tallies.transactions["write"].counts) == 1

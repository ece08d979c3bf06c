"""The JSON twins of what the screen shows: plain values for scripts."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from afina.records import Checklist, Corpus, Flips, Probes, Score

if TYPE_CHECKING:
    from afina.pipeline import Outcome

WORST = 20  # labels that look wrong; report.json has all


def corpus(record: Corpus) -> dict[str, Any]:
    """What `check --json` prints."""
    return {
        "name": record.name,
        "task": record.kind,
        "columns": asdict(record.columns),
        "labels": list(record.labels),
        "rows": _rows(record),
        "findings": [asdict(finding) for finding in record.findings],
    }


def scores(given: Sequence[Score]) -> dict[str, dict[str, float]]:
    """Scores by name, each with its interval."""
    return {score.name: {"value": score.value, "low": score.low, "high": score.high} for score in given}


def outcome(result: "Outcome", stage: str) -> dict[str, Any]:
    """What `profile`, `plan` and `run` print with --json."""
    if stage == "profile":
        return asdict(result.profile) if result.profile else {}
    if result.plan is None:
        return corpus(result.corpus)
    if stage == "plan":
        choices = [asdict(choice) for choice in result.plan.choices]
        return {"choices": choices, "estimates": dict(result.plan.estimates), "notes": list(result.plan.notes)}
    suspects = result.trained.suspects if result.trained else ()
    summary: dict[str, Any] = {
        "run": str(result.folder),
        "task": "pair" if result.corpus.columns.pair and result.corpus.kind == "classify" else result.corpus.kind,
        "technique": result.plan.settings.technique,
        "rows": _rows(result.corpus),
        "suspects": {"count": len(suspects), "worst": [asdict(one) for one in suspects[:WORST]]},
        "seconds": result.seconds,
    }
    summary |= _before_training(result) | _recalled(result)
    if result.evaluation:
        named = result.evaluation.baselines.items()
        summary["test"] = scores(result.evaluation.scores)
        summary["baselines"] = {name: {score.name: score.value for score in each} for name, each in named}
    if result.probes:
        summary["dimensions"] = dimensions(result.probes)
    if result.beside:
        summary["beside"] = asdict(result.beside)
    if result.compressed:
        names = "ratio drop_points drop_low drop_high agreement agreement_low agreement_high rung".split()
        summary["int8"] = {name: getattr(result.compressed, name) for name in names}
    return summary


def dimensions(record: Probes) -> dict[str, dict[str, Any]]:
    """The number that stands for each dimension, or why there is none."""
    found: dict[str, dict[str, Any]] = {}
    for one in record.dimensions:
        score = asdict(one.score) if one.score else {"skipped": one.skipped}
        found[one.probe] = {**score, "unit": one.unit, "more_is_better": one.more_is_better}
    return found


def checklist(record: Checklist, flips: Sequence[Flips] | None) -> dict[str, Any]:
    """What `checklist --json` prints."""
    told = asdict(record)
    rates = {one.capability: [0, 0] for one in record.tests}
    for one in record.tests:
        rates[one.capability][0] += len(one.failed)
        rates[one.capability][1] += one.cases
    told["capabilities"] = {name: {"failed": failed, "cases": cases} for name, (failed, cases) in rates.items()}
    told["gates_failed"] = [one.name for one in record.broken]
    return told if flips is None else {**told, "flips": [asdict(flip) for flip in flips]}


def _before_training(result: "Outcome") -> dict[str, Any]:
    """What the base and the rows were made ready by, where that was asked for."""
    summary: dict[str, Any] = {}
    if result.prepared:
        one = result.prepared.fertility
        tokens = {"before": one.before, "after": one.after, "saved": one.saved}
        counts = {"new_tokens": len(result.prepared.tokens), "special_tokens": list(result.prepared.marks)}
        summary["prepared"] = {**counts, "tokens_a_word": tokens}
        if elsewhere := result.prepared.general:
            summary["prepared"]["tokens_a_general_word"] = {"before": elsewhere.before, "after": elsewhere.after}
    if result.augmented:
        made = result.augmented
        counts = {"asked": made.asked, "kept": len(made.rows), "rejected": dict(made.rejected), "used": made.used}
        measured = {name: getattr(made, name).value for name in ("without", "beside", "gain")}
        spent = {"requests": made.requests, "tokens": made.tokens, "cached": made.cached, "stopped": made.stopped}
        summary["augmented"] = {"augmenter": made.augmenter, **counts, "judged": made.judged, **measured, **spent}
    if result.balanced:
        summary["balanced"] = {key: value for key, value in asdict(result.balanced).items() if key != "added"}
    if result.adapted:
        summary["adapted"] = {key: getattr(result.adapted, key).value for key in ("before", "after", "gain")}
    return summary


def _recalled(result: "Outcome") -> dict[str, Any]:
    """What is left of old tasks, where any was watched."""
    seen = result.trained.remembered if result.trained else {}
    return (
        {"old_tasks": {name: {"before": asdict(a), "after": asdict(b)} for name, (a, b) in seen.items()}}
        if seen
        else {}
    )


def _rows(record: Corpus) -> dict[str, int]:
    return {"train": len(record.train), "dev": len(record.dev), "test": len(record.test)}

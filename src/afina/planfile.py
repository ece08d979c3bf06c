"""plan.yaml: written from the plan for its reader, and read again for what the reader changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from afina import config, keys, store, yamlfile
from afina.config import Run
from afina.errors import ConfigError
from afina.records import Choice, Event, Plan, Score, Tell, Value, from_json, to_json
from afina.sources import USERS

NAME = "plan.yaml"


def text(plan: Plan) -> str:
    """The plan as the file that a user edits."""
    head = "# Change a value and run the same command again: what depends on it is made anew.\n"
    head += "# 'auto' gives a choice back to the plan.\n"
    choices = [
        {
            "name": c.name,
            "value": _plain(c.value),
            "why": c.why,
            "evidence": dict(c.evidence),
            "refused": dict(c.refused),
            "source": c.source,
        }
        for c in plan.choices
    ]
    content = {
        "choices": choices,
        "estimates": dict(plan.estimates),
        "notes": list(plan.notes),
        "forecasts": [
            {"technique": one.technique, "gain": _ends(one.gain), "ahead": _ends(one.ahead), "costs": dict(one.costs)}
            for one in plan.forecasts
        ],  # points of macro F1 with 95% for one more set
        "record": _digest(plan),
    }
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _ends(score: Score | None) -> list[float] | None:
    """A number with the ends of its interval, to a tenth."""
    return [round(one, 1) for one in (score.value, score.low, score.high)] if score else None


def _digest(plan: Plan) -> str:
    """Says which record a plan.yaml was written from; the same for a plan just made and one read from disk."""
    return store.fingerprint(from_json(Plan, to_json(plan)))[:12]


def lines(path: Path) -> list[tuple[str, Any]]:
    """Name and value of each line of an edited plan. Raises ConfigError where it has lost its form."""
    try:
        return [(str(choice["name"]), choice["value"]) for choice in yamlfile.read(path).get("choices") or ()]
    except (TypeError, KeyError):
        found = f"{path}: its choices are no longer a list, each with a name and a value"
        raise ConfigError(found, "undo the edit, or delete the file to plan anew") from None


def _plain(value: Value) -> Any:
    """A value as YAML reads it back."""
    return list(value) if isinstance(value, tuple) else value


def edited(options: Run, folder: Path, tell: Tell) -> config.TrainOptions:
    """The options for training, with what the user changed in plan.yaml; the command line wins.

    What was set before and belongs to something that the command line now turns to another value is forgotten.

    A file written from another record than the one on disk holds no edits: a run was killed before it could replace it.
    """
    path = folder / NAME
    if not path.is_file() or not (folder / store.RECORDS / "plan.json").is_file():
        return options.train
    record = store.read_record(folder, "plan", Plan)
    before = {choice.name: choice for choice in record.choices}
    given = options.train.model_dump(exclude_unset=True)
    edits: dict[str, Any] = {}
    current = yamlfile.read(path).get("record") in (None, _digest(record))
    for name, value in lines(path) if current else [(name, _plain(choice.value)) for name, choice in before.items()]:
        known = before.get(name)
        if known is None:
            raise ConfigError(f"{path}: there is no choice {name!r}", "undo the edit, or delete the file to plan anew")
        new = value != _plain(known.value)
        moot = not new and _turned(keys.switch(name), given, before)
        if value != "auto" and name not in given and not moot and (new or known.why == USERS):
            edits[name] = value
            tell(Event("plan", f"{name}={value} as plan.yaml says"))
    return config.build({"train": {**given, **edits}}, origin=str(path)).train


def _turned(switch: str | None, given: Mapping[str, Any], before: Mapping[str, Choice]) -> bool:
    """Whether the command line gives that key another value than the plan before had."""
    if switch is None or switch not in given:
        return False
    return switch not in before or given[switch] != _plain(before[switch].value)

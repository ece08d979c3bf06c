"""The plan's lines about rates, schedule, warm-up and staging, and what they mean to a fit.

Each policy is a module of its shelf, each option a field of that module's Config; an option that the chosen policy does
not have is refused rather than ignored.
"""

from collections.abc import Mapping
from typing import Any

from afina import shelf, warmup
from afina.config import POLICIES, TrainOptions
from afina.errors import ConfigError
from afina.recipes import Policy
from afina.records import Choice, Settings, Value

NONE = "none"  # no staging
OPTIONS = {  # key -> the policy's key, and the field of the policy's Config
    "discriminative_rates": ("rates", "rates"),
    "layerwise_decay": ("rates", "factor"),
    "lora_plus_ratio": ("rates", "ratio"),
    "num_cycles": ("lr_scheduler_type", "cycles"),
    "cycle_low": ("lr_scheduler_type", "low"),
    "cycle_remains": ("lr_scheduler_type", "remains"),
    "staging_by": ("staging", "by"),
    "staging_layers": ("staging", "layers"),
    "staging_share": ("staging", "share"),
    "staging_window": ("staging", "window"),
    "staging_patience": ("staging", "patience"),
    "staging_threshold": ("staging", "threshold"),
}
PLATEAU = ("loss", "gradient_norm")
USED_BY = {  # option -> what staging_by must be
    "staging_share": ("share",),
    "staging_window": PLATEAU,
    "staging_patience": PLATEAU,
    "staging_threshold": PLATEAU,
}
SHARES = (0.2, 0.6, 1.0)  # of the peak, from the bottom: 1e-5, 3e-5 and 5e-5 at 5e-5, as in RoBERTa's example
WHY = {
    "rates": ("flat", "one rate for the body and one for the head: the simplest, and no other was told apart from it"),
    "lr_scheduler_type": ("linear", "a line down to 0, as in BERT; no other was told apart from it"),
    "staging": (NONE, "all is trained from the first step to the last; neither stage by stage was told apart from it"),
}


def choices(rows: int, steps: float, peak: float, options: TrainOptions) -> list[Choice]:
    """The plan's own choice of each policy, and the options of those that will be used.

    Raises ConfigError for an unknown policy, and for an option that the policy in use does not have.
    """
    given = options.model_dump(exclude_none=True)
    chosen, made = {key: str(given.get(key, usual)) for key, (usual, _) in WHY.items()}, []
    for key, (usual, why) in WHY.items():
        made.append(Choice(key, usual, why))
    for option, (key, field) in OPTIONS.items():
        fields = _fields(key, chosen[key])
        by = given.get("staging_by", fields["by"].default if "by" in fields else "")
        if field not in fields and option in given:
            raise ConfigError(f"{option} has no meaning with {key}={chosen[key]}", _advice(option, key, field))
        if field in fields and by in USED_BY.get(option, (by,)):
            made.append(_option(option, fields[field], peak))
        elif option in given:
            fix = f"leave {option} out, or set staging_by to {' or '.join(USED_BY[option])}"
            raise ConfigError(f"{option} has no meaning with staging_by={by}", fix)
    _reaches_its_peak(options.warmup_steps, steps)
    return [*made, _warmup(rows, steps, chosen["lr_scheduler_type"])]


def looks(per_epoch: int) -> list[Choice]:
    """When the hold-out sets are looked at, and whether that may end the training."""
    never = "0 is never: the best look on dev is kept anyway, and the rates are planned to fall until the last step"
    return [
        Choice("eval_steps", per_epoch, "one look at the hold-out sets a pass, and one at the end"),
        Choice("early_stopping_patience", 0, never),
    ]


def peak(options: TrainOptions, usual: float) -> float:
    """The highest rate of the body. Raises ConfigError where two options say two things about it."""
    listed = max(options.discriminative_rates) if options.discriminative_rates else None
    if listed is not None and options.learning_rate not in (None, listed):
        raise ConfigError(
            f"learning_rate={options.learning_rate:g}, but the highest of discriminative_rates is {listed:g}",
            "give one of the two: with learning_rate alone the lower parts follow from it",
        )
    return listed or options.learning_rate or usual


def recipe(settings: Settings) -> tuple[Policy, Policy, Policy | None]:
    """The settings as rates, schedule and staging of a recipes.Recipe."""
    options: dict[str, dict[str, Any]] = {key: {} for key in POLICIES}
    for option, (key, field) in OPTIONS.items():
        value = getattr(settings, option)
        if value is not None:
            options[key][field] = value
    if settings.discriminative_rates is None:
        options["rates"]["rate"] = settings.learning_rate
    staging = None if settings.staging == NONE else Policy(settings.staging, options["staging"])
    schedule = Policy(settings.lr_scheduler_type, options["lr_scheduler_type"])
    return Policy(settings.rates, options["rates"]), schedule, staging


def _fields(key: str, name: str) -> Mapping[str, Any]:
    """The options of a policy."""
    if (key, name) == ("staging", NONE):
        return {}
    fields: Mapping[str, Any] = shelf.load(POLICIES[key], name).Config.model_fields
    return fields


def _option(option: str, field: Any, peak: float) -> Choice:
    if option == "discriminative_rates":
        value: Value = tuple(round(peak * share, 12) for share in SHARES)
        return Choice(option, value, "1 : 3 : 5 up to learning_rate, as in the example often given for RoBERTa")
    return Choice(option, field.default, field.description)


def _advice(option: str, key: str, field: str) -> str:
    having = [name for name in shelf.names(POLICIES[key]) if field in _fields(key, name)]
    return f"leave {option} out, or set {key} to {' or '.join(having)}"


def _reaches_its_peak(given: int | None, steps: float) -> None:
    """Raise ConfigError for a warm-up longer than the run, whose rates would not be those that were asked for."""
    if given is not None and given > steps:
        found = f"warmup_steps={given:,} is more than the {steps:,.0f} steps of the run: the peak would not be reached"
        raise ConfigError(found, f"set it to {int(warmup.LARGEST_SHARE * steps):,} or less, or leave it out")


def _warmup(rows: int, steps: float, schedule: str) -> Choice:
    """In proportion to the data; a cyclic schedule rises by itself."""
    evidence: dict[str, Value] = {"rows": rows, "steps": int(steps)}
    if "cycles" in _fields("lr_scheduler_type", schedule):
        return Choice("warmup_steps", 0, "each cycle of the schedule begins with a rise of its own", evidence)
    why = "by the rows: 500 steps at 10,000, 1,000 at 100,000, none at 1,000; at most a fifth of the run"
    return Choice("warmup_steps", warmup.steps(rows, steps), why, evidence)

"""What the user's own settings and limits cost in score, as far as it was measured anywhere, and that it is not known.

What they cost in time, memory and disk is told by `advice.overridden`, from the plan's own arithmetic.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from afina import choosing, forecasting, judging, measured
from afina.records import Choice, Facts, Settings, Value
from afina.sources import USERS


def remarks(choices: Sequence[Choice], own: Settings, settings: Settings, facts: Facts) -> tuple[str, ...]:
    """One note on what differs from the plan's own settings; none where nothing does."""
    users = {choice.name: choice.value for choice in choices if choice.why == USERS}
    said = []
    if settings.technique != own.technique:
        said.append(f"technique={settings.technique}: {_behind(settings.technique, own.technique, facts)}")
        users = {name: value for name, value in users.items() if name not in ("technique", "freeze_layers")}
    said += _rates(users, own, settings)
    for name, value in users.items():
        known = measured.AGAINST.get(name, {}).get(f"{value}", measured.UNKNOWN)
        if known != measured.UNKNOWN:
            said.append(f"{name}={value}: {known}")
    told = {one.partition("=")[0] for one in said}
    rest = [name for name in users if name not in told]
    if rest:
        said.append(f"what your {', '.join(rest)} cost{'' if len(rest) > 1 else 's'} in score is not known")
    return ("; ".join(said),) if said else ()


def _behind(technique: str, own: str, facts: Facts) -> str:
    """How far a technique was behind the plan's own where both were measured on tasks of this size."""
    known = forecasting.differences(forecasting.known(facts), technique, own) if facts.kind == "classify" else []
    if not known:
        return "what it costs in score is not known"
    if len(known) == 1:
        return f"{forecasting.tenth(known[0])} points of macro F1 against the plan's own {own} on one set of this size"
    middle, low, high = map(forecasting.tenth, (fmean(known), min(known), max(known)))
    return f"{middle} points of macro F1 against the plan's own {own}: the mean of {len(known)} sets ({low} to {high})"


def _rates(users: Mapping[str, Value], own: Settings, settings: Settings) -> Iterator[str]:
    """Rates that do nothing, or are far above the plan's own for this technique."""
    usual = {"learning_rate": choosing.rate(settings.technique)[0], "head_learning_rate": own.head_learning_rate}
    for name, rate in usual.items():
        given = getattr(settings, name)
        if name not in users:
            continue
        if settings.technique == "head_only":
            yield f"{name}={given:g} does nothing, for head_only fits its head without steps"
        elif given > judging.FAR * rate:
            yield f"{name}={given:g} is {given / rate:,.0f} times the plan's own {rate:g}: training may diverge"

"""What a plan's measurements say beside its choices, and the whole of it in sentences, as a colleague would put it."""

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

from afina import forecasting, scarcity, shelf, wording
from afina.limits import Limits
from afina.records import Choice, Facts, LayerScore, Plan, Profile, Score
from afina.sources import USERS

DOUBT = 1.5  # times a 95% interval's half width: the best of fourteen readings is too good by chance
GAIN = 0.02  # of a score by twice the rows, that is worth labelling them
NOTICED = 0.05  # of an estimate, from which a change of it is said
LANGUAGES = {"en": "English", "es": "Spanish"}
FIRST = ("technique", "freeze_layers", "pooling", "learning_rate", "num_train_epochs", "precision")  # said at length


def at_chance(facts: Facts, layers: Sequence[LayerScore]) -> bool:
    """Whether the best reading of the frozen base cannot be told from answering without reading."""
    best = max(layers, key=lambda one: one.value)
    return best.value - DOUBT * (best.value - best.low) <= facts.majority


def notes(facts: Facts, layers: Sequence[LayerScore]) -> tuple[str, ...]:
    """Whether there is anything to learn, would more rows help, and do labels look wrong, by the frozen base."""
    best = max(layers, key=lambda one: one.value)
    objective = shelf.load("objectives", facts.kind)
    if at_chance(facts, layers):
        score = f"{best.value:.3f} ({best.low:.3f} to {best.high:.3f})"
        return (
            f"nothing shows that these labels follow from the texts: the best frozen layer has {objective.PROBED} "
            f"{score}, and answering without reading has {facts.majority:.3f}. Either the labels are no matter of the "
            "texts, or it takes more rows or training to see it: look at some before you spend time",
        )
    return (*_growth(objective, layers), *_labels(layers))


def _labels(layers: Sequence[LayerScore]) -> Iterator[str]:
    """How many labels look wrong, where any do, and how good such lists were on 1,500 rows of four sets (LOG.md)."""
    for wrong in (one.wrong for one in layers if one.wrong and one.wrong.value):
        yield (
            f"about {wrong.value:.1%} of the labels look wrong ({wrong.low:.1%} to {wrong.high:.1%}): heads on the "
            "frozen base that were fitted to other rows find another class at least 20 times as probable. Where wrong "
            "labels were planted, 58 to 100% of such rows had one, but only 4 to 80% of them were found: hard rows "
            "look like that too, and nearly right labels do not. A run lists these rows with file and line"
        )


def _growth(objective: ModuleType, layers: Sequence[LayerScore]) -> tuple[str, ...]:
    """Whether more rows would help."""
    curve, gain = next(((one.curve, one.gain) for one in layers if one.gain), ((), None))
    if gain is None:
        return ()
    shown = ", ".join(f"{score:.3f} with {count:,}" for count, score in curve)
    said = f"{objective.PROBED} of a head on the frozen base: {shown} {'words' if objective.PER == 'word' else 'rows'}"
    points = f"{100 * gain.value:.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f})"
    if gain.value >= GAIN and gain.low > 0:
        return (f"{said}: twice the rows still gain {points}, so that more labelled rows would help",)
    if gain.high < GAIN:
        return (f"{said}: twice the rows gained {points}, so that more of this kind would gain little there",)
    return ()


def overridden(
    choices: Sequence[Choice], limits: Limits, own: Mapping[str, float], found: Mapping[str, float]
) -> tuple[str, ...]:
    """What the user's settings and limits cost, or save, by estimates of the plan with and without them."""
    names = [choice.name for choice in choices if choice.why == USERS]
    names += [name for name in Limits.model_fields if getattr(limits, name) is not None]
    moved = [
        f"{wording.estimate(name, found[name])} instead of {wording.amount(name, own[name])}"
        for name in own
        if abs(found[name] - own[name]) > NOTICED * own[name]
    ]
    return (f"with your {', '.join(names)}: {', '.join(moved)}",) if names and moved else ()


def explain(profile: Profile, plan: Plan) -> Iterator[str]:
    """Paragraphs: the data, what the base knows, what to do and why, what was not taken, and what it costs."""
    facts, objective = plan.facts, shelf.load("objectives", plan.facts.kind)
    language = LANGUAGES.get(profile.language, "a language that was not recognised")
    tokens = f"{profile.tokens[0]:g} tokens in the middle, {profile.tokens[2]:g} at most"
    yield (
        f"You have {facts.rows:,} rows to learn from, {scarcity.said(facts, objective.COUNTED)}, in "
        f"{language}: {tokens}."
    )
    yield from (f"{wording.sentence(note)}." for note in profile.notes)
    for one in profile.distances:
        away = f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f}) {one.unit} from general language"
        yield f"By {one.measure} they are {away}, whose own halves are {abs(one.zero):.3f} apart: {one.means}."
    knows, said = _knows(plan), [f"{wording.sentence(note)}." for note in plan.notes]
    yield from (*said, knows) if at_chance(facts, plan.layers) else (knows, *said)
    yield from (_said(choice) for choice in plan.choices if choice.name in FIRST)
    if plan.forecasts:
        yield "\n".join([f"{wording.sentence(foreseen(plan))}:", *map(_forecast, forecasts(plan))])
    rest = [f"  {one.name}={one.value}: {one.why}" for one in plan.choices if one.name not in FIRST]
    yield "\n".join(["The rest:", *rest])
    costs = ", ".join(wording.estimate(*one) for one in plan.estimates.items())
    yield f"I expect {costs}."


FORECAST = ("technique", "gain over a frozen head", "against the plan's", "training", "memory", "parameters trained")


def forecasts(plan: Plan) -> list[list[str]]:
    """A line under FORECAST for each technique: points of macro F1, where one more set would lie, and the costs."""
    return [
        [
            one.technique,
            "0, by definition" if one.technique == forecasting.HEAD else _points(one.gain),
            "the plan's own" if one.technique == plan.settings.technique else _points(one.ahead),
            *(wording.amount(name, one.costs[name]) for name in ("seconds", "memory", "trainable")),
        ]
        for one in plan.forecasts
    ]


def foreseen(plan: Plan) -> str:
    """What the forecasts are; '' where there are none."""
    if not plan.forecasts:
        return ""
    sets = max(one.sets for one in plan.forecasts)
    return (
        f"expected of each technique, in points of macro F1, by {sets} other sets of about this size on the base that "
        "ships, one draw each; in brackets, where one more such set would lie in 95 of 100 cases"
    )


def _points(gain: Score | None) -> str:
    return forecasting.tenths(gain) if gain else f"measured on fewer than {forecasting.FEWEST} sets"


def _knows(plan: Plan) -> str:
    """What a head on the frozen base makes of the task."""
    best, blind = max(plan.layers, key=lambda one: one.value), f"{plan.facts.majority:.3f}"
    probed = shelf.load("objectives", plan.facts.kind).PROBED
    score = f"layer {best.layer} of {plan.facts.layers}, the body frozen, has {probed} {wording.interval(best)}"
    if at_chance(plan.facts, plan.layers):
        return (
            f"The base, {plan.base.name}, is not seen to know any of it: the best head, on {score}, which is no proof "
            f"of more than the {blind} of answering without reading, since it is the best of {len(plan.layers)}."
        )
    return f"The base, {plan.base.name}, knows some of it: a head on {score}; answering without reading has {blind}."


def _forecast(line: Sequence[str]) -> str:
    name, gain, ahead, seconds, memory, _ = line
    return f"  {name}: {gain} over a head on the frozen base; against the plan's own {ahead}; {seconds}, {memory}"


def _said(choice: Choice) -> str:
    """One choice with its reason, its numbers, what was refused, and its source, a line each."""
    lines = [f"{choice.name}={choice.value}: {choice.why}."]
    if choice.evidence:
        lines.append("measured: " + ", ".join(f"{name} {value}" for name, value in choice.evidence.items()))
    lines += [f"not {other}: {why}" for other, why in choice.refused.items()]
    return "\n  ".join([*lines, f"source: {choice.source}"])

"""How many layers stay as they were pretrained: the plan's line, and what it does to the technique."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from afina import shelf
from afina.records import Choice, Facts, LayerScore, Profile, Value
from afina.sources import USERS

FREEZE = "freeze"  # the technique that does it
NEAR = 0.05  # squared MMD; Wikipedia and C4 are 0.01 to 0.03 from the reference, the domains measured 0.06 to 0.37
SAVED = "a quarter to a half of the time"
LOST = "2.2, 0.0 and -0.5 points"  # of accuracy, on three sets that are far


def depth(facts: Facts, profile: Profile, layers: Sequence[LayerScore]) -> Choice:
    """The lower third near general language, which saves time; none far from it, or where layers share their weights.

    By distance alone: no distance was found to tell what training more layers gains (benchmarks/RESULTS.md), and what
    the frozen layers know stands beside it as context.
    """
    measured = next((d for d in profile.distances if d.measure == "embeddings"), None)
    probed = shelf.load("objectives", facts.kind).PROBED
    known = tuple(round(one.value, 4) for one in layers if one.pooling in ("mean", "token"))
    context: dict[str, Value] = {f"context, decides nothing: frozen {probed} of layers 0 to {len(known) - 1}": known}
    if facts.shared:
        return Choice("freeze_layers", 0, "the base's layers share their weights: none can stay alone", context)
    if measured is None:
        return Choice("freeze_layers", 0, "the distance could not be measured: no layer is kept back", context)
    evidence: dict[str, Value] = {"distance": round(measured.value, 4), "95% from": round(measured.low, 4)}
    evidence |= {"95% to": round(measured.high, 4), "near below": NEAR, **context}
    third = _third(facts)
    if measured.high < NEAR:
        why = "a saving of time, chosen by distance alone: the texts are as near as general text is to itself"
        unknown = f"what freezing costs in score is not known for near texts; on three far sets it cost {LOST}"
        return Choice("freeze_layers", third, why, evidence, {"0": f"gives up that saving, {SAVED}; {unknown}"})
    why = "farther from general language than general texts are from each other: no layer is kept back"
    refused = {str(third): f"would save {SAVED}; on three such sets it cost {LOST}"}
    return Choice("freeze_layers", 0, why, evidence, refused)


def beside(name: str, own: Choice, facts: Facts) -> Choice:
    """The line as the technique of that name has it; `own` is what the plan thinks of the depth."""
    if name == FREEZE and not own.value:
        why = "the lower third, since the technique is freeze"
        return replace(own, value=_third(facts), why=why, refused={"0": own.why})
    if name != FREEZE and own.value:
        why = f"the technique is {name}, and freeze alone keeps layers as they are"
        return replace(own, value=0, why=why, refused={f"{own.value}": own.why})
    return own


def asked(own: Choice, given: Mapping[str, Value]) -> Choice | None:
    """The technique that layers named by the user ask for, in the place of the plan's own; None where they ask none."""
    layers = given.get("freeze_layers")
    if not layers or "technique" in given:
        return None
    said = f"freeze_layers={layers}, {USERS}"
    refused = {name: f"{why.partition('; not taken: ')[0]}; not taken: {said}" for name, why in own.refused.items()}
    if own.value != FREEZE:
        refused[f"{own.value}"] = f"the plan's own choice: {own.why}"
    left = {name: why for name, why in refused.items() if name != FREEZE}
    return replace(own, value=FREEZE, why=f"{said}, is what this technique does", refused=left)


def _third(facts: Facts) -> int:
    return max(1, facts.layers // 3)

"""How many layers stay as they were pretrained: the plan's line, and what it does to the technique."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from afina import shelf
from afina.records import Choice, Facts, LayerScore, Profile, Value
from afina.sources import USERS

FREEZE = "freeze"  # the technique that does it
NEAR = 0.05  # squared MMD; Wikipedia and C4 are 0.01 to 0.03 from the reference, the domains measured 0.06 to 0.37


def depth(facts: Facts, profile: Profile, layers: Sequence[LayerScore]) -> Choice:
    """Near general language the lower third serves as it is; far from it, every layer has something to learn.

    None where the layers share their weights.
    """
    measured = next((d for d in profile.distances if d.measure == "embeddings"), None)
    probed = shelf.load("objectives", facts.kind).PROBED
    evidence: dict[str, Value] = {
        f"layer {score.layer}, frozen {probed}": round(score.value, 4)
        for score in layers
        if score.pooling in ("mean", "token")
    }
    if facts.shared:
        return Choice("freeze_layers", 0, "the base's layers share their weights: none can stay alone", evidence)
    if measured is None:
        return Choice("freeze_layers", 0, "the distance could not be measured: all layers are trained", evidence)
    evidence |= {"distance": round(measured.value, 4), "95% from": round(measured.low, 4), "near below": NEAR}
    third = _third(facts)
    if measured.high < NEAR:
        why = "as near as general text is to itself: the lower third is kept"
        return Choice("freeze_layers", third, why, evidence, {"0": "the lower layers already speak this language"})
    why = "farther from general language than general texts are from each other: all layers may adapt"
    refused = {str(third): "freezing the lower third saved a quarter of the time and gained no accuracy when measured"}
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

"""How a plan reads one vector, or two, from the tokens of a text: by what a head on the frozen last layer says."""

from collections.abc import Sequence
from dataclasses import replace

from afina import wording
from afina.records import Choice, LayerScore, Value


def choose(layers: Sequence[LayerScore], sentences: bool) -> Choice:
    """Mean, unless another reading of the last layer is clearly better: its interval above the mean's value.

    Of pairs, texts that are compared come before the first token, and `sentences`, a base made to compare them, does so
    unless the mean is clearly better: what its body does not say of two texts in one go, training did not teach it on
    the sets measured (LOG.md).
    """
    top = {score.pooling: score for score in layers if score.layer == max(s.layer for s in layers)}
    if "token" in top:
        known: dict[str, Value] = {"last layer": round(top["token"].value, 4)}
        return Choice("pooling", "token", "each word is answered for, at its first token", known)
    names = {"mean": "mean", "cls": "cls", "siamese": "texts apart"}
    evidence: dict[str, Value] = {f"{names[one]}, last layer": round(score.value, 4) for one, score in top.items()}
    mean, cls, apart = top["mean"], top["cls"], top.get("siamese")
    if apart and apart.low > mean.value:
        why = "vectors of the two texts, compared, say more of the answer than both texts read in one go"
        return Choice("pooling", "siamese", why, evidence)
    if apart and sentences and mean.low <= apart.value:
        why = "the base is a sentence model, made to compare texts, and both texts in one go say no more to it"
        return Choice("pooling", "siamese", why, evidence)
    if cls.low > mean.value:
        return Choice("pooling", "cls", "the first token says more of the answer than the mean", evidence)
    return Choice("pooling", "mean", "the mean of the tokens says at least as much as the first one", evidence)


def with_others(own: Choice, layers: Sequence[LayerScore]) -> Choice:
    """The choice of a pooling with what the other readings of the last layer were worth."""
    last = [score for score in layers if score.layer == max(s.layer for s in layers)]
    refused = {
        score.pooling: f"{wording.interval(score)} on the last layer, frozen"
        for score in last
        if score.pooling != own.value
    }
    return replace(own, refused=refused)

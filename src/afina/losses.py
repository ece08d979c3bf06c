"""Losses that weigh classes by how rare they are, and answers by how wrong they are.

    classes   L = sum_i w[y_i] (1 - p_i)^g (-ln p_i) / sum_i w[y_i]          p_i the probability of row i's class
    labels    L = mean over rows and labels of w (1 - p_t)^g (-ln p_t)       p_t = p where the label holds, else 1 - p

g = 0 is cross-entropy; a larger g (focal loss) takes weight off what is already right. Weights w[c] are inverse to

    balanced   n_c                          each class counts as much: w[c] = n / (k n_c), as scikit-learn has it
    effective  (1 - b^n_c) / (1 - b)        how many of n_c rows say something new, at most 1 / (1 - b); b = BETA

with a factor that makes a row's weight 1 on average, for n rows in all. Effective weights are between none (b = 0) and
balanced ones (b = 1). The two classes of a label are the rows where it holds and those where not.
Nats. Weights move answers towards the rare: probabilities then are not calibrated to the shares of the data.

Source: Lin et al. 2017, arXiv:1708.02002, equations 4 and 5; King & Zeng 2001, Political Analysis 9(2) (balanced); Cui
et al. 2019, arXiv:1901.05555, theorem 1 (effective; their factor makes the weights of all classes k in sum).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from torch import Tensor

    Loss = Callable[[Tensor, Tensor], Tensor]  # logits, truth -> ()


BETA = 0.99  # of the values of Cui et al. tried here, the best on dev (LOG.md)


class Config(BaseModel, frozen=True, extra="forbid"):
    """What the loss makes of rare classes and of easy answers."""

    class_weights: Literal["none", "balanced", "effective"] = Field(
        default="none",
        description="every row counts the same; balanced lets the rare count as much as the common, effective less so",
    )
    loss: Literal["cross_entropy", "focal"] = Field(
        default="cross_entropy", description="as usual; focal takes weight off what is already right"
    )
    focal_gamma: float = Field(default=2.0, gt=0, le=10, description="that of Lin et al. 2017")

    @property
    def gamma(self) -> float:
        """The exponent g."""
        return self.focal_gamma if self.loss == "focal" else 0.0

    @property
    def plain(self) -> bool:
        """Whether this is what models compute by themselves."""
        return self.class_weights == "none" and not self.gamma


def class_weights(wanted: np.ndarray, classes: int, weighing: str) -> np.ndarray:
    """Weights (classes,) for classes (n,) of the training rows; a class without rows has 0.

    >>> class_weights(np.array([0, 0, 0, 1]), 3, "balanced").round(3)
    array([0.667, 2.   , 0.   ])
    """
    counts = np.bincount(wanted, minlength=classes)
    return np.where(counts > 0, _weights(counts, weighing), 0.0)


def label_weights(wanted: np.ndarray, weighing: str) -> tuple[np.ndarray, np.ndarray]:
    """Weights where a label holds and where not, (labels,) each, for a 0-1 table (n, labels)."""
    found = wanted.sum(0)
    yes, no = _weights(np.stack([found, len(wanted) - found]), weighing)
    return yes, no


def _weights(counts: np.ndarray, weighing: str) -> np.ndarray:
    """Weights of classes with so many rows; they lie along the first axis."""
    some = counts.clip(1).astype(np.float64)
    sizes = {"none": np.ones_like(some), "balanced": some, "effective": (1 - BETA**some) / (1 - BETA)}[weighing]
    weights: np.ndarray = counts.sum(0) / sizes / (counts / sizes).sum(0)
    return weights


def of_classes(config: Config, wanted: np.ndarray, classes: int) -> "Loss":
    """The loss of logits (n, classes) and classes (n,), weighed by the training rows' classes `wanted`."""
    import torch

    weights = torch.from_numpy(class_weights(wanted, classes, config.class_weights)).float()

    def loss(logits: "Tensor", truth: "Tensor") -> "Tensor":
        own = logits.log_softmax(dim=-1).gather(1, truth[:, None])[:, 0]  # ln p_i
        each = weights.to(logits.device)[truth]
        return (each * (1 - own.exp()) ** config.gamma * -own).sum() / each.sum()

    return loss


def of_labels(config: Config, wanted: np.ndarray) -> "Loss":
    """The loss of logits and of a 0-1 table, both (n, labels), weighed by the training rows' table `wanted`."""
    import torch

    yes, no = (torch.from_numpy(weights).float() for weights in label_weights(wanted, config.class_weights))

    def loss(logits: "Tensor", truth: "Tensor") -> "Tensor":
        own = torch.nn.functional.logsigmoid(torch.where(truth > 0, logits, -logits))  # ln p_t
        each = torch.where(truth > 0, yes.to(logits.device), no.to(logits.device))
        return (each * (1 - own.exp()) ** config.gamma * -own).mean()

    return loss

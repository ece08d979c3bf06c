"""Losses that weigh classes by how rare they are, and answers by how wrong they are.

    classes   L = sum_i w[y_i] (1 - p_i)^g (-ln p_i) / sum_i w[y_i]          p_i the probability of row i's class
    labels    L = mean over rows and labels of w (1 - p_t)^g (-ln p_t)       p_t = p where the label holds, else 1 - p

g = 0 is cross-entropy; a larger g (focal loss) takes weight off what is already right. Balanced weights are those of
scikit-learn: w[c] = n / (k n_c) for k classes; of a label n / (2 n_yes) where it holds and n / (2 n_no) where not.
Nats. Weights move answers towards the rare: probabilities then are not calibrated to the shares of the data.

Source: Lin et al. 2017, arXiv:1708.02002, equations 4 and 5; King & Zeng 2001, Political Analysis 9(2) (weights).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from torch import Tensor

    Loss = Callable[[Tensor, Tensor], Tensor]  # logits, truth -> ()


class Config(BaseModel, frozen=True, extra="forbid"):
    """What the loss makes of rare classes and of easy answers."""

    class_weights: Literal["none", "balanced"] = Field(
        default="none", description="every row counts the same; balanced lets the rare count as much as the common"
    )
    loss: Literal["cross_entropy", "focal"] = Field(
        default="cross_entropy", description="as usual; focal takes weight off what is already right"
    )
    focal_gamma: float = Field(default=2.0, gt=0, le=10, description="that of Lin et al. 2017")

    @property
    def balanced(self) -> bool:
        """Whether the rare weigh more."""
        return self.class_weights == "balanced"

    @property
    def gamma(self) -> float:
        """The exponent g."""
        return self.focal_gamma if self.loss == "focal" else 0.0

    @property
    def plain(self) -> bool:
        """Whether this is what models compute by themselves."""
        return not self.balanced and not self.gamma


def class_weights(wanted: np.ndarray, classes: int) -> np.ndarray:
    """Balanced weights (classes,) for classes (n,) of the training rows; a class without rows has 0.

    >>> class_weights(np.array([0, 0, 0, 1]), 3).round(3)
    array([0.667, 2.   , 0.   ])
    """
    counts = np.bincount(wanted, minlength=classes)
    present = int((counts > 0).sum())
    return np.divide(len(wanted), present * counts, out=np.zeros(classes), where=counts > 0)


def label_weights(wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Balanced weights where a label holds and where not, (labels,) each, for a 0-1 table (n, labels)."""
    found = wanted.sum(0).astype(np.float64)
    return len(wanted) / (2 * np.maximum(found, 1)), len(wanted) / (2 * np.maximum(len(wanted) - found, 1))


def of_classes(config: Config, wanted: np.ndarray, classes: int) -> "Loss":
    """The loss of logits (n, classes) and classes (n,), weighed by the training rows' classes `wanted`."""
    import torch

    weights = torch.ones(classes)
    if config.balanced:
        weights = torch.from_numpy(class_weights(wanted, classes)).float()

    def loss(logits: "Tensor", truth: "Tensor") -> "Tensor":
        own = logits.log_softmax(dim=-1).gather(1, truth[:, None])[:, 0]  # ln p_i
        each = weights.to(logits.device)[truth]
        return (each * (1 - own.exp()) ** config.gamma * -own).sum() / each.sum()

    return loss


def of_labels(config: Config, wanted: np.ndarray) -> "Loss":
    """The loss of logits and of a 0-1 table, both (n, labels), weighed by the training rows' table `wanted`."""
    import torch

    yes, no = (torch.ones(wanted.shape[1]) for _ in range(2))
    if config.balanced:
        yes, no = (torch.from_numpy(weights).float() for weights in label_weights(wanted))

    def loss(logits: "Tensor", truth: "Tensor") -> "Tensor":
        own = torch.nn.functional.logsigmoid(torch.where(truth > 0, logits, -logits))  # ln p_t
        each = torch.where(truth > 0, yes.to(logits.device), no.to(logits.device))
        return (each * (1 - own.exp()) ** config.gamma * -own).mean()

    return loss

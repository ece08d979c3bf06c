"""Contrastive tuning for few labels: the body draws texts of one class together, then the head is fitted on it.

    loss(i) = -mean over p of log( exp(z_i z_p / t) / sum over j of exp(z_i z_j / t) )

    z   unit vectors that the last linear layer reads, of the texts of one batch
    p   the other texts of i's class in the batch; a text that is alone of its class is left out
    j   all other texts in the batch;  t  the temperature

Every pair of a batch is used, so that n texts give n * (n - 1) / 2 pairs for n passes. The head learns beside the body
from vectors that are cut off from it: it shapes nothing, and tells after each epoch what the vectors are worth. Where
the run ends, a head fitted in closed form takes its place, if it is better (stages/train.py).
Cost: that of full fine-tuning. Many classes want large batches: below two texts of a class there is nothing to learn.
What it does not do: better than full fine-tuning where labels are plenty; labels that do not exclude each other, or
numbers, for which texts have no one class that they share.
Source: Khosla et al. 2020, "Supervised Contrastive Learning", arXiv:2004.11362, eq. 2; the setting is that of Tunstall
et al. 2022, "Efficient Few-Shot Learning Without Prompts" (SetFit), arXiv:2209.11055, section 3.

Alone, with a plain Trainer:

    contrastive.apply(model, contrastive.Config())
    Trainer(model=model, args=args, train_dataset=rows).train()
    contrastive.merge(model).save_pretrained("out")
"""

from typing import Any

from pydantic import BaseModel, Field

from afina.errors import ConfigError
from afina.records import Facts, Nature, Verdict

NATURE = Nature(starts_at_base=True, merges=True, small=False, refits_head=True, own_loss=True)

SINGLE = "single_label_classification"  # config.problem_type


class Config(BaseModel, frozen=True, extra="forbid"):
    """How sharply near texts are told from nearer ones."""

    temperature: float = Field(default=0.1, gt=0, description="small: only the most alike texts of other classes push")


def apply(model: Any, config: Config) -> Any:
    """Make every parameter trainable, and the loss of a labelled batch the contrastive one; returns the same model.

    Raises ConfigError where a text has no one class.
    """
    import torch

    by_word = type(model).__name__.endswith("ForTokenClassification")
    problem = "token_classification" if by_word else getattr(model.config, "problem_type", None) or SINGLE
    if problem != SINGLE:
        raise ConfigError(
            f"contrastive draws texts of one class together, and the task is {problem}: no text has one class",
            "choose another technique, e.g. technique=full",
        )
    model.requires_grad_(True)
    outside = [m for name, m in model.named_modules() if not name.startswith(model.base_model_prefix)]
    output = [m for m in outside if isinstance(m, torch.nn.Linear)][-1]
    seen: list[Any] = []

    def cut_off(layer: Any, inputs: Any) -> Any:
        seen.append(inputs[0])
        return inputs[0].detach()

    def add(module: Any, inputs: Any, named: dict[str, Any], answer: Any) -> Any:
        vectors, classes = seen.pop(), named.get("labels")
        if classes is not None:
            answer.loss = answer.loss + loss(vectors, classes, config.temperature)
        return answer

    hooks = [output.register_forward_pre_hook(cut_off), model.register_forward_hook(add, with_kwargs=True)]
    model.contrastive_hooks = hooks
    return model


def loss(vectors: Any, classes: Any, temperature: float) -> Any:
    """The mean over texts that are not alone of their class, in nats: (n, width), (n,) -> (); 0 if all are alone."""
    import torch

    z = torch.nn.functional.normalize(vectors.float(), dim=-1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    partners = (classes[:, None] == classes[None, :]) & ~itself  # (n, n)
    logs = (z @ z.T / temperature).masked_fill(itself, -torch.inf).log_softmax(dim=1)
    means = logs.masked_fill(~partners, 0).sum(1) / partners.sum(1).clamp(min=1)  # (n,), 0 for a text that is alone
    return -means.sum() / partners.any(1).sum().clamp(min=1)


def merge(model: Any) -> Any:
    """Give the model its own loss back; nothing else was added."""
    for hook in model.__dict__.pop("contrastive_hooks"):
        hook.remove()
    return model


def suits(facts: Facts, config: Config) -> Verdict:
    """As full fine-tuning: four copies of every weight, and a backward pass of twice the forward one."""
    del config
    trainable = facts.parameters + facts.classes * (facts.hidden + 1)
    return Verdict(
        trainable=trainable,
        memory=16 * trainable,
        seconds_per_row=3 * facts.seconds_per_row,
        fits=facts.kind == "classify" and 2 <= facts.rows_per_class <= 64,
        why="few labels make many pairs, from which the body learns before the head does (Tunstall 2022, 3)",
    )

"""Prompt and prefix tuning: learned vectors stand before the text; the body stays.

    prompt   `tokens` learned token embeddings before the text's own; every layer reads them as it reads words
    prefix   `tokens` learned keys and values in the attention of each layer; stronger, and larger by 2 * layers

Trainable numbers: tokens * hidden, or 2 * layers * tokens * hidden. The head sees the text's own positions alone. The
vectors take positions: a base of 512 reads 512 - tokens. By PEFT, on the bare body, with the head beside it.
What it does not do: start where the base was (any vector before a text changes its answer), merge (the vectors stay,
and cost their share of attention at inference), or reach adapters on small encoders: published replications have
prompt tuning about 10 points below them.
Source: Lester, Al-Rfou & Constant 2021, "The Power of Scale for Parameter-Efficient Prompt Tuning", arXiv:2104.08691;
Li & Liang 2021, "Prefix-Tuning", arXiv:2101.00190.

Alone, with a plain Trainer:

    prompt.apply(model, prompt.Config(tokens=8))
    Trainer(model=model, args=args, train_dataset=rows).train()
"""

from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, Field

from afina.errors import ConfigError
from afina.records import Facts, Nature, Verdict

NATURE = Nature(starts_at_base=False, merges=False, small=True)

PREFIXED = ("bert", "camembert", "electra", "roberta", "xlm-roberta")  # whose attention takes past keys and values


class Config(BaseModel, frozen=True, extra="forbid"):
    """Kind and number of the vectors."""

    kind: Literal["prompt", "prefix"] = Field(default="prompt", description="embeddings before the text, or prefix")
    tokens: int = Field(default=8, ge=1, le=256, description="learned vectors; each takes a position of the text")


def apply(model: Any, config: Config) -> Any:
    """Put the vectors before the text, freeze the body, leave the head trainable; returns the same model.

    Raises ConfigError for a prefix where the architecture's attention takes none.
    """
    from peft import PrefixTuningConfig, PromptTuningConfig, PromptTuningInit, TaskType, get_peft_model

    body = model.base_model
    size = {
        "task_type": TaskType.FEATURE_EXTRACTION,
        "num_virtual_tokens": config.tokens,
        "num_layers": body.config.num_hidden_layers,
        "num_attention_heads": body.config.num_attention_heads,
    }
    if config.kind == "prompt":
        width = body.get_input_embeddings().embedding_dim
        settings = PromptTuningConfig(token_dim=width, prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB, **size)
    elif body.config.model_type in PREFIXED:
        settings = PrefixTuningConfig(token_dim=body.config.hidden_size, **size)
    else:
        raise ConfigError(
            f"the attention of a {body.config.model_type!r} model takes no prefix",
            f"set prompt_kind=prompt, or choose a base of one of these kinds: {', '.join(PREFIXED)}",
        )
    model.requires_grad_(True)
    wrapped = get_peft_model(body, settings)  # freezes the body
    wrapped.__dict__["word_embeddings"] = wrapped._modules.pop("word_embeddings")  # else they are in checkpoints twice
    setattr(model, model.base_model_prefix, wrapped)
    _keep_token_types(wrapped, config.tokens if config.kind == "prompt" else 0)
    if config.kind == "prompt":
        last = body.encoder if getattr(body, "pooler", None) is not None else body  # a pooler must not see the prompt
        last.register_forward_hook(partial(_without_prompt, config.tokens))
    return model


def _without_prompt(tokens: int, layer: Any, inputs: Any, answer: Any) -> Any:
    """The answer at the text's own positions."""
    del layer, inputs
    answer.last_hidden_state = answer.last_hidden_state[:, tokens:]
    return answer


def _keep_token_types(wrapped: Any, before: int) -> None:
    """PEFT drops the token types, which tell the texts of a pair apart: they are led past it, 0 for the prompt."""
    from torch.nn.functional import pad

    waiting: list[Any] = []

    def take(layer: Any, inputs: Any, named: dict[str, Any]) -> Any:
        waiting.append(named.pop("token_type_ids", None))
        return inputs, named

    def give(layer: Any, inputs: Any, named: dict[str, Any]) -> Any:
        types = waiting.pop()
        return inputs, named if types is None else {**named, "token_type_ids": pad(types, (before, 0))}

    wrapped.register_forward_pre_hook(take, with_kwargs=True)
    wrapped.get_base_model().register_forward_pre_hook(give, with_kwargs=True)


def merge(model: Any) -> Any:
    """The vectors stay: returns the same model, whose answers need them."""
    return model


def suits(facts: Facts, config: Config) -> Verdict:
    """Some vectors, or some for each layer; the backward pass goes through the whole body, over longer texts."""
    added = config.tokens * facts.hidden * (1 if config.kind == "prompt" else 2 * facts.layers)
    trainable = added + facts.classes * (facts.hidden + 1)
    return Verdict(
        trainable=trainable,
        memory=4 * facts.parameters + 16 * trainable,
        seconds_per_row=2 * facts.seconds_per_row * (1 + config.tokens / max(facts.tokens, 1)),
        fits=False,
        why=f"trains {trainable / facts.parameters:.2%} of the numbers; small bases gain little (Lester 2021, fig. 1)",
        positions=config.tokens,
    )

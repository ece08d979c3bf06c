"""Language models read in this process, each as a function from questions to answers.

    causal   goes on with the text of a question, or answers it as a chat where its tokenizer has a form for chats
    masked   puts words of its own into the blanks of a text, all at once: one of the most probable whole words, drawn
             by their probability, never the word that stood there or one that the question bars

The same questions and seed give the same answers. Safetensors only, never remote code. Cost: the model in memory; a
pass for each new token of 8 questions, or for 16 texts. What it does not do: put in words of several tokens.
Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", arXiv:1904.09751 (nucleus sampling); Kumar
et al. 2020, arXiv:2003.02245 (both kinds of models as sources of texts).
"""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteriaList

from afina import bases, maskedlm
from afina.bases import Opened
from afina.errors import ConfigError
from afina.records import Answer, Ask, Question

CAUSAL = "AutoModelForCausalLM"
NEW_TOKENS = 128  # of an answer, at most
TOP_P, TEMPERATURE = 0.95, 0.9
LIKELY = 10  # words that a blank is drawn from
SPACED = ("Ġ", "▁")  # begin a token that begins a word, where the tokenizer writes spaces
AT_ONCE = {"causal": 8, "masked": 16}  # questions


def causal(name: str, stop: str, seed: int) -> Ask:
    """The causal model `name`, a folder or a hub id; its answers end at `stop`. Raises ConfigError where it is none."""
    folder = bases.find(name)
    bases.weights(folder, name, CAUSAL)
    tokenizer, model = open_tokenizer(folder, name), _load_causal(folder, name)
    if tokenizer.pad_token is None or model.config.is_encoder_decoder:
        raise ConfigError(f"{name} cannot be used as a causal language model", "name another one")
    positions = int(getattr(model.config, "max_position_embeddings", 0) or 1024)

    def answer(questions: Sequence[Question], number: int) -> list[Answer]:
        torch.manual_seed(seed + number)
        prompts = [_prompt(tokenizer, question) for question in questions]
        most = max(8, positions - NEW_TOKENS)
        batch = tokenizer(prompts, return_tensors="pt", padding=True, truncation=True, max_length=most)
        inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
        drawn = {"do_sample": True, "top_p": TOP_P, "temperature": TEMPERATURE, "top_k": 0}
        start = inputs["input_ids"].shape[1]

        def ended(ids: torch.Tensor, scores: object, **_: object) -> torch.Tensor:
            return torch.tensor([stop in text for text in tokenizer.batch_decode(ids[:, start:])], device=ids.device)

        ends = {"stopping_criteria": StoppingCriteriaList([ended]), "pad_token_id": tokenizer.pad_token_id}
        made = model.generate(**inputs, max_new_tokens=min(NEW_TOKENS, positions // 2), **drawn, **ends)
        return [Answer(text) for text in tokenizer.batch_decode(made[:, start:], skip_special_tokens=True)]

    return _in_batches(answer, AT_ONCE["causal"])


def masked(opened: Opened, seed: int) -> Ask:
    """A masked model. Raises ConfigError where it has no head for masked words."""
    (model, new_head), tokenizer = maskedlm.load(opened.folder), opened.tokenizer
    if new_head or tokenizer.mask_token is None:
        found = f"{opened.record.name} cannot guess words: it has no head for masked ones"
        raise ConfigError(found, "name a masked language model: augment_model=FOLDER or a hub id")
    places, spelt = _whole_words(tokenizer)
    model.eval()

    def answer(questions: Sequence[Question], number: int) -> list[Answer]:
        texts = [_blanked(question, tokenizer.mask_token) for question in questions]
        batch = tokenizer(
            texts, return_tensors="pt", padding=True, truncation=True, max_length=opened.record.max_tokens
        )
        hidden = batch["input_ids"] == tokenizer.mask_token_id
        logits = model.logits_at(hidden, **batch)[:, places].float()  # (masks of all texts, whole words)
        rng = np.random.default_rng((seed, number))
        found = []
        for question, own in zip(questions, torch.split(logits, hidden.sum(1).tolist()), strict=True):
            whole = len(own) == len(question.blanks)  # else the text was cut, or has a mask of its own
            found.append(_filled(question, own, spelt, rng) if whole else Answer("", "longer than the model reads"))
        return found

    return _in_batches(answer, AT_ONCE["masked"])


def _in_batches(answer: Callable[[Sequence[Question], int], list[Answer]], size: int) -> Ask:
    """Batch by batch, without gradients, and without a trace in torch's own generator."""

    def ask(questions: Sequence[Question]) -> list[Answer]:
        found: list[Answer] = []
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            for start in range(0, len(questions), size):
                found += answer(questions[start : start + size], start)
        return found

    return ask


def open_tokenizer(folder: Path, name: str) -> Any:
    """The tokenizer of a causal model. Raises ConfigError where it cannot be opened."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, padding_side="left")
    except Exception as error:  # transformers raises many kinds here
        raise _unusable(error, name) from error
    tokenizer.truncation_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _load_causal(folder: Path, name: str) -> Any:
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
        )
    except Exception as error:
        raise _unusable(error, name) from error
    return model.eval()


def _unusable(error: Exception, name: str) -> ConfigError:
    reason = str(error).partition("\n")[0]
    other = ConfigError(f"{name} cannot be used as a causal language model: {reason}", "name another one")
    return bases.lacking(error, name) or other


def _prompt(tokenizer: Any, question: Question) -> str:
    if not tokenizer.chat_template:
        return question.text
    messages = [{"role": "system", "content": question.rules}, {"role": "user", "content": question.text}]
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def _whole_words(tokenizer: Any) -> tuple[list[int], list[str]]:
    """Ids of the tokens that are whole words of letters, and these words."""
    known = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    spaces = any(token.startswith(SPACED) for token, _ in known)
    special = set(tokenizer.all_special_ids)
    found = [
        (place, tokenizer.decode([place]).strip())
        for token, place in known
        if place not in special and (token.startswith(SPACED) or not spaces)
    ]
    words = [(place, word) for place, word in found if word.isalpha()]
    return [place for place, _ in words], [word for _, word in words]


def _blanked(question: Question, mask: str) -> str:
    text = question.text
    for start, end in reversed(question.blanks):
        text = f"{text[:start]}{mask}{text[end:]}"
    return text


def _filled(question: Question, logits: torch.Tensor, spelt: Sequence[str], rng: np.random.Generator) -> Answer:
    """The text with words drawn for its blanks; a word that began with a capital is replaced by one that does."""
    text = question.text
    for (start, end), row in reversed(list(zip(question.blanks, logits, strict=True))):
        old = text[start:end]
        never = {old.lower(), *question.barred}
        order = row.argsort(descending=True, stable=True).tolist()
        likely = list(islice((place for place in order if spelt[place].lower() not in never), LIKELY))
        if not likely:
            return Answer("", "no other word fits")
        word = spelt[rng.choice(likely, p=row[likely].double().softmax(0).numpy())]
        capital = old[:1].isupper() and (len(old) > 1 or not start)  # "I" inside a text has it for another reason
        text = text[:start] + (word[:1].upper() + word[1:] if capital else word) + text[end:]
    return Answer(text)

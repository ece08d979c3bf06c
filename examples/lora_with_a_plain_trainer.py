"""One technique, without the rest of afina: LoRA on a Hugging Face model, with a Trainer of your own.

python examples/lora_with_a_plain_trainer.py BASE OUT     BASE: a folder or hub id of an encoder
"""

import sys

from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

from afina.techniques import lora

TEXTS = ["my card is lost", "where is my card", "book a visit", "can i book the doctor"] * 8
LABELS = [0, 0, 1, 1] * 8


def main(base: str, out: str) -> None:
    """Train two epochs, merge, and save a model that needs neither PEFT nor afina to load."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoded = tokenizer(TEXTS, padding=True)
    rows = [{**{key: encoded[key][i] for key in encoded}, "labels": label} for i, label in enumerate(LABELS)]

    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=2, dtype="float32")
    lora.apply(model, lora.Config(r=8))
    arguments = TrainingArguments(out, num_train_epochs=2, learning_rate=2e-3, use_cpu=True, save_strategy="no")
    Trainer(model=model, args=arguments, train_dataset=rows).train()
    lora.merge(model).save_pretrained(out)
    tokenizer.save_pretrained(out)
    print(f"merged model in {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])

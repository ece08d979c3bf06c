"""Vocabularies: tokens of a domain in a model's own tokenizer. Each has `reads`, `cut`, `propose`, `merge`, `whole`."""

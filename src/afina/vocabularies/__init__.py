"""Vocabularies: a domain's tokens in a model's own tokenizer.

Each has `reads` (is it of this family), `cut`, `propose`, `tokens` (with the first k), `merge`, `whole` (words only).
"""

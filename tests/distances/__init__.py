"""A package, so that its test_words is not taken for the one of `afina.words`."""

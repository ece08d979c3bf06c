"""Predictors: a saved model as a `Predict` function. Each has `load(folder)`."""

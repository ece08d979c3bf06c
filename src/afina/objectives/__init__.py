"""Objectives: what is learned. Each says how rows become targets, logits answers, and answers scores."""

"""Masks: which connections are kept (Equation 7), held through training, counted, saved."""

"""Templates: their text, structure, parameters and functions."""

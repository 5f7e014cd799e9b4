"""Weights for `secondpass.load("builtin-multilingual")`, in `model/`; README.md is their card."""

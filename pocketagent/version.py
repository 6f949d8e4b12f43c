"""The version of this program; setup.cfg reads it from here."""

VERSION = "0.1.0"

RELEASED = 1_793_491_200
"""Seconds since 1970: a clock that says less is wrong, for there was no such version yet. 2026-11-01."""

"""The version of this program; setup.cfg reads it from here."""

VERSION = "0.1.0"

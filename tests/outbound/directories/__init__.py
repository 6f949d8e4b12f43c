"""Tests of the directories, on real ones."""

"""Tests of the agent as a process: a CLI that is scripted, under the real supervisor."""

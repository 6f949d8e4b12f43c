"""Tests of `pocketagent`, in the same rooms as what they test."""

"""Tests of `pocketagent`, in the same rooms as what they test."""

from hypothesis import HealthCheck, settings

# How fast a machine makes examples, with others at work on it, is no matter of what they are examples of.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

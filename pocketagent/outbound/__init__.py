"""Adapters that we call. Each implements ports; none knows the services."""

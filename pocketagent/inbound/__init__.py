"""Adapters that call us: the one port with its HTTP and its WebSockets."""

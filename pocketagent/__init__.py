"""Pocket Agent Server: several people drive the Claude CLI on one machine, together."""

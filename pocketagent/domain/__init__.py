"""The ground: values and rules. No I/O, no Deferreds, no JSON, no framework."""

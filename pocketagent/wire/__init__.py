"""Languages: bytes to values and back. No I/O at all."""

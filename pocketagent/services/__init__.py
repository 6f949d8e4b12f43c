"""What the program does: the use cases. Knows the domain and the ports; awaits."""

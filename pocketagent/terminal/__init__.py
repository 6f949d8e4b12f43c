"""The terminal client: a conversation with the agents of a server, in a terminal."""

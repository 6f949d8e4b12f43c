"""The whole server as its users meet it: real sockets, the real CLI, real processes."""

"""The Claude CLI as a process: found, started under a supervisor, talked to, and ended with all that it started."""

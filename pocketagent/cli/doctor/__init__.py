"""`pocketagent doctor`: whether a server could run here, and what to do where it could not."""

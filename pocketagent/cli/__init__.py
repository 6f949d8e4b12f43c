"""The `pocketagent` command: what a person does at a prompt, beside a running server or without one."""

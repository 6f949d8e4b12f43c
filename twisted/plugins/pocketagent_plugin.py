"""What `twistd` finds: the name of the command and the module that is imported when it is chosen."""

from twisted.application.service import ServiceMaker

pocketagent = ServiceMaker(
    "Pocket Agent Server",
    "pocketagent.tap",
    "Several people drive the Claude CLI on this machine, together, over TLS.",
    "pocketagent",
)

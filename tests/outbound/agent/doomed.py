"""A server that is going to be killed: it starts an agent in the given folder, tells what is alive, and waits.

`python -m tests.outbound.agent.doomed FOLDER`; FOLDER has `claude`, `home` and `project`. Its one line on stdout are
pids: the agent's, its supervisor's, and those of a child, a daemon and a daemon that holds the agent's output.
"""

import os
import sys
from pathlib import Path
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from pocketagent.domain.agent import Launch, LaunchOptions, PermissionMode
from pocketagent.outbound.agent.claude import Claude
from tests.fakes import NoThreads
from tests.outbound.agent.scripted import Listener


async def main(reactor: object, folder: str) -> None:
    project = Path(folder, "project")
    found = project.stat()
    claude = Claude(
        reactor=reactor,  # type: ignore[arg-type]
        threads=NoThreads(),
        path=str(Path(folder, "claude")),
        ours={"HOME": str(Path(folder, "home")), "PATH": "/usr/bin:/bin"},
        scratch=str(Path(folder, "scratch")),
    )
    launch = Launch(
        run_id=str(uuid4()),
        project_id=str(uuid4()),
        path=str(project),
        identity=(found.st_dev, found.st_ino),
        session_id=str(uuid4()),
        resume=False,
        trusted=True,
        options=LaunchOptions(),
    )
    listener = Listener()
    run = await claude.start(launch, listener)
    script = "stubborn:\ndump:\nchild:\ndaemon:\nheir:\nhang:"
    await run.prompt(str(uuid4()), script, None, PermissionMode.DEFAULT, ())
    await listener.until(lambda: len(listener.all(type="offspring")) == 3)
    (dump,) = listener.all(type="dump")
    pids = [dump["pid"], dump["ppid"], *(each["pid"] for each in listener.all(type="offspring"))]
    os.write(1, " ".join(map(str, pids)).encode() + b"\n")
    await Deferred[None]()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, sys.argv[1])))

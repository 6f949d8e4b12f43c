"""Looking back: the last 100 messages of many and of few, and the list of all projects; over TLS, at the client."""

import json
import time
from collections.abc import Sequence
from statistics import median

from benchmarks.contenders import Ours, project_of
from benchmarks.figures import Figure, note

MANY, FEW = 1_000_000, 1_000
PROJECTS = 100
TRIES = 200


def measure() -> Sequence[Figure]:
    ours = Ours.start("--requests-per-second=100000")
    try:
        return [*_last_hundred(ours), *_list(ours)]
    finally:
        ours.stop()


def _last_hundred(ours: Ours) -> Sequence[Figure]:
    few = project_of(ours.client.request("project_create", path=str(ours.house.project("few"))))
    _fill(ours, few, FEW)
    began = time.monotonic()
    _fill(ours, ours.project_id, MANY)
    note(f"{MANY:,} messages were said and kept in {time.monotonic() - began:.1f} s, with nobody listening")
    took: dict[str, list[float]] = {"many": [], "few": []}
    for _ in range(TRIES):
        for name, project_id in (("many", ours.project_id), ("few", few)):
            took[name].append(_ask(ours, "get_messages", project_id=project_id, limit=100))
    many, less = median(took["many"]), median(took["few"])
    return [
        Figure(f"last 100 of {MANY:,} messages", "ms", many, less, f"of {FEW:,}", 2.0, "less"),
        Figure(f"last 100 of {MANY:,} messages, alone", "ms", many, goal=5.0, better="less"),
    ]


def _list(ours: Ours) -> Sequence[Figure]:
    for number in range(PROJECTS - 2):
        ours.client.request("project_create", path=str(ours.house.project(f"p{number}")))
    took = median(_ask(ours, "project_list") for _ in range(TRIES))
    return [Figure(f"project_list of {PROJECTS} projects", "ms", took, goal=10.0, better="less")]


def _fill(ours: Ours, project_id: str, lines: int) -> None:
    """Let the child say so many lines, and see that the journal has them."""
    prompt = f"lines: {lines} 300"
    ours.client.request("execute", project_id=project_id, prompt=prompt, options={"timeout": 600})
    end = time.monotonic() + 300
    while (project := _project(ours, project_id))["state"] == "EXECUTING":
        if time.monotonic() > end:
            raise RuntimeError(f"{lines} lines were not said within 300 s")
        time.sleep(0.1)
    if project["state"] != "IDLE" or int(str(project["head_seq"])) < lines:
        raise RuntimeError(f"{lines} lines were to be kept, and the project says {project}")


def _project(ours: Ours, project_id: str) -> dict[str, object]:
    listed = ours.client.request("project_list")["data"]
    assert isinstance(listed, dict)
    found: dict[str, object] = next(one for one in listed["projects"] if one["id"] == project_id)
    return found


def _ask(ours: Ours, type: str, **data: object) -> float:
    """Milliseconds from sending a request to having read the whole answer."""
    request = json.dumps({"type": type, "request_id": "r", "data": data})
    began = time.perf_counter()
    ours.client.socket.send(request)
    ours.client.socket.recv(30)
    return (time.perf_counter() - began) * 1e3

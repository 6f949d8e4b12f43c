"""What the server adds to a prompt when the CLI is warm: from the client's request to the child having read it."""

import time
from collections.abc import Sequence
from statistics import median

from benchmarks.contenders import Ours
from benchmarks.figures import Figure

PROMPTS = 50


def measure() -> Sequence[Figure]:
    ours = Ours.start()
    try:
        ours.client.join(ours.project_id)
        took = [_prompt(ours) for _ in range(PROMPTS + 5)][5:]
    finally:
        ours.stop()
    whole, after = (median(one[part] for one in took) for part in (0, 1))
    return [
        Figure("a prompt, from the client's request to the child's stdin", "ms", whole, better="less"),
        Figure(
            "a prompt, from accepted (as the client hears it) to the child's stdin",
            "ms",
            after,
            goal=5.0,
            better="less",
        ),
    ]


def _prompt(ours: Ours) -> tuple[float, float]:
    """Milliseconds until the child has read a prompt: since the request, and since the client heard it accepted."""
    client = ours.client
    began = time.monotonic_ns()
    client.request("execute", project_id=ours.project_id, prompt="stamp:")
    accepted = time.monotonic_ns()
    said = client.wait_for(lambda message: _is_stamp(message.get("data")))["data"]
    client.wait_for_state(ours.project_id, "IDLE")
    assert isinstance(said, dict)
    heard = said["heard"]
    return (heard - began) / 1e6, max(0.0, (heard - accepted) / 1e6)


def _is_stamp(data: object) -> bool:
    return isinstance(data, dict) and data.get("type") == "stamp"

"""A disk that is full or read-only: nothing told is lost, nothing is half-written, and it goes on by itself."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from attrs import define

from tests.end_to_end.client import DEADLINE, Client, Message, Refused, wait_until
from tests.end_to_end.house import HouseTestCase
from tests.end_to_end.test_turns import begin, data_of

SIZE = 300 * 1024 * 1024
"""Bytes: enough to be called healthy."""
FILLER = "filler"


@define(eq=False)
class SmallDisk:
    """A file system in memory that only this test and its server see (a mount namespace, kept by a process)."""

    _holder: "subprocess.Popen[bytes]"
    _place: Path

    @classmethod
    def mounted(cls, place: Path) -> "SmallDisk":
        """Raises OSError where this machine does not let us."""
        place.mkdir(mode=0o700)
        mount = f"mount -t tmpfs -o size={SIZE},mode=0700 tmpfs '{place}' && echo mounted && exec cat"
        holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", mount],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        disk = cls(holder, place)
        assert holder.stdout is not None
        if holder.stdout.readline() != b"mounted\n":
            disk.close()
            raise OSError("no mount")
        return disk

    @property
    def inside(self) -> list[str]:
        """Words before a command that is to see it."""
        return ["nsenter", f"--target={self._holder.pid}", "--mount"]

    @property
    def path(self) -> Path:
        """It, as seen from outside."""
        return Path(f"/proc/{self._holder.pid}/root{self._place}")

    def fill(self) -> None:
        """To the last byte, against whoever writes at the same time."""
        with (self.path / FILLER).open("ab", buffering=0) as file:
            # Most of it at once; on a busy machine others take more meanwhile than a little.
            for left in (64, 2048, 16384):
                found = os.statvfs(self.path)
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail - left) * found.f_bsize)
                    break
            for size in (65536, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size):
                        pass

    def free(self) -> None:
        (self.path / FILLER).unlink()

    def remount(self, how: str) -> None:
        """`how`: ro or rw."""
        words = ["mount", "-o", f"remount,{how}", str(self._place)]
        subprocess.run([*self.inside, *words], check=True, timeout=DEADLINE)

    def close(self) -> None:
        for pipe in (self._holder.stdin, self._holder.stdout):
            if pipe is not None:
                pipe.close()
        self._holder.wait(DEADLINE)


class DiskTestCase(HouseTestCase):
    complaints = ("StorageUnavailable",)

    def setUp(self) -> None:
        self.inhabited = self.house("--warm-time=0", start=False)
        if shutil.which("unshare") is None or shutil.which("nsenter") is None:
            self.skipTest("unshare and nsenter are not installed (util-linux)")
        try:
            self.disk = SmallDisk.mounted(self.inhabited.data_dir)
        except OSError:
            # In a user namespace root's files would belong to nobody, and the server would not start such a CLI.
            self.skipTest("only root can mount a small disk, and not in every container")
        self.addCleanup(self.disk.close)
        self.inhabited.wrapper = self.disk.inside
        self.inhabited.start()
        self.addCleanup(self.inhabited.stop)
        self.one = self.client(self.inhabited)

    def code(self, client: Client, type: str, **data: object) -> object:
        """The code with which a request is refused; None when it is not."""
        try:
            client.request(type, **data)
        except Refused as refused:
            return refused.code
        return None

    def check_log(self, project_id: str) -> None:
        """Every number that came stands in the journal, with what came, and none is missing."""
        events = self.one.events(project_id)
        seqs = [int(str(event["seq"])) for event in events]
        self.assertEqual(seqs, list(range(seqs[0], seqs[0] + len(seqs))))
        kept = {one["seq"]: one["message"] for one in self.one.history(project_id)}
        self.assertEqual(len(kept), seqs[-1])
        self.assertTrue(all(kept[event["seq"]] == event["data"] for event in events))


def _unnumbered(type: str) -> "_Is":
    return _Is(type, False)


def _numbered(type: str) -> "_Is":
    return _Is(type, True)


@define
class _Is:
    type: str
    numbered: bool

    def __call__(self, message: Message) -> bool:
        return message["type"] == self.type and ("seq" in message) is self.numbered and "request_id" not in message


class FullDiskTests(DiskTestCase):
    def test_full_in_the_middle_of_a_turn(self) -> None:
        """ST-03: the execution is stopped and told so without numbers; once there is room all of it is numbered."""
        project_id = begin(self.one, self.inhabited, "one")
        other_id = begin(self.one, self.inhabited, "two")
        self.one.request("execute", project_id=project_id, prompt="child:\nlines: 100000 500 1000")
        for _ in range(50):
            self.one.wait_for(_numbered("agent_message"))
        self.disk.fill()
        error = data_of(self.one.wait_for(_unnumbered("error")))
        self.assertEqual(error["code"], "STORAGE_UNAVAILABLE")
        state = data_of(self.one.wait_for(_unnumbered("project_state")))
        self.assertEqual((state["state"], state["error"]["code"]), ("ERROR", "STORAGE_UNAVAILABLE"))  # type: ignore[index]
        wait_until(lambda: not self.inhabited.children(), "the execution is stopped")

        for type, data in (
            ("execute", {"project_id": project_id, "prompt": "say: x"}),
            ("execute", {"project_id": other_id, "prompt": "say: x"}),
            ("project_create", {"path": str(self.inhabited.project("three"))}),
            ("project_update", {"project_id": other_id, "name": "renamed"}),
        ):
            self.assertEqual(self.code(self.one, type, **data), "STORAGE_UNAVAILABLE", type)
        health = data_of(self.one.request("health_check"))
        self.assertIn(health["status"], ("degraded", "unhealthy"))
        projects = data_of(self.one.request("project_list"))["projects"]
        self.assertEqual([one["name"] for one in projects], ["one", "two"])  # type: ignore[attr-defined]
        self.assertTrue(self.one.history(project_id))

        self.disk.free()
        error = data_of(self.one.wait_for(_numbered("error")))
        self.assertEqual(error["code"], "STORAGE_UNAVAILABLE")
        self.one.wait_for_state(project_id, "ERROR")
        for project in (project_id, other_id):
            self.one.request("execute", project_id=project, prompt="say: on")
            self.one.wait_for_state(project, "EXECUTING")
            self.assertEqual(data_of(self.one.wait_for_state(project, "IDLE", "ERROR"))["state"], "IDLE")
            self.check_log(project)
        self.assertEqual(data_of(self.one.request("health_check"))["status"], "healthy")

    def test_killed_while_it_is_full(self) -> None:
        """ST-04: a server that died on a full disk starts on it, tells what it knows, and goes on by itself."""
        token = self.inhabited.token()
        project_id = begin(self.one, self.inhabited, "one")
        self.one.request("execute", project_id=project_id, prompt="lines: 100000 500 1000")
        for _ in range(50):
            self.one.wait_for(_numbered("agent_message"))
        self.disk.fill()
        self.one.wait_for(_unnumbered("error"))
        told = self.one.events(project_id)
        self.inhabited.stop(signal.SIGKILL)
        self.inhabited.start(ready=False)
        self.one = self.client(self.inhabited, token)
        self.one.join(project_id, after_seq=0)
        self.disk.free()
        self.one.wait_for_state(project_id, "ERROR")
        self.assertEqual(self.one.events(project_id)[: len(told)], told)
        self.one.request("execute", project_id=project_id, prompt="say: on")
        self.one.wait_for_state(project_id, "EXECUTING")
        self.assertEqual(data_of(self.one.wait_for_state(project_id, "IDLE", "ERROR"))["state"], "IDLE")
        self.check_log(project_id)

    def test_no_half_record(self) -> None:
        """ST-03: at every moment the log on disk is whole lines, but for the one that is being written."""
        project_id = begin(self.one, self.inhabited, "one")
        for _ in range(3):
            self.one.request("execute", project_id=project_id, prompt="lines: 100000 3000 500")
            self.one.wait_for(_numbered("agent_message"))
            self.disk.fill()
            self.one.wait_for(_unnumbered("error"))
            (log,) = self.disk.path.glob("projects/*/logs/*.jsonl")
            for line in log.read_bytes().splitlines(keepends=True):
                self.assertTrue(line.endswith(b"\n"))
                json.loads(line)
            self.disk.free()
            self.one.wait_for_state(project_id, "ERROR")
        self.check_log(project_id)


class ReadOnlyDiskTests(DiskTestCase):
    def test_read_only_from_the_start(self) -> None:
        """ST-06: a server does not start on a read-only directory, and says so on one line."""
        self.inhabited.stop()
        self.disk.remount("ro")
        before = len(self.inhabited.log)
        self.inhabited.launch()
        self.assertEqual(self.inhabited.wait(), 1)
        said = self.inhabited.log[before:]
        self.assertEqual(said.count("\n"), 1, said)
        self.assertIn("pocketagent: ", said)
        self.disk.remount("rw")

"""A house that test after test uses, where none is about its start, its settings or its end.

    def setUp(self) -> None:
        shared = SharedHouse.lent(self)
        self.inhabited = shared.house

A start costs more than most tests. So each process of the tests has one house with the scripted CLI and one with the
real CLI (and one more for each choice of options), from the first test that wants it to the end of the process. A test
finds it without projects, devices and files, and what it has made is taken away after it. One that was stopped, or
cannot be tidied, gives way to a new one.
"""

import atexit
import contextlib
import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path

from attrs import define

from tests.end_to_end.client import Client, Refused, wait_until
from tests.end_to_end.house import SCRIPTED_CLI, House, HouseTestCase, Model

GENEROUS = "--wrong-credentials-per-address=1000"
"""Wrong credentials are counted by the minute: what one test has shown is not to be held against the next."""


@define(eq=False)
class SharedHouse:
    """`model`: what the real CLI talks to."""

    house: House
    _model: Model | None

    @property
    def model(self) -> Model:
        assert self._model is not None
        return self._model

    @classmethod
    def lent(cls, test: HouseTestCase, *options: str, real: bool = False) -> "SharedHouse":
        """For one test, until its end. `options`: more of twistd's command line; `real`: with the real CLI; skips the
        test where there is none."""
        claude = test.real_cli() if real else SCRIPTED_CLI
        found = _open.get((claude, options))
        if found is None:
            found = _open[claude, options] = cls._opened(claude, options, Model.start() if real else None)
        test.addCleanup(found._take_back, test, (claude, options))
        return found

    @classmethod
    def _opened(cls, claude: Path, options: Sequence[str], model: Model | None) -> "SharedHouse":
        environment = model.environment if model else {}
        directory = Path(f"shared-{next(_numbers)}")
        found = cls(House.new(directory, GENEROUS, *options, claude=claude, environment=environment), model)
        found.house.start()
        return found

    def _take_back(self, test: HouseTestCase, kind: "_Kind") -> None:
        is_good = False
        try:
            if self.house.is_up:
                self._tidy()
                is_good = True
        finally:
            if not is_good:
                del _open[kind]
                self._close()
            left = self.house.end_children()
        test.assertEqual(left, {}, "processes were left behind")
        test.assertEqual(self.house.errors(test.complaints), [], "the server logged errors")

    def _tidy(self) -> None:
        with contextlib.closing(self.house.connect()) as client:
            data = client.request("project_list")["data"]
            assert isinstance(data, dict)
            for project in data["projects"]:
                wait_until(lambda p=project: self._is_deleted(client, p["id"]), "a project is deleted")  # type: ignore[misc]
        for path in self.house.home.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        for path in (self.house.data_dir / "devices").iterdir():
            path.unlink()
        if self._model is not None:
            self._model.forget()

    def _is_deleted(self, client: Client, project_id: str) -> bool:
        with contextlib.suppress(Refused):
            client.request("agent_kill", project_id=project_id)
        try:
            client.request("project_delete", project_id=project_id)
        except Refused as refused:
            return refused.code == "PROJECT_NOT_FOUND"
        return True

    def _close(self) -> None:
        self.house.stop()
        self.house.kept.close()
        if self._model is not None:
            self._model.stop()


_Kind = tuple[Path, tuple[str, ...]]
"""The CLI, and the options."""
_open: dict[_Kind, SharedHouse] = {}
_numbers = itertools.count(1)


@atexit.register
def _close_all() -> None:
    for one in _open.values():
        one._close()
        one.house.end_children()

"""Who watches the list of projects hears the newest state of each, at most once a second."""

from pocketagent.domain.agent import Behavior, PermissionAsked, Spoken
from pocketagent.domain.commands import AnswerPermission, DeleteProject, ListProjects, RemoveFromQueue, UpdateProject
from tests.services.workshop import FakeConnection, WorkshopCase


class WatchingTests(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()
        self.watcher = self.shop.connect()
        self.ask(ListProjects(subscribe=True), self.watcher)

    def change(self, name: str, project_id: str | None = None) -> None:
        self.ask(UpdateProject(project_id=project_id or self.project_id, name=name))
        self.shop.clock.advance(0)

    def names(self, watcher: FakeConnection | None = None) -> list[object]:
        """What was told since this was asked last."""
        told = (watcher or self.watcher).sent
        names: list[object] = []
        for message in told:
            self.assertEqual(message["type"], "project_state")
            self.assertNotIn("seq", message)
            data = message["data"]
            assert isinstance(data, dict)
            names.append(data["name"])
        told.clear()
        return names

    def test_once_a_second(self) -> None:
        """The first change is told at once, those within a second together and with the newest state."""
        self.change("1")
        self.assertEqual(self.names(), ["1"])
        self.change("2")
        self.change("3")
        self.shop.clock.advance(0.9)
        self.assertEqual(self.names(), [])
        self.shop.clock.advance(0.1)
        self.assertEqual(self.names(), ["3"])
        self.shop.clock.advance(10)
        self.assertEqual(self.names(), [])

    def test_each_project_for_itself(self) -> None:
        """One busy project does not hold back the news of another."""
        other = self.project("/other")
        self.names()
        self.change("1")
        self.change("a", other)
        self.assertEqual(self.names(), ["1", "a"])

    def test_every_kind_of_change(self) -> None:
        """The state of a turn is such a change; a subscription to the project is not needed for it."""
        self.execute(self.project_id)
        self.turn()
        self.shop.clock.advance(1)
        (message,) = self.watcher.sent
        data = message["data"]
        assert isinstance(data, dict)
        self.assertEqual((data["state"], data["head_seq"]), ("IDLE", 7))
        self.assertEqual(self.watcher.batches, [])

    def test_questions_and_queue(self) -> None:
        """A question that is open or answered, and a prompt that waits, are such changes although the state stays."""

        def told() -> list[tuple[object, int]]:
            self.shop.clock.advance(1)
            found = []
            for message in self.watcher.sent:
                data = message["data"]
                assert isinstance(data, dict)
                found.append((data["pending_permissions"], len(data["queued"])))
            self.watcher.sent.clear()
            return found

        self.execute(self.project_id)
        told()
        self.run_.says(PermissionAsked("q", b'{"tool_name":"Bash","input":{}}'))
        self.assertEqual(told(), [(1, 0)])
        self.ask(AnswerPermission(project_id=self.project_id, permission_id="q", behavior=Behavior.ALLOW))
        self.assertEqual(told(), [(0, 0)])
        waiting = self.execute(self.project_id, "two", queue=True)
        self.assertEqual(told(), [(0, 1)])
        self.ask(RemoveFromQueue(project_id=self.project_id, execution_id=waiting.execution_id))
        self.assertEqual(told(), [(0, 0)])
        self.run_.says(Spoken(b'{"type":"assistant"}'))
        self.assertEqual(told(), [])

    def test_no_longer(self) -> None:
        """Who asks for an end of it, or goes, hears nothing more; asking for the list alone changes nothing."""
        going = self.shop.connect()
        self.ask(ListProjects(subscribe=True), going)
        self.ask(ListProjects(), self.watcher)
        self.change("1")
        self.assertEqual((self.names(), self.names(going)), (["1"], ["1"]))
        self.ask(ListProjects(subscribe=False), self.watcher)
        self.shop.services.subscriptions.depart(going)
        self.shop.clock.advance(1)
        self.change("2")
        self.assertEqual((self.names(), self.names(going)), ([], []))

    def test_asked_twice(self) -> None:
        """Who asks twice is told once."""
        self.ask(ListProjects(subscribe=True), self.watcher)
        self.change("1")
        self.assertEqual(self.names(), ["1"])

    def test_behind(self) -> None:
        """Who is behind hears the newest state once there is room again, and so not twice within a second."""
        other = self.shop.connect()
        self.ask(ListProjects(subscribe=True), other)
        self.watcher.is_behind = True
        self.change("1")
        self.shop.clock.advance(1)
        self.change("2")
        self.assertEqual((self.names(), self.names(other)), ([], ["1", "2"]))
        self.shop.clock.advance(0.9)
        self.watcher.is_behind = False
        self.shop.services.subscriptions.drained(self.watcher)
        self.assertEqual(self.names(), ["2"])
        self.shop.clock.advance(0.1)
        self.change("3")
        self.assertEqual(self.names(), [])
        self.shop.clock.advance(0.9)
        self.assertEqual((self.names(), self.names(other)), (["3"], ["3"]))

    def test_behind_and_due(self) -> None:
        """Where the next news is due anyway, who has room again hears that, and once."""
        self.watcher.is_behind = True
        self.change("1")
        self.change("2")
        self.watcher.is_behind = False
        self.shop.services.subscriptions.drained(self.watcher)
        self.assertEqual(self.names(), [])
        self.shop.clock.advance(1)
        self.assertEqual(self.names(), ["2"])
        self.shop.services.subscriptions.drained(self.watcher)
        self.assertEqual(self.names(), [])

    def test_deleted(self) -> None:
        """Nothing is told of a project any more that was deleted, also where it was due or missed."""
        self.watcher.is_behind = True
        self.change("1")
        self.change("2")
        self.ask(DeleteProject(project_id=self.project_id))
        self.watcher.is_behind = False
        self.shop.services.subscriptions.drained(self.watcher)
        self.shop.clock.advance(5)
        self.assertEqual([message["type"] for message in self.watcher.sent], ["project_deleted"])
        self.assertEqual(self.shop.services.watching._told_at, {})

    def test_stop(self) -> None:
        """A server that stops leaves no timer."""
        self.change("1")
        self.change("2")
        self.shop.services.stop()
        self.assertEqual(self.shop.clock.getDelayedCalls(), [])

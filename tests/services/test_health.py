"""What is well and what is not, with a reason; and the figures, which cost nobody anything."""

from twisted.internet.defer import Deferred

from pocketagent.domain.access import Scope
from pocketagent.domain.agent import BackgroundTasks, PermissionMode, Spoken
from pocketagent.domain.commands import CheckHealth, GetAgentInfo, GetStats
from pocketagent.domain.refusals import Code
from pocketagent.domain.replies import AgentInfo, Condition, HealthStatus, ServerStats
from tests.services.workshop import FakeConnection, Workshop, WorkshopCase, bounds, done


class CheckTests(WorkshopCase):
    def check(self) -> HealthStatus:
        reply = self.ask(CheckHealth())
        assert isinstance(reply, HealthStatus)
        return reply

    def only(self, name: str, condition: Condition) -> str:
        """The reason of the one check that is not well; the whole is as bad as that."""
        status = self.check()
        self.assertEqual(status.status, condition)
        self.assertEqual(
            {check: found.status for check, found in status.checks.items() if found.status is not Condition.HEALTHY},
            {name: condition},
        )
        reason = status.checks[name].reason
        assert reason is not None
        return reason

    def test_well(self) -> None:
        """A server that is well says so of each of its parts."""
        status = self.check()
        self.assertEqual(status.status, Condition.HEALTHY)
        self.assertEqual(set(status.checks), {"audit", "claude", "data", "disk", "devices", "journals", "reactor"})
        self.assertEqual({found.reason for found in status.checks.values()}, {None})

    def test_details(self) -> None:
        """Also where all is well it is said what was found: the CLI's version, the room, the delay, and what others
        have to say."""
        self.shop.faults["certificate"] = lambda: ""
        self.shop.services.health.details["certificate"] = lambda: "397 days left"
        self.shop.host.free = 3 * 2**29
        details = {name: found.detail for name, found in self.check().checks.items() if found.detail}
        self.assertEqual(
            details,
            {"claude": "2.1.330", "disk": "1.5 GiB free", "reactor": "0 ms late", "certificate": "397 days left"},
        )

    def test_hangs(self) -> None:
        """AD-08: the data directory and its disk are asked at once, so that both are given up in less than a second."""
        host = self.shop.host
        hanging: list[Deferred[None]] = []

        async def hang() -> None:
            hanging.append(Deferred())
            await hanging[-1]

        host.hangs = hang
        answer = self.asking(CheckHealth())
        self.assertEqual(len(hanging), 2)
        host.free = host.fault = None
        for one in hanging:
            one.callback(None)
        (status,) = self.successResultOf(answer)
        assert isinstance(status, HealthStatus)
        self.assertIs(status.status, Condition.UNHEALTHY)

    def test_claude(self) -> None:
        """Without the CLI the server can still show history."""
        self.shop.agent.fault = "The Claude CLI was not found."
        self.assertIn("Claude CLI", self.only("claude", Condition.DEGRADED))

    def test_disk(self) -> None:
        """A disk that fills up is degraded, a full one or one that does not answer unhealthy."""
        for free, condition in (
            (255 * 2**20, Condition.DEGRADED),
            (16 * 2**20, Condition.DEGRADED),
            (15 * 2**20, Condition.UNHEALTHY),
            (0, Condition.UNHEALTHY),
            (None, Condition.UNHEALTHY),
        ):
            self.shop.host.free = free
            self.only("disk", condition)
        self.shop.host.free = 256 * 2**20
        self.assertEqual(self.check().status, Condition.HEALTHY)

    def test_data(self) -> None:
        """A data directory that cannot be used, or does not answer, is unhealthy."""
        for fault in ("The data directory is gone.", None):
            self.shop.host.fault = fault
            self.assertIn("The data directory", self.only("data", Condition.UNHEALTHY))

    def test_journals(self) -> None:
        """A journal that cannot be written is unhealthy until what is owed is kept."""
        project_id = self.project()
        self.execute(project_id)
        self.shop.journals.fails = True
        self.run_.says(Spoken(b"{}"))
        self.assertIn("1 journals", self.only("journals", Condition.UNHEALTHY))
        self.shop.journals.fails = False
        self.shop.clock.advance(1)
        self.assertEqual(self.check().status, Condition.HEALTHY)
        self.run_.dies(None, 9)

    def test_devices(self) -> None:
        """Devices that cannot be read are unhealthy: nobody new can come in."""
        self.successResultOf(done(self.shop.services.access.start()))
        self.shop.devices.broken = True
        self.shop.clock.advance(0.4)
        self.only("devices", Condition.UNHEALTHY)
        self.shop.services.stop()

    def test_reactor(self) -> None:
        """A reactor that comes too late to its beat is degraded, and well again at the next good beat."""
        self.shop.services.start()
        self.shop.clock.advance(1)
        self.shop.clock.advance(2.5)
        self.assertIn("1500 ms", self.only("reactor", Condition.DEGRADED))
        self.shop.clock.advance(0.5)
        self.shop.clock.advance(1)
        self.assertEqual(self.check().status, Condition.HEALTHY)
        self.shop.services.stop()

    def test_faults_of_others(self) -> None:
        """Other parts say of themselves what is wrong."""
        said = ""
        self.shop.faults["certificate"] = lambda: said
        self.assertEqual(self.check().checks["certificate"].status, Condition.HEALTHY)
        said = "It ends tomorrow."
        self.assertEqual(self.only("certificate", Condition.DEGRADED), said)

    def test_the_worst_counts(self) -> None:
        """The whole is as well as its worst part."""
        self.shop.agent.fault = "It is too old."
        self.shop.host.free = None
        self.assertEqual(self.check().status, Condition.UNHEALTHY)


class InfoTests(WorkshopCase):
    def info(self, project_id: str | None = None) -> AgentInfo:
        reply = self.ask(GetAgentInfo(project_id=project_id))
        assert isinstance(reply, AgentInfo)
        return reply

    def test_never_starts_one(self) -> None:
        """Where no CLI has run yet what only it could say is null; it is never started for that."""
        project_id = self.project()
        for info in (self.info(), self.info(project_id)):
            self.assertEqual((info.available, info.version, info.models, info.commands), (True, "2.1.330", None, None))
        self.assertEqual(self.shop.agent.runs, [])

    def test_the_permission_modes_that_may_be_chosen(self) -> None:
        """All of the CLI's are told, but bypassing permissions only where the server allows that."""
        for allowed in (False, True):
            self.shop = Workshop(bounds=bounds(allow_bypass=allowed))
            told = self.info().permission_modes
            self.assertEqual(set(PermissionMode) - set(told), set() if allowed else {PermissionMode.BYPASS})

    def test_last_known(self) -> None:
        """What it said of itself stays known after its end, for its project and for any."""
        quiet, project_id = self.project("/quiet"), self.project()
        self.execute(project_id)
        self.turn()
        self.run_.dies()
        self.assertEqual(self.info(project_id).models, [{"value": "opus"}])
        self.assertEqual(self.info().models, [{"value": "opus"}])
        self.assertIsNone(self.info(quiet).models)

    def test_no_project(self) -> None:
        """Of a project that is not there nothing is known."""
        self.assertIs(self.refusal(GetAgentInfo(project_id="x")).code, Code.PROJECT_NOT_FOUND)


class StatsTests(WorkshopCase):
    def stats(self, asker: FakeConnection | None = None, subscribe: bool | None = None) -> ServerStats:
        reply = self.ask(GetStats(subscribe=subscribe), asker)
        assert isinstance(reply, ServerStats)
        return reply

    def test_figures(self) -> None:
        """The figures are those of the moment."""
        self.shop.services.start()
        for number in range(3):
            self.project(f"/p{number}")
        first, second, third = (one.project.id for one in self.shop.services.projects.conversations)
        self.join(first)
        self.execute(first)
        self.execute(first, queue=True)
        self.execute(second)
        self.run_.says(BackgroundTasks(b"{}", 1))
        self.turn()
        self.execute(third)
        self.run_.dies(1)
        self.shop.clock.advance(7)
        stats = self.stats()
        self.assertEqual(stats.uptime, 7)
        self.assertEqual((stats.connections, stats.subscriptions), (2, 1))
        self.assertEqual(stats.projects, {"idle": 1, "executing": 1, "error": 1})
        self.assertEqual((stats.queued, stats.warm_processes, stats.memory_bytes), (1, 1, 1000))
        self.assertGreater(stats.journal_bytes, 1000)
        self.shop.services.stop()

    def test_connections(self) -> None:
        """The connections of others are for an admin's eyes."""
        other = self.shop.connect(name="browser")
        states = self.stats().connection_states
        assert states is not None
        self.assertEqual(
            [(one.connection_id, one.device) for one in states], [(self.asker.id, "phone"), (other.id, "browser")]
        )
        for scope in (Scope.READ, Scope.EXECUTE):
            self.assertIsNone(self.stats(self.shop.connect(scope)).connection_states)

    def test_subscribed(self) -> None:
        """Who subscribes hears the figures every 10 s, each by its scope; not while behind, and not after the end."""
        self.shop.services.start()
        reader = self.shop.connect(Scope.READ)
        going = self.shop.connect()
        for one in (self.asker, reader, going):
            self.stats(one, subscribe=True)
        self.stats(reader)
        self.shop.clock.pump([1.0] * 10)
        for one, sees in ((self.asker, True), (reader, False)):
            (message,) = one.sent
            data = message["data"]
            assert isinstance(data, dict)
            self.assertEqual((message["type"], data["connection_states"] is not None), ("server_stats", sees))
        reader.is_behind = True
        self.stats(self.asker, subscribe=False)
        self.shop.services.subscriptions.depart(going)
        self.shop.clock.pump([1.0] * 10)
        self.assertEqual([len(one.sent) for one in (self.asker, reader, going)], [1, 1, 1])
        reader.is_behind = False
        self.shop.clock.pump([1.0] * 10)
        self.assertEqual(len(reader.sent), 2)
        self.shop.services.stop()
        self.assertEqual(self.shop.clock.getDelayedCalls(), [])

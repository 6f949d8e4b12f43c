"""What was used is told by day and project, survives restarts, and goes with its project."""

import json

from attrs import evolve

from pocketagent.domain.commands import DeleteProject, GetProject, NewSession
from pocketagent.domain.events import ProjectState
from pocketagent.domain.project import Project
from pocketagent.domain.usage import Spending, Usage
from pocketagent.services.usage import Bookkeeping
from tests.outbound.directories.test_directories import HangingThreads
from tests.services.workshop import AT_REST, BUSY, INIT, OK, SESSION, WorkshopCase, done

DAY = 86400.0
TOKENS = Spending(input_tokens=10, output_tokens=5)


class UsageCase(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()

    def spend(self, total: float, project_id: str = "") -> None:
        """A turn, at the end of which the agent says this of its conversation."""
        self.execute(project_id or self.project_id)
        line = b'{"type":"result","total_cost_usd":%f,"usage":{"input_tokens":10,"output_tokens":5}}' % total
        self.run_.says(BUSY, INIT, evolve(OK, line=line, cost_usd=total, tokens=TOKENS), AT_REST)

    def told(self, days: int = 30) -> list[tuple[str, float, int]]:
        found = self.successResultOf(done(self.shop.services.usage.last(days))).days
        return [(one.day, one.cost_usd, one.turns) for one in found]

    def cost(self) -> float:
        state = self.ask(GetProject(project_id=self.project_id))
        assert isinstance(state, ProjectState)
        return state.cost_usd

    def kept(self) -> Project:
        stored = self.stored(self.project_id)
        assert stored is not None
        return stored


class BookkeepingTests(UsageCase):
    def test_days(self) -> None:
        """Each turn counts on its day (UTC); of the last days so many are told as were asked for."""
        self.spend(0.25)
        self.spend(0.75)
        self.shop.clock.advance(DAY)
        self.run_.dies()  # it was told to, when nothing was asked of it for so long
        self.spend(1.0)
        self.assertEqual(self.told(), [("2023-11-14", 0.75, 2), ("2023-11-15", 0.25, 1)])
        self.assertEqual(self.told(1), [("2023-11-15", 0.25, 1)])
        self.assertEqual(self.cost(), 1.0)
        found = self.successResultOf(done(self.shop.services.usage.last(1))).days[0]
        self.assertEqual((found.project_id, found.input_tokens, found.output_tokens), (self.project_id, 10, 5))

    def test_in_a_thread(self) -> None:
        """A year of many projects is gone through beside all else; what is told is how it stood when it was asked."""
        self.spend(0.25)
        threads = HangingThreads()
        asking = done(Bookkeeping(self.shop.services.projects, threads, self.shop.clock.seconds).last(30))
        self.assertNoResult(asking)
        self.spend(0.75)
        threads.let()
        self.assertEqual([one.cost_usd for one in self.successResultOf(asking).days], [0.25])

    def test_projects(self) -> None:
        """Each project is told for itself, and no more when it is deleted."""
        other = self.project("/home/me/other")
        self.spend(0.25)
        self.spend(0.5, other)
        self.assertEqual(sorted(cost for _, cost, _ in self.told()), [0.25, 0.5])
        deleting = self.asking(DeleteProject(project_id=other))
        self.run_.dies()
        self.successResultOf(deleting)
        self.assertEqual([cost for _, cost, _ in self.told()], [0.25])

    def test_told_with_the_end(self) -> None:
        """The state that ends a turn tells its cost, and what was said last."""
        joined = self.join(self.project_id)
        self.spend(0.25)
        states = [entry for entry in self.shop.journals.entries(self.project_id) if entry.type == "project_state"]
        told = json.loads(states[-1].message)
        self.assertEqual((told["state"], told["last_words"], told["cost_usd"]), ("IDLE", "do it", 0.25))
        self.assertIn("project_state", joined.heard())

    def test_new_conversation(self) -> None:
        """A new conversation counts anew, and the project goes on."""
        self.spend(0.5)
        self.ask(NewSession(project_id=self.project_id))
        self.run_.dies()
        self.spend(0.75)
        self.assertEqual(self.cost(), 1.25)


class RestartTests(UsageCase):
    def restart(self) -> None:
        self.successResultOf(done(self.shop.restart()))
        self.asker = self.shop.connect()

    def test_saved(self) -> None:
        """It is saved soon after the turn, with the number up to which it is counted."""
        self.spend(0.25)
        self.shop.clock.advance(2)
        self.assertEqual((self.kept().usage.cost_usd, self.kept().usage.counted_seq), (0.25, self.head()))

    def head(self) -> int:
        return self.conversation(self.project_id).journal.head_seq

    def test_crash(self) -> None:
        """What a crash took before it was saved is counted from the journal, and nothing is counted twice."""
        self.spend(0.25)
        self.shop.clock.advance(2)
        self.spend(0.75)
        self.assertEqual(self.kept().usage.cost_usd, 0.25)
        for _ in range(2):
            self.restart()
            self.assertEqual((self.told(), self.cost()), ([("2023-11-14", 0.75, 2)], 0.75))
        self.spend(1.0)
        self.shop.clock.advance(2)
        self.assertEqual(self.kept().usage.cost_usd, 1.0)

    def test_crash_between_conversations(self) -> None:
        """A new conversation that the saved counts do not know of counts anew."""
        self.spend(0.5)
        self.shop.clock.advance(2)
        self.ask(NewSession(project_id=self.project_id))
        self.run_.dies()
        self.spend(0.75)
        self.restart()
        self.assertEqual(self.cost(), 1.25)

    def test_crash_after_late_words(self) -> None:
        """What an old process says of the conversation that was left is not counted to the new one."""
        self.spend(0.5)
        self.ask(NewSession(project_id=self.project_id))
        old = self.run_
        self.execute(self.project_id)
        old.says(evolve(OK, line=b'{"type":"result","session_id":"%s","total_cost_usd":0.5}' % SESSION.encode()))
        self.assertEqual(self.cost(), 0.5)
        self.restart()
        self.assertEqual(self.cost(), 0.5)

    def test_crash_after_later_words(self) -> None:
        """That holds, too, where the beginning of the new conversation was saved as counted."""
        self.spend(0.5)
        self.ask(NewSession(project_id=self.project_id))
        self.shop.clock.advance(2)
        self.assertEqual(self.kept().usage.counted_seq, self.head())
        old = self.run_
        self.execute(self.project_id)
        old.says(evolve(OK, line=b'{"type":"result","session_id":"%s","total_cost_usd":0.5}' % SESSION.encode()))
        self.restart()
        self.assertEqual(self.cost(), 0.5)

    def test_power_loss(self) -> None:
        """Where a power loss took what was counted already, what comes under the same numbers is counted as well, also
        when the next server is killed before it has saved anything."""
        self.spend(0.25)
        self.spend(0.5)
        self.shop.clock.advance(2)
        self.shop.journals.fill(self.project_id, self.shop.journals.entries(self.project_id)[:1])
        self.restart()
        self.spend(0.75)
        self.restart()
        self.assertEqual((self.told(), self.cost()), ([("2023-11-14", 0.75, 3)], 0.75))

    def test_never_counted(self) -> None:
        """A project of before there were counts is counted whole."""
        self.spend(0.25)
        self.shop.clock.advance(2)
        self.spend(0.5)
        old = evolve(self.kept(), usage=evolve(self.kept().usage, days={}, cost_usd=0.0, counted_seq=0))
        self.successResultOf(done(self.shop.projects.save(old)))
        self.restart()
        self.assertEqual((self.told(), self.cost()), ([("2023-11-14", 0.5, 2)], 0.5))

    def test_counted_once(self) -> None:
        """What was counted from a journal is saved, so that no later start reads all of it again."""
        self.spend(0.25)
        self.shop.clock.advance(2)
        old = evolve(self.kept(), usage=Usage())
        self.successResultOf(done(self.shop.projects.save(old)))
        self.restart()
        self.shop.clock.advance(2)
        self.assertEqual((self.kept().usage.cost_usd, self.kept().usage.counted_seq), (0.25, self.head()))

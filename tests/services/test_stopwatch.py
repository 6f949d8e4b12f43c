"""Times of executions, of their first words, and of people over questions: through the whole floor."""

from pocketagent.domain.agent import Behavior, PermissionAsked, PermissionWithdrawn, Spoken
from pocketagent.domain.commands import AnswerPermission, Interrupt, Kill
from pocketagent.domain.measures import Measures, Spread
from pocketagent.domain.message import Partial
from pocketagent.domain.refusals import Code, Refusal
from tests.services.workshop import AT_REST, BUSY, INIT, OK, WorkshopCase, done

ASKED = PermissionAsked("p", b'{"tool_name":"Bash","input":{}}')


def seen(spread: Spread) -> tuple[int, float]:
    """How often, and how long in all."""
    return spread.rising[-1], spread.total


class StopwatchTests(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()

    @property
    def measures(self) -> Measures:
        return self.shop.measures

    def results(self) -> dict[str, tuple[int, float]]:
        """Of every word that has happened."""
        return {word: seen(one) for word, one in self.measures.executions.items() if one.rising[-1]}

    def test_done(self) -> None:
        """An execution is timed from when it begins until the agent rests."""
        self.execute(self.project_id)
        self.shop.clock.advance(7)
        self.turn()
        self.assertEqual(self.results(), {"done": (1, 7.0)})

    def test_queue(self) -> None:
        """What waits in the queue is timed from when its own turn begins."""
        self.execute(self.project_id)
        self.execute(self.project_id, queue=True)
        self.shop.clock.advance(5)
        self.turn()
        self.shop.clock.advance(3)
        self.turn()
        self.assertEqual(self.results(), {"done": (2, 8.0)})

    def test_failed(self) -> None:
        """A process that dies, and one that does not begin, have failed."""
        self.execute(self.project_id)
        self.run_.dies(1)
        self.shop.agent.refuses = Refusal(Code.CLAUDE_NOT_FOUND, "gone")
        self.execute(self.project_id)
        self.assertEqual(self.results(), {"failed": (2, 0.0)})

    def test_timeout(self) -> None:
        """What takes too long has its own word."""
        self.execute(self.project_id)
        self.shop.clock.advance(300)
        self.run_.dies(None, 9)
        self.assertEqual(self.results(), {"timeout": (1, 300.0)})

    def test_interrupted_and_killed(self) -> None:
        """So have interrupts and kills."""
        self.execute(self.project_id)
        self.ask(Interrupt(project_id=self.project_id))
        self.turn()
        self.execute(self.project_id)
        killed = self.asking(Kill(project_id=self.project_id))
        self.run_.dies(None, 9)
        self.successResultOf(killed)
        self.assertEqual(self.results(), {"interrupted": (1, 0.0), "killed": (1, 0.0)})

    def test_storage(self) -> None:
        """An execution that is stopped because nothing can be kept has failed, and counts once."""
        self.execute(self.project_id)
        self.shop.journals.fails = True
        self.run_.says(Spoken(b"{}"))
        self.run_.dies(None, 9)
        self.shop.journals.fails = False
        self.shop.clock.advance(1)
        self.assertEqual(self.results(), {"failed": (1, 0.0)})

    def test_restart(self) -> None:
        """What the last server left at work is not timed: nobody knows when it began."""
        self.execute(self.project_id)
        self.successResultOf(done(self.shop.restart()))
        self.assertEqual(self.results(), {})

    def test_first_words(self) -> None:
        """The first words are those of the answer: not what a process says when it begins; whole or a piece."""
        self.execute(self.project_id)
        self.shop.clock.advance(1)
        self.run_.says(BUSY, INIT)
        self.assertEqual(seen(self.measures.first_output), (0, 0.0))
        self.shop.clock.advance(2)
        self.run_.says(Spoken(b"{}"))
        self.shop.clock.advance(2)
        self.run_.says(Spoken(b"{}"), OK, AT_REST)
        self.assertEqual(seen(self.measures.first_output), (1, 3.0))
        self.execute(self.project_id)
        self.shop.clock.advance(1)
        self.run_.says(Partial(b"{}", None, begins=True, ends=False))
        self.assertEqual(seen(self.measures.first_output), (2, 4.0))

    def test_no_words(self) -> None:
        """A turn without words has no first ones, also not from what is said after it."""
        self.execute(self.project_id)
        self.run_.says(BUSY, OK, AT_REST)
        self.shop.clock.advance(5)
        self.run_.says(Spoken(b"{}"))
        self.assertEqual(seen(self.measures.first_output), (0, 0.0))

    def test_answered(self) -> None:
        """A question is timed until a person's answer."""
        self.execute(self.project_id)
        self.run_.says(ASKED)
        self.shop.clock.advance(20)
        self.ask(AnswerPermission(project_id=self.project_id, permission_id="p", behavior=Behavior.ALLOW))
        self.assertEqual(seen(self.measures.permissions["answered"]), (1, 20.0))

    def test_not_answered(self) -> None:
        """So is one that ends otherwise, by its reason."""
        self.execute(self.project_id)
        self.run_.says(ASKED)
        self.shop.clock.advance(60)
        self.run_.says(PermissionAsked("q", ASKED.request))
        self.shop.clock.advance(1)
        self.run_.says(PermissionWithdrawn("q"))
        self.assertEqual(seen(self.measures.permissions["expired"]), (1, 60.0))
        self.assertEqual(seen(self.measures.permissions["ended"]), (1, 1.0))
        self.assertEqual(seen(self.measures.permissions["answered"]), (0, 0.0))

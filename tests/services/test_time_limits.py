"""An execution has its time, which stands still while a question is open, and each question has its own."""

from pocketagent.domain.agent import PermissionAsked
from pocketagent.domain.commands import Interrupt
from pocketagent.domain.events import State
from pocketagent.domain.options import Options
from tests.services.workshop import BUSY, OK, WorkshopCase


class TimeLimitsTests(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()

    def test_own_bound(self) -> None:
        """An execution has the time that its options name, and the next one in the queue its own."""
        self.execute(self.project_id, options=Options(timeout=10))
        self.execute(self.project_id, "two", options=Options(timeout=20), queue=True)
        self.shop.clock.advance(9)
        self.turn()
        self.shop.clock.advance(19)
        self.assertFalse(self.run_.killed)
        self.shop.clock.advance(1)
        self.assertTrue(self.run_.killed)
        self.run_.dies(None, 9)

    def test_not_after_the_end(self) -> None:
        """A turn that has ended in time is not stopped later."""
        self.execute(self.project_id, options=Options(timeout=10))
        self.turn()
        self.shop.clock.advance(100)
        self.assertEqual((self.run_.killed, self.conversation(self.project_id).state), (False, State.IDLE))

    def test_many_questions(self) -> None:
        """Time counts again when no question is open any more; each question has its own end."""
        self.execute(self.project_id, options=Options(timeout=10))
        self.run_.says(BUSY, PermissionAsked("q", b"{}"))
        self.shop.clock.advance(30)
        self.run_.says(PermissionAsked("r", b"{}"))
        self.shop.clock.advance(30)
        self.assertEqual([permission_id for permission_id, _ in self.run_.answers], ["q"])
        self.shop.clock.advance(29)
        self.assertEqual(len(self.run_.answers), 1)
        self.shop.clock.advance(1)
        self.assertEqual([permission_id for permission_id, _ in self.run_.answers], ["q", "r"])
        self.shop.clock.advance(9)
        self.assertFalse(self.run_.killed)
        self.shop.clock.advance(1)
        self.assertTrue(self.run_.killed)
        self.run_.dies(None, 9)

    def test_interrupt_does_not_escalate(self) -> None:
        """CH-16: an interrupt never kills by itself; an agent that goes on all the same has the time it had before."""
        self.execute(self.project_id, options=Options(timeout=10))
        self.ask(Interrupt(project_id=self.project_id))
        self.shop.clock.advance(9.9)
        self.assertFalse(self.run_.killed)
        self.shop.clock.advance(0.1)
        self.assertTrue(self.run_.killed)
        self.run_.dies(None, 9)
        self.assertIs(self.conversation(self.project_id).state, State.ERROR)

    def test_interrupted_in_time(self) -> None:
        """Once the agent has ended its turn no bound is left over."""
        self.execute(self.project_id, options=Options(timeout=10))
        self.ask(Interrupt(project_id=self.project_id))
        self.run_.says(OK)
        self.shop.clock.advance(1000)
        self.assertFalse(self.run_.killed)
        self.assertIs(self.conversation(self.project_id).state, State.IDLE)

# -*- test-case-name: tests.terminal.test_chat -*-
"""What waits for the person: the agent's questions, one card at a time, and our own."""

import asyncio
from typing import TYPE_CHECKING

from attrs import define, field

from pocketagent.client.problems import Problem
from pocketagent.domain.access import Scope
from pocketagent.domain.refusals import Refusal
from pocketagent.terminal.desk import Desk

if TYPE_CHECKING:
    from pocketagent.client.client import Client
    from pocketagent.terminal.cards import Answer, Card


@define(eq=False)
class Questions:
    """The card that is shown is `desk.view.asks`; `_id` is its question, kept until the server has resolved it. Of
    `confirm` one is asked at a time."""

    desk: Desk
    _id: str = ""
    _confirming: "asyncio.Future[bool] | None" = None
    _confirmed: asyncio.Lock = field(factory=asyncio.Lock)

    def show(self) -> None:
        """The oldest question that is open has the card. While what comes is history, it stays as it is."""
        from pocketagent.terminal.cards import card_of

        desk, conversation = self.desk, self.desk.conversation
        if conversation.is_replaying or self._id in conversation.questions:
            return
        question = next(iter(conversation.questions.values()), None)
        if question is None:
            self.forget()
            return
        self._id = question.permission_id
        self._put(card_of(question, desk.may(Scope.EXECUTE), conversation.path, desk.view.unicode))
        if not desk.screen.is_answering:
            desk.hint("Esc goes to the question.")

    def forget(self) -> None:
        """There is no question any more."""
        self._id = ""
        self._put(None)

    async def confirm(self, question: str) -> bool:
        """A question of our own: y or n."""
        async with self._confirmed:
            self.desk.view.confirms = question
            self._confirming = asyncio.get_running_loop().create_future()
            self.desk.screen.ask(True)
            try:
                return await self._confirming
            finally:
                self.desk.view.confirms, self._confirming = "", None
                self.desk.screen.ask(self.desk.view.has_card)

    def _put(self, card: "Card | None") -> None:
        if card is not self.desk.view.asks:
            self.desk.view.asks = card
            self.desk.screen.ask(self.desk.view.has_card)

    def press(self, key: str) -> None:
        """A key for what is asked."""
        if self._confirming is not None:
            if key.lower() in ("y", "n") and not self._confirming.done():
                self._confirming.set_result(key.lower() == "y")
            return
        card = self.desk.view.asks
        if card is None:
            return
        if key == "tab" and card.entry is None:
            self.desk.screen.turn(to_card=False)
            self.desk.hint("Esc goes back to the question.")
        else:
            self._take(card, card.press(key))

    def submit(self, text: str) -> None:
        """What the card wanted to have written."""
        card = self.desk.view.asks
        if card is not None:
            self._take(card, card.submit(text))

    def _take(self, card: "Card", answer: "Answer | None") -> None:
        if answer is None:
            self.desk.screen.want(card.entry.text if card.entry else None)
        elif self.desk.client is not None:
            for update in answer.updated_permissions:
                # The next prompt names its mode, and would take this one back.
                self.desk.view.mode = update.mode or self.desk.view.mode
            self._put(None)
            self.desk.ask(self._send(self.desk.client, answer, self._id))

    async def _send(self, client: "Client", answer: "Answer", question_id: str) -> None:
        try:
            await client.request(answer.command(self.desk.project_id, question_id))
        except (Refusal, Problem):
            self._id = ""
            self.show()  # again, if it is still open
            raise

# -*- test-case-name: tests.terminal.test_chat -*-
"""Prompts on their way: written, sent as soon as there is a connection, and once."""

import uuid
from typing import TYPE_CHECKING

from attrs import define, field
from prompt_toolkit.document import Document

from pocketagent.client.problems import Problem
from pocketagent.domain.options import Options
from pocketagent.domain.refusals import Refusal
from pocketagent.terminal.desk import Desk

if TYPE_CHECKING:
    from pocketagent.client.client import Client


@define(eq=False)
class Pending:
    """A prompt of which the server has said nothing yet. By its `prompt_id` it runs once, however often it is sent.
    `project_id`: where it goes; empty while the project in which it was written is not joined."""

    text: str
    project_id: str
    prompt_id: str = field(factory=lambda: str(uuid.uuid4()))


@define(eq=False)
class Prompts:
    """Those that the server has not confirmed."""

    desk: Desk
    _pending: list[Pending] = field(factory=list)

    def add(self, text: str) -> None:
        pending = Pending(text, self.desk.project_id)
        self._pending.append(pending)
        self._tell()
        if self.desk.client is not None and pending.project_id:
            self.desk.ask(self._send(self.desk.client, pending))

    def send_all(self, client: "Client") -> None:
        """A project was joined: what was written before that goes there."""
        for pending in self._pending:
            if not pending.project_id:
                pending.project_id = self.desk.project_id
                self.desk.ask(self._send(client, pending))

    def settle(self, prompt_id: object) -> None:
        """The server knows of this one, or will not have it."""
        self._pending = [one for one in self._pending if one.prompt_id != prompt_id]
        self._tell()

    async def _send(self, client: "Client", pending: Pending) -> None:
        view, composer = self.desk.view, self.desk.screen.composer
        options = Options(permission_mode=view.mode, model=view.model)
        try:
            await client.execute(pending.project_id, pending.text, options, queue=True, prompt_id=pending.prompt_id)
        except (Refusal, Problem):
            if not composer.text:
                composer.document = Document(pending.text)  # so that nothing that was written is lost
            raise
        finally:
            self.settle(pending.prompt_id)

    def _tell(self) -> None:
        self.desk.view.sending = [one.text for one in self._pending]
        self.desk.screen.refresh()

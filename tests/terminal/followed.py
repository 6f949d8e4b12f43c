"""A client that follows a project of the services: the JSON is the server's own, and the agent is what it once said."""

from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import define, field

from pocketagent.domain.agent import Behavior
from pocketagent.domain.commands import AnswerPermission, Execute, GetMessages, JoinProject
from pocketagent.domain.message import timestamp
from pocketagent.ports import IBatch
from pocketagent.terminal.conversation import Conversation
from pocketagent.terminal.shown import Said, Shown
from pocketagent.wire import claude, client, server
from pocketagent.wire.server import Message
from tests.services.workshop import FakeConnection, WorkshopCase, device

TRANSCRIPTS = Path(__file__).parent.parent / "wire" / "transcripts"
ABOUT_PROJECTS = frozenset({"project_state", "error"})


def transcript(name: str) -> Sequence[bytes]:
    """What the real CLI said, line by line."""
    return (TRANSCRIPTS / f"{name}.jsonl").read_bytes().splitlines()


def messages_of(frames: bytes) -> Sequence[Message]:
    """The messages in the frames of a WebSocket."""
    found = []
    while frames:
        size, head = frames[1], 2
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(frames[2:head], "big")
        found.append(server.decode(frames[head : head + size]))
        frames = frames[head + size :]
    return found


@define(eq=False)
class Follower(FakeConnection):
    """What comes over one connection, as its client hears it. `is_lost`: nothing more reaches it."""

    conversation: Conversation = field(factory=Conversation)
    shown: list[Shown] = field(factory=list)
    messages: list[Message] = field(factory=list)
    is_lost: bool = False

    def hear(self, batch: IBatch) -> None:
        self.take(messages_of(client.frames(batch)))

    def send(self, message: bytes) -> None:
        told = server.decode(message)
        if told.type in ABOUT_PROJECTS:
            self.take([told])

    def take(self, messages: Sequence[Message]) -> None:
        if self.is_lost:
            return
        self.messages += messages
        for message in messages:
            self.shown += self.conversation.hear(message)

    def kinds(self) -> list[str]:
        return [type(one).__name__ for one in self.shown]

    def all(self, *kinds: type[Shown]) -> list[Shown]:
        return [one for one in self.shown if isinstance(one, kinds)]

    def said(self) -> str:
        """All that the agent said."""
        return "".join(one.text for one in self.shown if isinstance(one, Said))


class FollowedCase(WorkshopCase):
    """A test with a project and somebody who follows it from its beginning. A second passes with each line."""

    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()
        self.one = self.follow()

    def follow(self, conversation: Conversation | None = None, pages: int = 0) -> Follower:
        """Somebody comes, looks at as many events of the past as the terminal would, and joins."""
        one = Follower(device(name="desk"), conversation=conversation or Conversation())
        self.shop.services.subscriptions.arrive(one)
        if pages:
            (page,) = self._replies(GetMessages(project_id=self.project_id, limit=pages), one)
            found = server.value(page)
            assert isinstance(found, server.Page)
            for message in reversed(found.messages):
                one.shown += one.conversation.hear(message)
        self.join_again(one)
        return one

    def join_again(self, one: Follower, after_seq: int | None = None, journal_id: str | None = None) -> None:
        after_seq = one.conversation.seq if after_seq is None else after_seq
        if one.is_lost:
            self.shop.services.subscriptions.arrive(one)
            one.is_lost = False
        one.take(
            self._replies(JoinProject(project_id=self.project_id, after_seq=after_seq, journal_id=journal_id), one)
        )
        self.shop.clock.advance(0)

    def lose(self, one: Follower) -> None:
        """Its connection is gone; it does not know yet."""
        self.shop.services.subscriptions.depart(one)
        one.is_lost = True

    def _replies(self, command: JoinProject | GetMessages, one: Follower) -> Sequence[Message]:
        now = timestamp(self.shop.clock.seconds())
        return [server.decode(client.reply(reply, now, self.project_id, "1")) for reply in self.ask_all(command, one)]

    # -- the agent --------------------------------------------------------------------------------------------

    def says(self, *lines: bytes) -> None:
        """Lines of the CLI, a second each."""
        for line in lines:
            self.shop.clock.advance(1)
            self.run_.says(*claude.hear([line]).utterances)

    def play(
        self, name: str, prompts: Sequence[str | None] = ("do it",), at: Callable[[bytes], None] | None = None
    ) -> None:
        """A transcript. Each time the agent begins to work it is with the next prompt; None: by itself. `at`: what
        happens behind a line."""
        waiting = list(prompts)
        for line in transcript(name):
            if b'"state":"running"' in line and self.is_at_rest() and waiting:
                prompt = waiting.pop(0)
                if prompt is not None:
                    self.execute(self.project_id, prompt)
            elif not self.shop.agent.runs:
                continue  # its answer to `initialize`
            self.says(line)
            if at is not None:
                at(line)

    def is_at_rest(self) -> bool:
        return not self.shop.agent.runs or self.one.conversation.execution_id is None

    def answering(self, behavior: Behavior, seconds: float = 50.0) -> Callable[[bytes], None]:
        """Somebody answers each question after so many seconds."""

        def answer(line: bytes) -> None:
            if b'"can_use_tool"' in line:
                self.shop.clock.advance(seconds)
                (question_id,) = self.one.conversation.questions
                self.ask(AnswerPermission(project_id=self.project_id, permission_id=question_id, behavior=behavior))

        return answer

    def queue(self, prompt: str) -> str:
        """The execution_id of a prompt that waits; another device sends it."""
        phone = self.shop.connect(name="tablet")
        reply = self.ask(Execute(project_id=self.project_id, prompt=prompt, queue=True), phone)
        return str(getattr(reply, "execution_id", ""))

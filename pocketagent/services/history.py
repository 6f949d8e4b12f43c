# -*- test-case-name: tests.services.test_history -*-
"""Joining a project, leaving it, and looking back in its journal."""

from collections.abc import Sequence

from attrs import define, evolve

from pocketagent.domain.commands import AcknowledgeMessages, GetMessages, JoinProject, LeaveProject, Order
from pocketagent.domain.fields import moment
from pocketagent.domain.message import Entry
from pocketagent.domain.replies import MessagesFound, ProjectJoined, ProjectLeft, Replay, Reply
from pocketagent.ports import IConnection
from pocketagent.services.conversation import Conversation
from pocketagent.services.projects import Projects
from pocketagent.services.saving import Saving
from pocketagent.services.subscriptions import Subscriptions

PAGE_BYTES = 4 * 1024 * 1024
"""A page of history ends here (protocol section 5), with at least one record."""
READ_ENTRIES = 1024
READ_BYTES = 1024 * 1024
"""What is read in one go while looking for records that fit a filter."""
MAX_ACKS = 256
"""Devices of which a project remembers how far they have read."""


@define(eq=False)
class History:
    """What readers do."""

    _projects: Projects
    _subscriptions: Subscriptions
    _saving: Saving

    async def join(self, command: JoinProject, asker: IConnection) -> Sequence[Reply]:
        """Subscribe; what is to be replayed follows after the replies."""
        conversation = self._projects.conversation(command.project_id)
        journal = conversation.journal
        head = conversation.audience.told_seq
        after, replay = command.after_seq, Replay.COMPLETE
        if after is not None:
            differs = command.journal_id is not None and command.journal_id.lower() != journal.journal_id
            if differs or after > head or after < journal.first_seq - 1:
                after, replay = journal.first_seq - 1, Replay.GAP
        self._subscriptions.join(asker, conversation.audience, after)
        core = conversation.told
        return (
            conversation.project_state(requests=True),
            ProjectJoined(
                project_id=conversation.project.id,
                journal_id=journal.journal_id,
                state=core.state,
                session_id=core.session_id,
                head_seq=head,
                first_seq=journal.first_seq,
                acked_seq=min(conversation.project.acked.get(asker.device.id, 0), head),
                replay=replay,
            ),
        )

    async def leave(self, command: LeaveProject, asker: IConnection) -> ProjectLeft:
        conversation = self._projects.conversation(command.project_id)
        self._subscriptions.leave(asker, conversation.audience)
        return ProjectLeft(conversation.project.id)

    async def acknowledge(self, command: AcknowledgeMessages, asker: IConnection) -> None:
        """Remember the highest seq that this device has shown; never beyond what there is."""
        conversation = self._projects.conversation(command.project_id)
        project = conversation.project
        seq = min(command.seq, conversation.audience.told_seq)
        if seq <= project.acked.get(asker.device.id, 0):
            return
        acked = {**project.acked, asker.device.id: seq}
        if len(acked) > MAX_ACKS:
            del acked[next(iter(acked))]
        conversation.project = evolve(project, acked=acked)
        self._saving.soon(conversation)

    async def get_messages(self, command: GetMessages) -> MessagesFound:
        """A page of history, spliced from what is stored."""
        conversation = self._projects.conversation(command.project_id)
        low, high = await self._range(conversation, command)
        found: list[Entry] = []
        size = 0
        has_more = False
        rising = command.order is Order.ASC
        types = None if command.types is None else frozenset(command.types)
        # One more than asked for is looked for, to know whether there is more.
        while low < high - 1 and not has_more:
            wanted = READ_ENTRIES if types or command.direction else min(READ_ENTRIES, command.limit - len(found) + 1)
            if rising:
                page = await conversation.journal.since(low, wanted, READ_BYTES)
            else:
                page = await conversation.journal.before(high, wanted, READ_BYTES)
            if not page:
                break
            for entry in page:
                if not low < entry.seq < high:
                    low = high
                    break
                if types is not None and entry.type not in types:
                    continue
                if command.direction is not None and entry.direction != command.direction:
                    continue
                size += len(entry.message)
                if len(found) == command.limit or (found and size > PAGE_BYTES):
                    has_more = True
                    break
                found.append(entry)
            if rising:
                low = max(low, page[-1].seq)
            else:
                high = min(high, page[-1].seq)
        return MessagesFound(
            found,
            conversation.journal.journal_id,
            conversation.audience.told_seq,
            conversation.journal.first_seq,
            has_more,
        )

    async def _range(self, conversation: Conversation, command: GetMessages) -> tuple[int, int]:
        """The seqs between which to look, both exclusive."""
        journal = conversation.journal
        low = max(journal.first_seq - 1, command.after_seq or 0)
        high = conversation.audience.told_seq + 1
        if command.before_seq is not None:
            high = min(high, command.before_seq)
        since = None
        if command.since is not None:
            since = await journal.at(moment(command.since))
            low = max(low, since - 1)
        if command.until is not None:
            high = min(high, await journal.at(moment(command.until), (since or 1) - 1))
        return low, high

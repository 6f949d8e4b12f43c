# -*- test-case-name: tests.services.test_recovery -*-
"""What a project was doing when the server last stopped, read back from the end of its journal."""

from collections.abc import Iterable, Sequence

from attrs import evolve

from pocketagent.domain.agent import SessionNamed, TurnResult, Words
from pocketagent.domain.events import PermissionRequest, State
from pocketagent.domain.message import Entry
from pocketagent.domain.text import in_a_line
from pocketagent.domain.turn import MAX_WORDS, Core, Execution
from pocketagent.domain.usage import Usage
from pocketagent.ports import IJournal
from pocketagent.wire import claude, events, records

PAGE_ENTRIES = 256
PAGE_BYTES = 1024 * 1024

_RESULT = b'"result"'

_TELLING = frozenset(
    {"project_state", "client_message", "permission_request", "permission_resolved", "prompt_dropped", "session_reset"}
)


async def recover(journal: IJournal) -> tuple[Core, str | None]:
    """The machine's core as the journal tells it, and the time of the newest entry.

    Reads backwards to the newest state of rest: what was told there is whole, and only what came after it needs
    to be gone through. Where retention has removed that, the newest state that is still found has to do.
    """
    telling: list[Entry] = []
    session_id: str | None = None
    left: str | None = None
    last_words: str | None = None
    newest: str | None = None
    is_reset = False
    before = journal.head_seq + 1
    while before > journal.first_seq:
        page = await journal.before(before, PAGE_ENTRIES, PAGE_BYTES)
        if not page:
            break
        if newest is None:
            newest, left = page[0].timestamp, _left_in(page)
        for entry in page:
            if entry.type in _TELLING:
                telling.append(entry)
            elif entry.type == "agent_message" and session_id is None and not is_reset:
                named = _session_of(entry)
                session_id = None if named == left else named
            last_words = last_words or _words_of(entry)
            is_reset = is_reset or entry.type == "session_reset"
            if _is_rest(entry):
                break
        else:
            before = page[-1].seq
            continue
        break
    if not any(entry.type == "project_state" for entry in telling):
        state = await journal.find(records.STATE)
        telling += () if state is None else (state,)
    core = _fold(reversed(telling))
    if last_words is not None:
        core = evolve(core, last_words=last_words)
    return (evolve(core, session_id=session_id) if session_id else core), newest


async def recount(journal: IJournal, usage: Usage) -> Usage:
    """What was used, with what the journal has behind `counted_seq`: it is saved a little later than it is told."""
    if usage.counted_seq == 0:
        usage = usage.anew()
    seq = min(usage.counted_seq, journal.head_seq)
    left = _left_in(await journal.before(seq + 1, PAGE_ENTRIES, PAGE_BYTES)) if seq < journal.head_seq else None
    while seq < journal.head_seq:
        page = await journal.since(seq, PAGE_ENTRIES, PAGE_BYTES)
        if not page:
            break
        for entry in page:
            if entry.type == "session_reset":
                usage, left = usage.anew(), events.read_previous(entry.message)
            elif entry.type == "agent_message" and _RESULT in entry.message:
                usage = _counted(usage, entry, left)
        seq = page[-1].seq
    return evolve(usage, counted_seq=journal.head_seq)


def _left_in(page: Sequence[Entry]) -> str | None:
    """The conversation that was left last, of a page with the newest first. Its process has its last words soon: the
    page that ends with them is enough."""
    return next((events.read_previous(each.message) for each in page if each.type == "session_reset"), None)


def _counted(usage: Usage, entry: Entry, left: str | None) -> Usage:
    """With the results of an entry; what is said of a conversation that was left is nothing of the present one."""
    for utterance in claude.hear([entry.message]).utterances:
        if isinstance(utterance, TurnResult):
            is_left = left is not None and utterance.session_id == left
            cost = None if is_left else utterance.cost_usd
            usage = usage.counted(entry.timestamp[:10], cost, utterance.tokens)
    return usage


def _words_of(entry: Entry) -> str | None:
    if entry.type == "client_message":
        _, queued = events.read_client_message(entry.message)
        return None if queued else in_a_line(events.read_words(entry.message), MAX_WORDS)
    if entry.type == "agent_message":
        said = (one.text for one in claude.hear([entry.message]).utterances if isinstance(one, Words))
        return next(said, None)
    return None


def _is_rest(entry: Entry) -> bool:
    if entry.type != "project_state":
        return False
    told = events.read_state(entry.message)
    return told is None or told.state is not State.EXECUTING


def _session_of(entry: Entry) -> str | None:
    for utterance in claude.hear([entry.message]).utterances:
        if isinstance(utterance, (SessionNamed, TurnResult)):
            return utterance.session_id
    return None


def _fold(entries: Iterable[Entry]) -> Core:
    core = Core()
    for entry in entries:
        match entry.type:
            case "project_state":
                told = events.read_state(entry.message)
                if told is not None:
                    core = evolve(
                        core,
                        state=told.state,
                        session_id=told.session_id,
                        execution=Execution(told.execution_id) if told.execution_id else None,
                        queue=tuple(Execution(one.execution_id, one.prompt_id, by=one.by) for one in told.queued),
                        error=told.error,
                        last_words=told.last_words,
                    )
            case "client_message":
                execution_id, queued = events.read_client_message(entry.message)
                if queued:
                    core = evolve(core, queue=(*core.queue, Execution(execution_id)))
                else:
                    core = evolve(core, state=State.EXECUTING, execution=Execution(execution_id), error=None)
            case "prompt_dropped":
                dropped = events.read_dropped(entry.message)
                core = evolve(core, queue=tuple(one for one in core.queue if one.id != dropped))
            case "permission_request":
                request = PermissionRequest(events.read_permission(entry.message), b"{}", "")
                core = evolve(core, permissions=(*core.permissions, request))
            case "permission_resolved":
                resolved = events.read_permission(entry.message)
                rest = tuple(one for one in core.permissions if one.permission_id != resolved)
                core = evolve(core, permissions=rest)
            case "session_reset":
                core = evolve(core, session_id=None)
    return core

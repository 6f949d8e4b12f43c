"""A client's requests, over connections that come and go; and its end, of which everybody hears."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from typing import Any

from pocketagent.client import (
    Client,
    Code,
    ConnectionLost,
    NotMyServer,
    Phase,
    Problem,
    Refusal,
    TurnedAway,
    Unreachable,
)
from pocketagent.client.client import PATIENCE, STEADY
from pocketagent.client.standing import FIRST_WAIT, LONGEST_WAIT
from pocketagent.client.under_way import LONGEST_PAUSE, MAX_UNDER_WAY, RATE_PAUSE
from pocketagent.domain import commands, replies
from pocketagent.domain.events import ProcessKilled, SessionReset
from tests.client.door import ESTABLISHED, MESSAGE_SIZE, Door
from tests.client.loops import LoopTestCase, begin, next_of, outcomes, settle
from tests.wire.test_server import STATE, TOLD

STATS = next(one for one in TOLD if isinstance(one, replies.ServerStats))
ACCEPTED = replies.ExecutionAccepted("e", 0, replies.Status.RUNNING, False)
NO_PROJECTS = replies.ProjectListed([], 0)


class RequestTests(LoopTestCase):
    def test_a_request_and_its_reply(self) -> None:
        """A request is sent as the protocol says, and its reply comes back as a value."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                self.assertEqual(client.established, ESTABLISHED)
                killing = begin(client.kill("p"))
                request = await door.link.asked("agent_kill")
                self.assertEqual(request["data"], {"project_id": "p"})
                door.link.answer(request, ProcessKilled("e"))
                self.assertEqual(await killing, ProcessKilled("e"))
            self.assertTrue(door.link.is_closed)

        self.tell(story())

    def test_replies_of_different_requests(self) -> None:
        """Replies may come in any order: each finds its asker. One that nobody waits for is nothing."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                one, two, given_up = (begin(client.kill(name)) for name in ("one", "two", "three"))
                requests = [await door.link.asked() for _ in range(3)]
                given_up.cancel()
                await settle()
                for request, execution in zip(reversed(requests), "321", strict=True):
                    door.link.answer(request, ProcessKilled(execution))
                door.link.answer(requests[0], ProcessKilled("again"))
                found = await outcomes(one, two, given_up)
                self.assertEqual(found, [ProcessKilled("1"), ProcessKilled("2"), asyncio.CancelledError])

        self.tell(story())

    def test_a_refusal(self) -> None:
        """What the server says no to is raised with its code and its details."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                creating = begin(client.create_project("/a"))
                door.link.refuse(await door.link.asked(), "PROJECT_EXISTS", project_id="p")
                with self.assertRaises(Refusal) as refused:
                    await creating
                self.assertEqual(refused.exception.code, Code.PROJECT_EXISTS)
                self.assertEqual(refused.exception.details, {"project_id": "p"})

        self.tell(story())

    def test_an_answer_that_is_not_understood(self) -> None:
        """What a newer server answers, and cannot be understood, is a Problem with a sentence."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                killing = begin(client.kill("p"))
                door.link.answer(await door.link.asked(), SessionReset(None))
                self.assertEqual(await outcomes(killing), [Problem])
                self.assertIs(client.standing.phase, Phase.CONNECTED)

        self.tell(story())

    def test_what_the_server_would_not_take(self) -> None:
        """A message that is too large, or no text, is refused before it is sent; one of the bound is sent."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                begin(client.execute("p", "x"))
                rest = len(json.dumps(await door.link.asked(), separators=(",", ":"))) - 1
                fits = begin(client.execute("p", "x" * (MESSAGE_SIZE - rest)))
                await door.link.asked()
                for prompt, code in (
                    ("x" * (MESSAGE_SIZE - rest + 1), Code.MESSAGE_TOO_LARGE),
                    ("\ud83d", Code.INVALID_MESSAGE),
                    (" ", Code.INVALID_MESSAGE),
                ):
                    with self.assertRaises(Refusal) as refused:
                        await client.execute("p", prompt)
                    self.assertEqual(refused.exception.code, code)
                self.assertEqual(len(door.link.sent), 2)
                self.assertFalse(fits.done())

        self.tell(story())

    def test_at_most_so_many_under_way(self) -> None:
        """More requests than the server takes at once wait here, in their order; each answer lets the next one go."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                asking = [begin(client.kill(str(number))) for number in range(MAX_UNDER_WAY + 3)]
                await settle()
                self.assertEqual(len(door.link.sent), MAX_UNDER_WAY)
                door.link.answer(door.link.sent[5], ProcessKilled("e"))
                await settle()
                self.assertEqual(door.link.sent[-1]["data"], {"project_id": str(MAX_UNDER_WAY)})
                asking[7].cancel()
                await settle()
                self.assertEqual(door.link.sent[-1]["data"], {"project_id": str(MAX_UNDER_WAY + 1)})
                self.assertEqual(len(door.link.sent), MAX_UNDER_WAY + 2)

        self.tell(story())

    def test_patience(self) -> None:
        """A request without an answer ends after `patience`, whether there is a connection or not."""

        async def story() -> None:
            door, loop = Door(), asyncio.get_running_loop()
            async with door.client(patience=7) as client:
                with self.assertRaises(Unreachable) as late:
                    await client.kill("p")
                self.assertEqual(loop.time() // 1, 7)
                self.assertIn("within 7 seconds", str(late.exception))
                door.closed.extend(Unreachable("It is away.") for _ in range(1000))
                door.link.cut()
                await settle()
                with self.assertRaises(Unreachable) as late:
                    await client.kill("p")
                self.assertEqual(loop.time() // 1, 14)
                self.assertIn("It is away.", str(late.exception))
                # What was given up is not asked later.
                door.closed.clear()
                await asyncio.sleep(60)
                self.assertEqual(door.link.sent, [])

        self.tell(story())
        self.assertEqual(Door().client().patience, PATIENCE)

    def test_before_and_after(self) -> None:
        """A client that was not entered, or has ended, says so."""

        async def story() -> None:
            door = Door()
            client = door.client()
            with self.assertRaises(RuntimeError):
                await client.kill("p")
            async with client:
                pass
            for request in (client.kill("p"), client.acknowledge_messages("p", 1), client.events("p").__aenter__()):
                with self.assertRaises(ConnectionLost):
                    await request
            with self.assertRaises(ConnectionLost):
                await anext(client.watch_projects())
            await client.close()

        self.tell(story())


class RateTests(LoopTestCase):
    def test_it_waits_and_asks_again(self) -> None:
        """After one request too many nothing is asked for as long as the server says; then again, in order."""

        async def story() -> None:
            door, loop = Door(), asyncio.get_running_loop()
            async with door.client() as client:
                asking = [begin(client.kill(name)) for name in ("one", "two", "three")]
                one, two, _ = [await door.link.asked() for _ in range(3)]
                door.link.refuse(one, "RATE_LIMITED", retry_after=2.5)
                door.link.refuse(two, "RATE_LIMITED", retry_after=1)
                await settle()
                asking.append(begin(client.kill("four")))
                await asyncio.sleep(2.4)
                self.assertEqual(len(door.link.sent), 3)
                await asyncio.sleep(0.1)
                again = [await door.link.asked() for _ in range(3)]
                self.assertEqual(again[:2], [one, two])
                for request in (door.link.sent[2], *again):
                    door.link.answer(request, ProcessKilled("e"))
                self.assertEqual(await outcomes(*asking), [ProcessKilled("e")] * 4)
                self.assertEqual(loop.time() // 0.1, 25)

        self.tell(story())

    def test_odd_waits(self) -> None:
        """A server that does not say for how long, or says it oddly, is left alone for a second, never for ever."""

        async def story() -> None:
            for said, waited in ((None, RATE_PAUSE), (0, RATE_PAUSE), ("x", RATE_PAUSE), (1e9, LONGEST_PAUSE)):
                door = Door()
                async with door.client(patience=1000) as client:
                    killing = begin(client.kill("p"))
                    door.link.refuse(await door.link.asked(), "RATE_LIMITED", retry_after=said)
                    await asyncio.sleep(LONGEST_PAUSE + 1)
                    self.assertEqual(door.pauses, [waited])
                    door.link.answer(await door.link.asked(), ProcessKilled("e"))
                    await killing

        self.tell(story())

    def test_another_connection(self) -> None:
        """What one connection asked to wait for does not hold up the next."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                listing = begin(client.list_projects())
                door.link.refuse(await door.link.asked(), "RATE_LIMITED", retry_after=50)
                door.link.cut()
                await asyncio.sleep(FIRST_WAIT)
                door.link.answer(await door.link.asked("project_list"), NO_PROJECTS)
                self.assertEqual(await outcomes(listing), [[]])

        self.tell(story())

    def test_a_subscription_is_not_ended_by_it(self) -> None:
        """A join that was one request too many is asked again like any other."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                entering = begin(client.events("p").__aenter__())
                door.link.refuse(await door.link.asked(), "RATE_LIMITED", retry_after=1)
                await asyncio.sleep(2)
                request = await door.link.asked("project_join")
                door.link.answer(request, STATE)
                door.link.answer(request, _joined())
                self.assertEqual((await anext(await entering)).type, "project_state")

        self.tell(story())


def _joined(head: int = 0, first: int = 1, gap: bool = False) -> replies.ProjectJoined:
    replay = replies.Replay.GAP if gap else replies.Replay.COMPLETE
    return replies.ProjectJoined("p", "11111111-2222-4333-8444-555555555555", STATE.state, None, head, first, 0, replay)


class LostTests(LoopTestCase):
    def test_what_becomes_of_requests(self) -> None:
        """What changes nothing, and a prompt, is asked again; of what else was under way the outcome is not known."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                once = [
                    begin(client.create_project("/a")),
                    begin(client.kill("p")),
                    begin(client.allow("p", "q")),
                    begin(client.request(commands.Execute(project_id="p", prompt="without an id"))),
                ]
                again = [begin(client.list_projects()), begin(client.execute("p", "x"))]
                await settle()
                self.assertEqual(len(door.link.sent), 6)
                first = door.link
                first.cut()
                self.assertEqual(await outcomes(*once), [ConnectionLost] * 4)
                later = begin(client.kill("q"))
                await asyncio.sleep(FIRST_WAIT)
                self.assertEqual(door.link.types, ["project_list", "execute", "agent_kill"])
                self.assertEqual(door.link.sent[:2], first.sent[4:])
                listing, prompt, killing = door.link.sent
                door.link.answer(listing, NO_PROJECTS)
                door.link.answer(prompt, ACCEPTED)
                door.link.answer(killing, ProcessKilled("e"))
                self.assertEqual(await outcomes(*again, later), [[], ACCEPTED, ProcessKilled("e")])

        self.tell(story())

    def test_what_was_not_sent_waits(self) -> None:
        """Requests that are made while there is no connection are sent on the next one, in their order."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                door.link.cut()
                await settle()
                self.assertEqual(client.standing.phase, Phase.WAITING)
                asking = [begin(client.kill(str(number))) for number in range(5)]
                await asyncio.sleep(FIRST_WAIT)
                self.assertEqual([one["data"] for one in door.link.sent], [{"project_id": str(n)} for n in range(5)])
                for request in door.link.sent:
                    door.link.answer(request, ProcessKilled("e"))
                self.assertEqual(await outcomes(*asking), [ProcessKilled("e")] * 5)

        self.tell(story())

    def test_what_could_not_be_sent(self) -> None:
        """A request that is being sent as the connection ends counts as sent; the one behind it does not."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                door.link.full = asyncio.Event()
                first, second = begin(client.kill("one")), begin(client.kill("two"))
                await settle()
                door.link.cut()
                self.assertEqual(await outcomes(first), [ConnectionLost])
                await asyncio.sleep(FIRST_WAIT)
                door.link.answer(await door.link.asked(), ProcessKilled("e"))
                self.assertEqual(await outcomes(second), [ProcessKilled("e")])

        self.tell(story())

    def test_the_same_prompt_id(self) -> None:
        """A prompt has an id in any case, the one that was chosen, and keeps it."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                chosen = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
                begin(client.execute("p", "x", prompt_id=chosen))
                begin(client.execute("p", "x"))
                data = [(await door.link.asked())["data"] for _ in range(2)]
                assert all(isinstance(one, dict) for one in data)
                ids = [one["prompt_id"] for one in data]  # type: ignore[index]
                self.assertEqual(ids[0], chosen)
                self.assertNotEqual(ids[1], chosen)

        self.tell(story())

    def test_waits(self) -> None:
        """Each new try waits longer, up to a bound; after a connection that lasted the waits begin anew."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                door.closed.extend(Unreachable(f"{number}.") for number in range(9))
                door.link.cut()
                await asyncio.sleep(600)
                bounds = [min(LONGEST_WAIT, FIRST_WAIT * 2**number) for number in range(10)]
                self.assertEqual(door.pauses, [0.75 * bound for bound in bounds])
                self.assertEqual(client.standing.phase, Phase.CONNECTED)
                told = [(one.phase, one.reason, one.retry_in) for one in door.standings[2:6]]
                self.assertEqual(
                    told,
                    [
                        (Phase.WAITING, "The connection was lost.", 0.75 * FIRST_WAIT),
                        (Phase.CONNECTING, "The connection was lost.", 0.0),
                        (Phase.WAITING, "0.", 1.5 * FIRST_WAIT),
                        (Phase.CONNECTING, "0.", 0.0),
                    ],
                )
                door.link.cut()  # which lasted
                await settle()
                self.assertEqual(door.pauses[10:], [0.75 * FIRST_WAIT])
                await asyncio.sleep(FIRST_WAIT)
                await asyncio.sleep(STEADY - FIRST_WAIT)
                door.link.cut()  # which did not
                await settle()
                self.assertEqual(door.pauses[11:], [1.5 * FIRST_WAIT])

        self.tell(story())

    def test_acknowledgements(self) -> None:
        """What was shown is told without waiting for anything; while there is no connection the last one counts."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                await client.acknowledge_messages("p", 1)
                await settle()
                self.assertEqual(door.link.sent[0]["data"], {"project_id": "p", "seq": 1})
                door.link.cut()
                await settle()
                for seq in range(2, 100):
                    await client.acknowledge_messages("p", seq)
                    await client.acknowledge_messages("q", seq)
                await asyncio.sleep(FIRST_WAIT)
                data = [request["data"] for request in door.link.sent]
                self.assertEqual(data, [{"project_id": "p", "seq": 99}, {"project_id": "q", "seq": 99}])

        self.tell(story())


class EnteringTests(LoopTestCase):
    def test_there_is_no_way(self) -> None:
        """What keeps a client from coming in is raised at once, and told; it may be tried again."""

        async def story() -> None:
            for problem in (
                Unreachable("Away."),
                NotMyServer("Another."),
                TurnedAway("No.", "unknown"),
                Problem("CA."),
            ):
                door = Door(closed=deque([problem]))
                client = door.client()
                with self.assertRaises(type(problem)):
                    await client.__aenter__()
                await settle()
                self.assertEqual([one.phase for one in door.standings], [Phase.CONNECTING, Phase.CLOSED])
                self.assertEqual(door.standings[-1].reason, str(problem))
                async with client:
                    pass

        self.tell(story())


class EndTests(LoopTestCase):
    """Whatever ends a client: everybody who waits hears of it."""

    async def everybody(self, door: Door, client: Client) -> Sequence["asyncio.Task[Any]"]:
        """One of each kind of those who can wait."""
        events = client.events("p")
        entering = begin(events.__aenter__())
        request = await door.link.asked("project_join")
        door.link.answer(request, STATE)
        door.link.answer(request, _joined())
        await entering
        for _ in range(2):
            await anext(events)
        projects, stats = client.watch_projects(), client.watch_stats()
        waiting = [
            begin(client.kill("p")),
            begin(client.list_projects()),
            begin(client.execute("p", "x")),
            begin(client.events("q").__aenter__()),
            begin(next_of(events)),
            begin(next_of(projects)),
            begin(next_of(stats)),
        ]
        for type_, reply in (("project_list", NO_PROJECTS), ("server_stats", STATS)):
            await settle()
            for request in door.link.sent:
                if request["type"] == type_ and request["data"] == {"subscribe": True}:
                    door.link.answer(request, reply)
        await settle()
        self.assertFalse([task for task in waiting if task.done()])
        return waiting

    def test_closed(self) -> None:
        """A client that is closed lets nobody wait."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                waiting = await self.everybody(door, client)
            self.assertEqual(await outcomes(*waiting), [ConnectionLost] * 7)
            self.assertEqual(door.standings[-1].phase, Phase.CLOSED)

        self.tell(story())

    def test_closed_while_it_waits(self) -> None:
        """A client can be closed while there is no connection, and while one is being made."""

        async def story() -> None:
            for phase in (Phase.WAITING, Phase.CONNECTING):
                door = Door()
                async with door.client() as client:
                    waiting = await self.everybody(door, client)
                    door.greets = phase is Phase.WAITING
                    door.link.cut()
                    await asyncio.sleep(0.01 if phase is Phase.WAITING else FIRST_WAIT)
                    self.assertEqual(client.standing.phase, phase)
                self.assertEqual(await outcomes(*waiting), [ConnectionLost] * 7)
                self.assertTrue(all(link.is_closed for link in door.links))

        self.tell(story())

    def test_the_device_was_revoked(self) -> None:
        """A device that may no longer come in hears so, by a close code or at the next try, and does not try again."""

        async def story() -> None:
            for code, problem in (
                (4401, None),
                (None, TurnedAway("Revoked.", "unknown")),
                (None, NotMyServer("Other.")),
            ):
                door = Door()
                async with door.client() as client:
                    waiting = await self.everybody(door, client)
                    if problem is not None:
                        door.closed.append(problem)
                    door.link.cut(code)
                    await asyncio.sleep(100)
                    kind = type(problem or TurnedAway(""))
                    # What was under way and must not be asked twice has heard of the loss before.
                    first = TurnedAway if code else ConnectionLost
                    self.assertEqual(await outcomes(*waiting), [first] + [kind] * 6)
                    self.assertEqual(len(door.links), 1)
                    with self.assertRaises(kind):
                        await client.list_projects()
                self.assertEqual(door.standings[-1].phase, Phase.CLOSED)

        self.tell(story())

    def test_a_fault(self) -> None:
        """A fault in the reading, or in making a connection, ends the client: everybody hears that, and of the fault
        whoever closes it."""

        async def story() -> None:
            for is_cut in (False, True):
                door = Door()
                client = await door.client().__aenter__()
                waiting = await self.everybody(door, client)
                fault = ZeroDivisionError("a fault")
                if is_cut:
                    door.closed.append(fault)
                    door.link.cut()
                else:
                    door.link.say(fault)
                self.assertEqual(await outcomes(*waiting), [ConnectionLost] * 7)
                with self.assertRaises(ConnectionLost) as lost:
                    await client.list_projects()
                self.assertIs(lost.exception.__cause__, fault)
                with self.assertRaises(ZeroDivisionError):
                    await client.close()
                self.assertTrue(door.link.is_closed)

        self.tell(story())

    def test_an_observer_that_fails(self) -> None:
        """What `on_standing` raises is told to the loop's handler, and hurts nothing else."""

        async def story() -> None:
            def observe(_: object) -> None:
                raise ZeroDivisionError

            door = Door()
            async with door.client(on_standing=observe) as client:
                killing = begin(client.kill("p"))
                door.link.answer(await door.link.asked(), ProcessKilled("e"))
                await killing

        self.tell(story(), complaints=3)

    def test_a_close_that_is_cancelled(self) -> None:
        """Whoever is cancelled while closing is cancelled, and the client ends all the same."""

        async def story() -> None:
            door = Door()
            client = await door.client().__aenter__()
            closing = begin(client.close())
            await asyncio.sleep(0)
            closing.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await closing
            await settle()
            self.assertTrue(door.link.is_closed)

        self.tell(story())

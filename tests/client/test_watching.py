# -*- test-case-name: tests.client.test_watching -*-
"""Those who watch all projects, or the server's figures, over connections that come and go."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator

from pocketagent.client.standing import FIRST_WAIT
from pocketagent.client.watching import MAX_WATCHED
from pocketagent.domain import replies
from pocketagent.wire.server import Message
from tests.client.door import Door, FakeLink, Request
from tests.client.loops import LoopTestCase, begin, next_of, settle
from tests.wire.test_server import STATE, TOLD

STATS = next(one for one in TOLD if isinstance(one, replies.ServerStats))
NO_PROJECTS = replies.ProjectListed([], 0)


def _at_once(link: FakeLink, request: Request) -> None:
    if request["type"] == "project_list":
        link.answer(request, NO_PROJECTS)


async def _take(messages: AsyncIterator[Message], number: int) -> list[str]:
    found: list[str] = []
    async with contextlib.aclosing(messages):  # type: ignore[type-var]
        async for message in messages:
            found.append(message.type)
            if len(found) == number:
                break
    return found


class WatchTests(LoopTestCase):
    def test_projects(self) -> None:
        """Who watches hears of every project, and of nothing else; who stops is forgotten, here and there."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                watching = begin(_take(client.watch_projects(), 2))
                request = await door.link.asked("project_list")
                self.assertEqual(request["data"], {"subscribe": True})
                door.link.answer(request, NO_PROJECTS)
                door.link.tell(STATS)
                door.link.event(5)
                door.link.tell(STATE)
                door.link.tell(replies.ProjectDeleted("p"), "p")
                self.assertEqual(await watching, ["project_state", "project_deleted"])
                self.assertEqual((await door.link.asked("project_list"))["data"], {"subscribe": False})

        self.tell(story())

    def test_stats(self) -> None:
        """The figures come as values, and go on after the connection was lost."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                stats = client.watch_stats()
                first = begin(next_of(stats))
                door.link.answer(await door.link.asked("server_stats"), STATS)
                door.link.tell(STATS)
                self.assertEqual(await first, STATS)
                door.link.cut()
                await asyncio.sleep(FIRST_WAIT)
                self.assertEqual((await door.link.asked("server_stats"))["data"], {"subscribe": True})
                door.link.tell(STATS)
                self.assertEqual(await anext(stats), STATS)
                await stats.aclose()  # type: ignore[attr-defined]

        self.tell(story())

    def test_two_who_watch(self) -> None:
        """Each hears everything; the server is told when the last one has gone."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                one, two = client.watch_projects(), client.watch_projects()
                firsts = [begin(next_of(each)) for each in (one, two)]
                for _ in range(2):
                    door.link.answer(await door.link.asked("project_list"), NO_PROJECTS)
                await settle()
                door.link.tell(STATE)
                self.assertEqual([(await first).type for first in firsts], ["project_state"] * 2)
                await one.aclose()  # type: ignore[attr-defined]
                await settle()
                self.assertEqual(len(door.link.sent), 2)
                await two.aclose()  # type: ignore[attr-defined]
                self.assertEqual((await door.link.asked())["data"], {"subscribe": False})

        self.tell(story())

    def test_the_bound(self) -> None:
        """A watcher who does not look keeps the newest of what it missed."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                watching = client.watch_projects()
                first = begin(next_of(watching))
                door.link.answer(await door.link.asked("project_list"), NO_PROJECTS)
                door.link.tell(STATE)
                await first
                for number in range(MAX_WATCHED + 3):
                    door.link.tell(replies.ProjectDeleted(str(number)), str(number))
                await settle()
                found = [(await anext(watching)).project_id for _ in range(MAX_WATCHED)]
                self.assertEqual(found, [str(number) for number in range(3, MAX_WATCHED + 3)])
                await watching.aclose()  # type: ignore[attr-defined]

        self.tell(story())

    def test_a_loop_that_is_left(self) -> None:
        """Whoever breaks out of the loop, without more ado, is forgotten as well."""

        async def story() -> None:
            door = Door(hear=_at_once)
            async with door.client() as client:

                async def look() -> None:
                    async for _ in client.watch_projects():
                        break

                looking = begin(look())
                await settle()
                door.link.tell(STATE)
                await looking
                gc.collect()
                await settle()
                self.assertEqual(door.link.sent[-1]["data"], {"subscribe": False})

        self.tell(story())

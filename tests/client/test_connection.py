# -*- test-case-name: tests.client.test_connection -*-
"""One connection: how it begins, and why it ended."""

import asyncio

from pocketagent.client import Unreachable
from pocketagent.client.connection import GREETING_TIMEOUT
from pocketagent.client.standing import LONGEST_WAIT
from tests.client.door import Door
from tests.client.loops import LoopTestCase, begin, settle


class GreetingTests(LoopTestCase):
    def test_no_greeting(self) -> None:
        """Whoever does not greet as the protocol says is no server; the connection is closed again."""

        async def story() -> None:
            for said, sentence in (
                (None, "said nothing"),
                (b"hello", "no message of this protocol"),
                (b'{"type":"welcome"}', "welcome"),
                (b'{"type":"connection_established","data":{}}', "does not understand"),
                (1001, "stops"),
            ):
                door = Door(greets=False)
                entering = begin(door.client().__aenter__())
                await settle()
                if isinstance(said, int):
                    door.link.cut(said)
                elif said is not None:
                    door.link.say(said)
                with self.assertRaises(Unreachable) as problem:
                    await entering
                self.assertIn(sentence, str(problem.exception))
                self.assertTrue(door.link.is_closed)
            self.assertEqual(asyncio.get_running_loop().time() // 1, GREETING_TIMEOUT)

        self.tell(story())

    def test_given_up_meanwhile(self) -> None:
        """Who gives up before the greeting leaves no connection behind."""

        async def story() -> None:
            door = Door(greets=False)
            entering = begin(door.client().__aenter__())
            await settle()
            entering.cancel()
            await settle()
            self.assertTrue(entering.cancelled())
            self.assertTrue(door.link.is_closed)

        self.tell(story())


class EndTests(LoopTestCase):
    def test_reasons(self) -> None:
        """Why a connection ended is told as a sentence, where the server said it."""

        async def story() -> None:
            door = Door()
            async with door.client() as client:
                for code, word in ((1001, "stops"), (1011, "journal"), (4429, "fewer"), (1000, "use"), (1006, "lost")):
                    door.link.cut(None if code == 1006 else code)
                    await settle()
                    self.assertIn(word, client.standing.reason)
                    await asyncio.sleep(LONGEST_WAIT)
                door.link.say(b"what is this")
                await settle()
                self.assertIn("no message of this protocol", client.standing.reason)
                self.assertTrue(door.link.is_closed)

        self.tell(story())

"""A conversation is searched from its end, in bounded steps, and a search can be gone on with."""

import json
from collections.abc import Sequence

from twisted.internet.defer import Deferred

from pocketagent.domain.message import Entry
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.searching import Hits, Sieve
from pocketagent.services import searching
from pocketagent.services.searching import AT_ONCE, SEARCH_TIME
from tests.services.workshop import WorkshopCase, done

NOW = "2026-01-01T12:00:00.000000Z"


def said(seq: int, text: str) -> Entry:
    message = {"type": "assistant", "uuid": "needle", "message": {"content": [{"type": "text", "text": text}]}}
    return Entry(seq, NOW, "claude", "agent_message", json.dumps(message).encode())


class SearchTests(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()

    def fill(self, *texts: str, first: int = 1) -> None:
        entries = [said(seq, text) for seq, text in enumerate(texts, first)]
        self.shop.journals.fill(self.project_id, entries)
        self.successResultOf(done(self.shop.restart()))

    def find(self, wanted: str, before: int | None = None, limit: int = 10) -> Hits:
        return self.successResultOf(done(self.shop.services.searching.find(self.project_id, wanted, before, limit)))

    def seqs(self, found: Hits) -> tuple[list[int], int, bool]:
        return [hit.seq for hit in found.hits], found.searched_to, found.has_more

    def test_found(self) -> None:
        """What people read is found, newest first, and nothing else of a line."""
        self.fill("a Needle", "hay", "needles", "hay")
        found = self.find("NEEDLE")
        self.assertEqual(self.seqs(found), ([3, 1], 1, False))
        hit = found.hits[0]
        self.assertEqual(
            (hit.timestamp, hit.type, hit.direction, hit.snippet), (NOW, "agent_message", "claude", "needles")
        )
        self.assertEqual(self.seqs(self.find("needle", before=3)), ([1], 1, False))
        self.assertEqual(self.seqs(self.find("needle", before=0)), ([], 0, False))
        self.assertEqual(self.seqs(self.find("straw")), ([], 1, False))

    def test_limit(self) -> None:
        """So many hits are told, and the search can be gone on with where it ended; nothing is told twice or missed."""
        self.fill(*["needle"] * 5)
        found, before = [], None
        for more in (True, True, False):
            hits = self.find("needle", before, 2)
            found += [hit.seq for hit in hits.hits]
            before = hits.searched_to
            self.assertEqual(hits.has_more, more)
        self.assertEqual(found, [5, 4, 3, 2, 1])

    def test_bounds(self) -> None:
        """A search ends after so many steps or so much time, says how far it came, and goes on from there."""
        self.fill("needle", *["hay"] * 9, first=11)
        self.patch(searching, "STEP", 1)
        self.patch(searching, "STEPS", 4)
        self.assertEqual(self.seqs(self.find("needle")), ([], 17, True))
        self.assertEqual(self.seqs(self.find("needle", 17)), ([], 13, True))
        self.assertEqual(self.seqs(self.find("needle", 13)), ([11], 11, False))
        clock = self.shop.clock
        seconds = clock.seconds()

        def passing() -> float:
            nonlocal seconds
            seconds += SEARCH_TIME
            return seconds

        self.patch(clock, "seconds", passing)
        self.assertEqual(self.seqs(self.find("needle")), ([], 20, True))

    def test_few_at_a_time(self) -> None:
        """However many search, few make a step at a time, and each makes one, however long it waited."""
        self.fill("needle")
        journal = self.shop.services.projects.conversation(self.project_id).journal
        sifted, stuck = journal.sifted, [Deferred[None]() for _ in range(AT_ONCE + 3)]
        begun = iter(stuck)
        under_way = 0

        async def slow(sieve: Sieve, before: int, size: int) -> tuple[Sequence[Entry], int]:
            nonlocal under_way
            under_way += 1
            await next(begun)
            under_way -= 1
            return await sifted(sieve, before, size)

        self.patch(journal, "sifted", slow)
        finding = [done(self.shop.services.searching.find(self.project_id, "needle", None, 5)) for _ in stuck]
        self.shop.clock.advance(SEARCH_TIME)
        for each in stuck:
            self.assertLessEqual(under_way, AT_ONCE)
            each.callback(None)
        for one in finding:
            self.assertEqual(self.seqs(self.successResultOf(one)), ([1], 1, False))

    def test_no_project(self) -> None:
        """There is nothing to be found in a project that is not there."""
        finding = done(self.shop.services.searching.find("p", "needle", None, 1))
        self.assertEqual(self.failureResultOf(finding, Refusal).value.code, Code.PROJECT_NOT_FOUND)

"""Tests of `pocketagent.inbound.routes`."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.inbound.answer import Answer
from pocketagent.inbound.routes import Route, Routes, Visit


class RoutesTests(SynchronousTestCase):
    def route(self, method: str, path: str) -> Route:
        async def answer(visit: Visit) -> Answer:
            return Answer(200)

        return Route(method=method, path=path, answer=answer, scope=None)

    def test_find(self) -> None:
        """A path is found letter by letter, ids aside; what stands beside an id comes before it."""
        routes = Routes.of(
            [self.route("GET", path) for path in ("/", "/a", "/a/{id}", "/a/b", "/a/{id}/c", "/a/{id}/d/{other}")]
        )
        for path, found in (
            ("/", {}),
            ("/a", {}),
            ("/a/b", {}),
            ("/a/x-1_Y", {"id": "x-1_Y"}),
            ("/a/x/c", {"id": "x"}),
            ("/a/x/d/y", {"id": "x", "other": "y"}),
            ("/a/" + "x" * 128, {"id": "x" * 128}),
        ):
            place = routes.find(path)
            assert place is not None, path
            self.assertEqual((place.path, place.methods), (found, ("GET", "HEAD")), path)
        for path in ("", "a", "*", "/b", "/a/", "/a//c", "/a/x/", "/a/x/d", "/a/x.y", "/a/{id}", "/a/" + "x" * 129):
            self.assertIsNone(routes.find(path), path)

    def test_twice(self) -> None:
        """Two routes at one place are a mistake that shows when they are put together."""
        self.assertRaises(AssertionError, Routes.of, [self.route("GET", "/a"), self.route("GET", "/a")])
        self.assertRaises(AssertionError, Routes.of, [self.route("GET", "/{a}"), self.route("PUT", "/{b}")])

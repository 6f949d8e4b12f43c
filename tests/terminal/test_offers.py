# -*- test-case-name: tests.terminal.test_offers -*-
"""What the agent suggests to allow for good, in words."""

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.fields import MAX_LIST
from pocketagent.terminal.offers import MAX_OFFERS, MAX_SUGGESTIONS, offers_of
from pocketagent.wire.events import as_plain

ROOT = "/home/me/project"
HERE = "here (kept in .claude/settings.local.json)"


def rules(*names: tuple[str, str | None], **fields: object) -> Mapping[str, object]:
    """A suggestion about rules, as the CLI spells it."""
    spelt = [{"toolName": tool, **({} if content is None else {"ruleContent": content})} for tool, content in names]
    return {"type": "addRules", "rules": spelt, "behavior": "allow", "destination": "localSettings", **fields}


def mode(name: str, destination: str = "session") -> Mapping[str, object]:
    return {"type": "setMode", "mode": name, "destination": destination}


def directories(kind: str, *names: str) -> Mapping[str, object]:
    return {"type": kind, "directories": list(names), "destination": "session"}


class OffersTests(SynchronousTestCase):
    def test_words(self) -> None:
        """Each says what a person would grant, and for how long."""
        for suggestion, words in (
            (rules(("Bash", "make *")), f"always allow `make *` {HERE}"),
            (rules(("Read", "//etc/**")), f"always allow reading `//etc/**` {HERE}"),
            (rules(("Edit", None)), f"always allow every use of Edit {HERE}"),
            (rules(("WebFetch", "domain:a.org")), f"always allow WebFetch `domain:a.org` {HERE}"),
            (rules(("Bash", "a"), ("Bash", "b"), ("X", None)), f"always allow `a`, `b` and every use of X {HERE}"),
            (rules(), f"always allow nothing {HERE}"),
            (rules(("Bash", "a"), behavior="deny"), f"always deny `a` {HERE}"),
            (rules(("Bash", "a"), behavior="ask"), f"always ask before `a` {HERE}"),
            (rules(("Bash", "a"), type="removeRules"), f"no longer always allow `a` {HERE}"),
            (
                rules(("Bash", "a"), type="replaceRules"),
                f"always allow `a`, and none of what was so until now, {HERE}",
            ),
            (
                rules(("Bash", "a"), destination="projectSettings"),
                "always allow `a` here, for everybody (kept in .claude/settings.json)",
            ),
            (
                rules(("Bash", "a"), destination="userSettings"),
                "always allow `a` everywhere (kept in ~/.claude/settings.json)",
            ),
            (rules(("Bash", "a"), destination="cliArg"), "always allow `a` until the agent ends"),
            (mode("acceptEdits"), "allow all edits in this session"),
            (mode("bypassPermissions"), "allow everything without asking in this session"),
            (mode("plan"), "only plan, change nothing in this session"),
            (directories("addDirectories", "/tmp/a"), "let the agent work in `/tmp/a` in this session"),
            (directories("addDirectories", ROOT), "let the agent work in the project's own directory in this session"),
            (directories("removeDirectories", "/a"), "no longer let the agent work in `/a` in this session"),
        ):
            (offer,) = offers_of([suggestion], ROOT)
            self.assertEqual(offer.words, words)
            self.assertEqual(as_plain(offer.update), suggestion if "rules" in suggestion else as_plain(offer.update))

    def test_not_understood(self) -> None:
        """What is not understood whole is not offered: it could grant more than it says."""
        for suggestion in (
            *({}, mode("readMinds"), mode("plan", "everywhere"), {"type": "setMode", "destination": "session"}),
            {**mode("plan"), "until": "tomorrow"},
            {"type": "addRules", "rules": [{"toolName": "Bash", "unless": "rm"}], "behavior": "allow"},
            rules(("Bash", "a"), behavior="maybe"),
            rules(("Bash", "a"), directories=["/"]),
            rules(*[("Bash", "a")], rules=[{"toolName": "Bash", "ruleContent": "a", "unless": "b"}]),
            directories("addDirectories", *["/a"] * (MAX_LIST + 1)),
        ):
            self.assertEqual(offers_of([suggestion], ROOT), ())

    def test_no_rules(self) -> None:
        """Where rules are not to be offered the rest is."""
        (offer,) = offers_of([rules(("Bash", "a")), mode("plan")], ROOT, rules=False)
        self.assertEqual(as_plain(offer.update), mode("plan"))

    def test_bounds(self) -> None:
        """There are as many offers as digits, from as many suggestions as are looked at."""
        for count in MAX_OFFERS, MAX_OFFERS + 1:
            self.assertEqual(len(offers_of([mode("plan")] * count, ROOT)), MAX_OFFERS)
        for odd, found in (MAX_SUGGESTIONS - 1, 1), (MAX_SUGGESTIONS, 0):
            self.assertEqual(len(offers_of([*[{}] * odd, mode("plan")], ROOT)), found)

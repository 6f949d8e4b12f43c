# -*- test-case-name: tests.terminal.test_offers -*-
"""What the agent suggests to allow for good, in words that say what a person would grant."""

import json
from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec
from attrs import frozen

from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.permission_updates import Destination, PermissionUpdate, ToolRule, UpdateKind
from pocketagent.domain.refusals import Refusal
from pocketagent.wire import foreign
from pocketagent.wire.events import as_plain

MAX_OFFERS = 9
"""As many as there are digits to choose with."""
MAX_SUGGESTIONS = 100
"""That are looked at."""

_KEPT = {
    Destination.LOCAL: "here (kept in .claude/settings.local.json)",
    Destination.PROJECT: "here, for everybody (kept in .claude/settings.json)",
    Destination.USER: "everywhere (kept in ~/.claude/settings.json)",
    Destination.SESSION: "in this session",
    Destination.ARGUMENTS: "until the agent ends",
}
_MODES = {
    PermissionMode.DEFAULT: "ask as usual",
    PermissionMode.ACCEPT_EDITS: "allow all edits",
    PermissionMode.PLAN: "only plan, change nothing",
    PermissionMode.AUTO: "let the agent judge what it has to ask",
    PermissionMode.DONT_ASK: "refuse without asking what is not allowed already",
    PermissionMode.BYPASS: "allow everything without asking",
}
_RULES = {"allow": "always allow", "deny": "always deny", "ask": "always ask before"}
_FILES = {"Read": "reading", "Edit": "editing", "Write": "writing", "NotebookEdit": "editing"}


@frozen
class Offer:
    """An update that may go with an answer, and what it means."""

    update: PermissionUpdate
    words: str


def offers_of(suggestions: Sequence[Mapping[str, object]], root: str, rules: bool = True) -> tuple[Offer, ...]:
    """What can be granted. What this version does not understand whole is left out: it could grant more than it says.

    `rules`: whether those that add a rule are offered.
    """
    found = (_offer(each, root) for each in suggestions[:MAX_SUGGESTIONS])
    fit = (each for each in found if each is not None and (rules or each.update.type is not UpdateKind.ADD_RULES))
    return tuple(islice(fit, MAX_OFFERS))


def _offer(suggestion: Mapping[str, object], root: str) -> Offer | None:
    try:
        update = msgspec.convert(suggestion, PermissionUpdate)
        # What is not given back as it came had a field that is not known here.
        known = json.dumps(as_plain(update), sort_keys=True) == json.dumps(suggestion, sort_keys=True)
        return Offer(update, _words(update, root)) if known else None
    except (Refusal, ValueError, TypeError, *foreign.ODD):
        return None


def _words(update: PermissionUpdate, root: str) -> str:
    where = _KEPT[update.destination]
    if update.mode is not None:
        return f"{_MODES[update.mode]} {where}"
    if update.directories is not None:
        names = _listed([f"`{path}`" if path != root else "the project's own directory" for path in update.directories])
        if update.type is UpdateKind.ADD_DIRECTORIES:
            return f"let the agent work in {names} {where}"
        return f"no longer let the agent work in {names} {where}"
    rules = _listed([_rule(rule) for rule in update.rules or ()])
    does = _RULES[update.behavior or "ask"]
    if update.type is UpdateKind.REPLACE_RULES:
        return f"{does} {rules}, and none of what was so until now, {where}"
    if update.type is UpdateKind.REMOVE_RULES:
        return f"no longer {does} {rules} {where}"
    return f"{does} {rules} {where}"


def _rule(rule: ToolRule) -> str:
    if rule.ruleContent is None:
        return f"every use of {rule.toolName}"
    if rule.toolName == "Bash":
        return f"`{rule.ruleContent}`"
    if rule.toolName in _FILES:
        return f"{_FILES[rule.toolName]} `{rule.ruleContent}`"
    return f"{rule.toolName} `{rule.ruleContent}`"


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "nothing"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

# -*- test-case-name: tests.services.test_browsing -*-
"""Somebody looks for a directory that is to be a project."""

from attrs import define

from pocketagent.domain.browsing import Candidates, Prospect, candidates
from pocketagent.domain.project import Standing
from pocketagent.domain.refusals import Refusal
from pocketagent.ports import IDirectories
from pocketagent.services.projects import Projects


@define(eq=False)
class Browsing:
    """What lies in the allowed roots. All raise Refusal(INVALID_PATH)."""

    _directories: IDirectories
    _projects: Projects

    async def inside(self, path: str | None, hidden: bool) -> Candidates:
        """The directories in this one; without a path, the allowed roots."""
        if path is None:
            found = await self._directories.roots()
        else:
            found = await self._directories.inside(path, hidden)
        return candidates(found, self._projects.places)

    async def prospect(self, path: str) -> Prospect:
        """What would be trusted, if a project were made of this directory. That there can be none in one that may be
        looked at is no error."""
        try:
            place = await self._directories.look(path)
        except Refusal as refusal:
            await self._directories.inside(path, False)
            return Prospect(Standing.UNTRUSTED, "", (), problem=refusal.message)
        trust = await self._directories.trust(place.path, "")
        return Prospect(trust.state, trust.fingerprint, trust.files, problem=None)

# -*- test-case-name: tests.services.test_mentions -*-
"""Which files of a project a person may mean who writes a prompt."""

from attrs import define

from pocketagent.domain.mentions import Mentions
from pocketagent.ports import IWorkingTrees
from pocketagent.services.projects import Projects


@define(eq=False)
class Mentioning:
    _trees: IWorkingTrees
    _projects: Projects

    async def find(self, project_id: str, query: str, limit: int) -> Mentions:
        """Raises Refusal: PROJECT_NOT_FOUND, STORAGE_UNAVAILABLE, INVALID_PATH."""
        return await self._trees.find(self._projects.conversation(project_id).project.path, query, limit)

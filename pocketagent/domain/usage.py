# -*- test-case-name: tests.domain.test_usage -*-
"""What a project's agent has used: dollars and tokens, by day and in all."""

from collections.abc import Mapping, Sequence

from attrs import asdict, evolve, field, frozen

DAYS = 366
"""Days of which it is kept."""


@frozen(kw_only=True)
class Spending:
    """What was used in some time. `turns`: how often the agent said that it had done what it was asked. Tokens as the
    API counts them; what was read from a cache is not among `input_tokens`."""

    cost_usd: float = 0.0
    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_creation_tokens: int = 0

    def plus(self, other: "Spending") -> "Spending":
        return Spending(
            cost_usd=self.cost_usd + other.cost_usd,
            turns=self.turns + other.turns,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_creation_tokens=self.cache_creation_tokens + other.cache_creation_tokens,
        )


@frozen(kw_only=True)
class DaySpending(Spending):
    """What one project used on one day (UTC), such as `2026-01-31`."""

    day: str
    project_id: str


@frozen
class SpendingFound:
    """What all projects used, by day."""

    days: Sequence[DaySpending]


@frozen
class Usage:
    """Of one project.

    `days`: by day (UTC), the last `DAYS` of those on which something was used. `cost_usd`: of its whole life.
    `total_usd`: what the agent said last of the conversation in all: it goes on counting when a conversation is
    resumed, and begins anew with a new one. `counted_seq`: up to which number of the journal everything is counted.
    """

    days: Mapping[str, Spending] = field(factory=dict)
    cost_usd: float = 0.0
    total_usd: float = 0.0
    counted_seq: int = 0

    def counted(self, day: str, total_usd: float | None, tokens: Spending) -> "Usage":
        """With one more result. `total_usd`: of the conversation so far, None where it was not said; `tokens`: of this
        turn, without what they cost."""
        total = self.total_usd if total_usd is None else total_usd
        cost = total - self.total_usd if total >= self.total_usd else total
        spent = self.days.get(day, Spending()).plus(evolve(tokens, cost_usd=cost, turns=1))
        days = {**self.days, day: spent}
        for old in sorted(days)[:-DAYS]:
            del days[old]
        return evolve(self, days=days, cost_usd=self.cost_usd + cost, total_usd=total)

    def anew(self) -> "Usage":
        """A new conversation begins."""
        return evolve(self, total_usd=0.0)

    def since(self, day: str, project_id: str) -> list[DaySpending]:
        """Of this day and later ones, the oldest first."""
        days = sorted(self.days.items())
        return [DaySpending(day=one, project_id=project_id, **asdict(spent)) for one, spent in days if one >= day]

import { describe, expect, it } from "vitest";
import type { DaySpending } from "../../src/protocol/generated";
import { OTHERS, plot } from "../../src/state/usage";

function used(day: string, project_id: string, cost_usd: number, tokens = 0): DaySpending {
  const none = { turns: 1, output_tokens: 0, cache_read_tokens: 0, cache_creation_tokens: 0 };
  return { day, project_id, cost_usd, input_tokens: tokens, ...none };
}

describe("the plot of what was used", () => {
  it("has a bar for each day up to today, also over the end of a month, and none beyond", () => {
    const shown = plot([used("2026-02-27", "a", 1), used("2026-02-20", "a", 9)], "cost", 3, "2026-03-01");
    expect(shown.bars.map(({ day, total }) => [day, total])).toEqual([
      ["2026-02-27", 1],
      ["2026-02-28", 0],
      ["2026-03-01", 0],
    ]);
    expect(shown.total).toBe(1);
  });

  it("stacks the projects of a day in the order of the series, the dearest first", () => {
    const days = [used("2026-03-01", "cheap", 1), used("2026-03-01", "dear", 3), used("2026-02-28", "cheap", 1)];
    const shown = plot(days, "cost", 2, "2026-03-01");
    expect(shown.series.map((one) => one.projectId)).toEqual(["dear", "cheap"]);
    expect(shown.bars[1]?.parts.map((one) => one.projectId)).toEqual(["dear", "cheap"]);
    expect(shown.bars[1]?.total).toBe(4);
  });

  it("joins what has no colour of its own, and loses nothing of it", () => {
    const days = Array.from({ length: 9 }, (_, index) => used("2026-03-01", `p${index}`, 10 - index));
    const shown = plot(days, "cost", 1, "2026-03-01");
    expect(shown.series.map((one) => one.projectId)).toEqual(["p0", "p1", "p2", "p3", "p4", OTHERS]);
    expect(shown.series.at(-1)?.value).toBe(5 + 4 + 3 + 2);
    expect(shown.bars[0]?.total).toBe(shown.total);
    expect(shown.total).toBe(54);
    expect(plot(days.slice(0, 6), "cost", 1, "2026-03-01").series.map((one) => one.projectId)).not.toContain(OTHERS);
  });

  it("counts tokens of every kind", () => {
    const day = {
      ...used("2026-03-01", "a", 1, 10),
      output_tokens: 5,
      cache_read_tokens: 100,
      cache_creation_tokens: 7,
    };
    expect(plot([day], "tokens", 7, "2026-03-01").total).toBe(122);
  });

  it("has a scale that ends with a round number, not below any bar", () => {
    const top = (cost: number) => plot([used("2026-03-01", "a", cost)], "cost", 1, "2026-03-01").top;
    expect([0, 0.013, 1, 1.01, 3, 7, 12].map(top)).toEqual([1, 0.02, 1, 2, 5, 10, 20]);
  });
});

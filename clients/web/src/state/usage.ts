/** What the agents have used, by day and project -> the bars of a plot. Pure. */

import type { DaySpending } from "../protocol/generated";

export type Measure = "cost" | "tokens";

/** Projects that have a colour of their own, the dearest first; the others are one. */
export const SERIES = 5;
export const OTHERS = "";

export interface Part {
  projectId: string;
  value: number;
}

export interface Bar {
  day: string;
  total: number;
  /** In the order of the series. */
  parts: readonly Part[];
}

/** `top`: the end of the scale, a round number not below any bar. */
export interface Plot {
  bars: readonly Bar[];
  series: readonly Part[];
  total: number;
  top: number;
}

function amount(of: DaySpending, measure: Measure): number {
  if (measure === "cost") return of.cost_usd;
  return of.input_tokens + of.output_tokens + of.cache_read_tokens + of.cache_creation_tokens;
}

/** The last `count` days up to `today` (such as 2026-01-31, UTC), also those on which nothing was used. */
export function plot(used: readonly DaySpending[], measure: Measure, count: number, today: string): Plot {
  const days = daysTo(today, count);
  const wanted = used.filter(({ day }) => days.includes(day));
  const totals = sums(wanted.map((one) => ({ projectId: one.project_id, value: amount(one, measure) })));
  const dearest = totals.toSorted((a, b) => b.value - a.value).filter(({ value }) => value > 0);
  const own = dearest.slice(0, dearest.length > SERIES + 1 ? SERIES : SERIES + 1);
  const nameOf = (id: string) => (own.some(({ projectId }) => projectId === id) ? id : OTHERS);
  const rest = sums(dearest.slice(own.length).map(({ value }) => ({ projectId: OTHERS, value })));
  const series = [...own, ...rest];
  const bars = days.map((day) => {
    const those = wanted.filter((one) => one.day === day);
    const found = sums(those.map((one) => ({ projectId: nameOf(one.project_id), value: amount(one, measure) })));
    const parts = series.flatMap(({ projectId }) => found.filter((part) => part.projectId === projectId));
    return { day, total: sum(parts), parts };
  });
  return { bars, series, total: sum(series), top: round(Math.max(...bars.map(({ total }) => total))) };
}

function sum(parts: readonly Part[]): number {
  return parts.reduce((before, { value }) => before + value, 0);
}

function sums(parts: readonly Part[]): Part[] {
  const found = new Map<string, number>();
  for (const { projectId, value } of parts) found.set(projectId, (found.get(projectId) ?? 0) + value);
  return [...found].map(([projectId, value]) => ({ projectId, value }));
}

function daysTo(today: string, count: number): string[] {
  const last = Date.parse(`${today}T00:00:00Z`);
  return Array.from({ length: count }, (_, index) =>
    new Date(last - (count - 1 - index) * 86_400_000).toISOString().slice(0, 10),
  );
}

/** The next of 1, 2, 5, 10, 20, 50 … that is not below; 1 for nothing at all. */
function round(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((step) => step * power >= value) ?? 10) * power;
}

/** What was said, as the rows of the list: small calls in a row are one, and a new day has a line. Pure. */

import { type Call, isBackground } from "./calls";
import type { Findings, Item } from "./findings";

/** `day`: the day that begins with this row, as the date of a person's calendar; null where it goes on. */
export interface Row {
  key: string;
  seq: number;
  at: string;
  day: string | null;
  /** One item; or a run of calls that only look. */
  items: readonly Item[];
}

/** Calls that only look: a run of them is shown as one. */
const LOOKING = new Set([
  "Read",
  "Grep",
  "Glob",
  "LS",
  "NotebookRead",
  "ToolSearch",
  "TodoRead",
  "TaskGet",
  "TaskList",
]);
/** What comes between the end of a turn and its failure. */
const BESIDE = new Set(["ended", "notice", "answered"]);
/** From how many on. */
const RUN = 3;

/** The rows of a conversation. `dayOf`: the day of a time where the person is. */
export function rowsOf(items: readonly Item[], found: Findings, dayOf: (at: string) => string): readonly Row[] {
  const rows: Row[] = [];
  let day = "";
  let at = 0;
  while (at < items.length) {
    const run = runAt(items, at);
    const taken = run >= RUN ? items.slice(at, at + run) : once(items, at);
    at += Math.max(1, taken.length);
    const first = taken[0];
    if (first === undefined || !isSeen(first, found)) continue;
    const today = dayOf(first.at);
    rows.push({ key: first.key, seq: first.seq, at: first.at, day: today === day ? null : today, items: taken });
    day = today;
  }
  return rows;
}

/** Whether an item has anything to show: an answer is shown with the call that it is about, and so is the end of one. */
function isSeen(item: Item, found: Findings): boolean {
  switch (item.kind) {
    case "answered":
      return !askers(found).has(item.permissionId);
    case "begun":
      return found.prompts[item.executionId]?.queued === true;
    case "notice": {
      const result = found.results[item.callId];
      return result === undefined || isBackground(result);
    }
    default:
      return true;
  }
}

/**
 * The item at a place, without what the failure of its turn tells again behind it: that it failed, and in which words. The
 * server cuts what is long: that is told by the agent alone in full.
 */
function once(items: readonly Item[], at: number): readonly Item[] {
  const item = items[at];
  if (item?.kind !== "ended" && item?.kind !== "text") return items.slice(at, at + 1);
  const failure = failureBehind(items, at);
  if (failure === undefined) return [item];
  if (item.kind === "text") return failure.message.includes(`: ${item.text.trim()}`) ? [] : [item];
  if (item.outcome !== "failed") return [item];
  return item.cost || item.tokens ? [{ ...item, outcome: "told" }] : [];
}

/** The failure that follows, where nothing is said or done between. */
function failureBehind(items: readonly Item[], from: number): Extract<Item, { kind: "failed" }> | undefined {
  let at = from + 1;
  while (BESIDE.has(items[at]?.kind ?? "")) at += 1;
  const item = items[at];
  return item?.kind === "failed" ? item : undefined;
}

function runAt(items: readonly Item[], from: number): number {
  let at = from;
  while (isLooking(items[at])) at += 1;
  return at - from;
}

function isLooking(item: Item | undefined): item is Call {
  return item?.kind === "call" && LOOKING.has(item.name);
}

const asked = new WeakMap<object, ReadonlySet<string>>();

/** The questions whose call is known. */
function askers(found: Findings): ReadonlySet<string> {
  const known = asked.get(found.questions) ?? new Set(Object.values(found.questions).map((one) => one.permissionId));
  asked.set(found.questions, known);
  return known;
}

/** The row in which an event stands, or the last one before it; -1 where there is none. */
export function rowAt(rows: readonly Row[], seq: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.seq ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

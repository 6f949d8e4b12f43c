/** What is loaded of a project's journal: the events from `first` to `last`, without a gap, and what they say. */

import type { Entry } from "../protocol/generated";
import { type Carry, type Findings, type Item, NOTHING, type Reading } from "./findings";
import { read } from "./reading";

export interface Thread extends Findings {
  first: number;
  last: number;
  items: readonly Item[];
  carry: Carry;
  /** The newest entries as they came, for whoever keeps them: at most `KEPT`. */
  tail: readonly Entry[];
}

/** How many of the newest entries are kept for the time without a server. */
export const KEPT = 300;

/** Nothing loaded yet: what comes next is the event behind `head`. */
export function empty(head: number): Thread {
  return { ...NOTHING, first: head + 1, last: head, tail: [] };
}

/** Add what follows. Events that are there already are left out; after a gap nothing can be added: it is thrown. */
export function append(thread: Thread, entries: readonly Entry[]): Thread {
  const fresh = entries.filter((entry) => entry.seq > thread.last);
  const newest = fresh.at(-1);
  if (fresh[0] === undefined || newest === undefined) return thread;
  if (fresh[0].seq !== thread.last + 1) throw new Error(`event ${thread.last + 1} is missing`);
  const tail = [...thread.tail, ...fresh];
  const reading = read(fresh, thread.carry);
  return { ...joined(thread, reading), first: thread.first, last: newest.seq, tail: tail.slice(-KEPT) };
}

/** Add a page of what came before, oldest first. */
export function prepend(thread: Thread, entries: readonly Entry[]): Thread {
  const older = entries.filter((entry) => entry.seq < thread.first);
  const oldest = older[0];
  if (oldest === undefined) return thread;
  if (older.at(-1)?.seq !== thread.first - 1) throw new Error(`event ${thread.first - 1} is missing`);
  const reading = read(older);
  const carry = thread.last < thread.first ? reading.carry : behind(reading.carry, thread.carry);
  const tail = [...older, ...thread.tail].slice(-KEPT);
  // What runs at the end of the older page did not begin in the newer one, which could not know that.
  const runs = reading.carry.executionId;
  const items = thread.items.filter((item) => item.kind !== "begun" || item.executionId !== runs);
  return { ...joined(reading, { ...thread, items }), carry, first: oldest.seq, last: thread.last, tail };
}

/** Two threads that meet, or overlap, are one. */
export function bridge(older: Thread, newer: Thread): Thread {
  const items = newer.items.filter((item) => item.seq > older.last);
  const carry = newer.last > older.last ? behind(older.carry, newer.carry) : older.carry;
  return {
    ...joined(older, { ...newer, items, carry }),
    first: older.first,
    last: Math.max(older.last, newer.last),
    tail: newer.tail,
  };
}

/** What is carried on from the newer, with what only the older one has heard. */
function behind(older: Carry, newer: Carry): Carry {
  return { ...newer, model: newer.model || older.model, mode: newer.mode || older.mode };
}

function joined(older: Findings & { items: readonly Item[] }, newer: Reading | Thread) {
  const inner = { ...older.inner };
  for (const [call, items] of Object.entries(newer.inner)) inner[call] = [...(inner[call] ?? []), ...items];
  return {
    items: [...older.items, ...newer.items],
    results: { ...older.results, ...newer.results },
    ends: { ...older.ends, ...newer.ends },
    questions: { ...older.questions, ...newer.questions },
    answers: { ...older.answers, ...newer.answers },
    prompts: { ...older.prompts, ...newer.prompts },
    inner,
    carry: newer.carry,
  };
}

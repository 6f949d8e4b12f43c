import { describe, expect, it } from "vitest";
import type { Entry, MessagesFound } from "../../src/protocol/generated";
import { begun, earlier, later, left } from "../../src/state/passage";
import { conversation, INITIAL, newest, opened, type State } from "../../src/state/state";
import { append, empty } from "../../src/state/thread";
import { recorded } from "../journal";

const ALL: readonly Entry[] = recorded("subagent");
const HEAD = ALL.length;
/** The last events are loaded: what is looked up lies before them. */
const LOADED = 10;

function found(entries: readonly Entry[], more: Partial<MessagesFound> = {}): MessagesFound {
  return { messages: [...entries], journal_id: "j", head_seq: HEAD, first_seq: 1, has_more: true, ...more };
}

const between = (after: number, before: number) => ALL.filter(({ seq }) => seq > after && seq < before);

function atEnd(): State {
  const shown = opened(INITIAL, "p", conversation(0, ""));
  return newest(shown, "p", found(ALL.slice(-LOADED).toReversed()));
}

const open = (state: State) => {
  const conversation = state.conversations.p;
  if (conversation === undefined) throw new Error("the project is not open");
  return conversation;
};

const first = open(atEnd()).thread.first;
const there = begun(atEnd(), "p", 8, 5, found(between(5, 12)));

describe("a passage", () => {
  it("begins around the event that is wanted, and leaves the end as it was", () => {
    expect(open(there).passage).toMatchObject({ target: 8, hasOlder: true, thread: { first: 6, last: 11 } });
    expect(open(left(there, "p"))).toEqual(open(atEnd()));
  });

  it("grows in both directions, and knows the beginning", () => {
    const up = earlier(there, "p", 6, found(between(0, 6).toReversed(), { has_more: false }));
    expect(open(up).passage).toMatchObject({ hasOlder: false, thread: { first: 1, last: 11 } });
    const down = later(up, "p", 11, found(between(11, 15)));
    expect(open(down).passage?.thread.last).toBe(14);
  });

  it("that reaches the end is one conversation with it, as if it had been read whole", () => {
    const up = earlier(there, "p", 6, found(between(0, 6).toReversed(), { has_more: false }));
    const whole = later(up, "p", 11, found(between(11, first)));
    expect(open(whole).passage).toBeNull();
    expect(open(whole).hasOlder).toBe(false);
    const { items, results, first: from, last } = open(whole).thread;
    const read = append(empty(0), ALL);
    expect({ from, last, results }).toEqual({ from: 1, last: HEAD, results: read.results });
    expect(items.map((item) => item.key)).toEqual(read.items.map((item) => item.key));
  });

  it("takes no page twice, and none of another journal", () => {
    const down = later(there, "p", 11, found(between(11, 15)));
    expect(later(down, "p", 11, found(between(11, 15)))).toEqual(down);
    expect(later(there, "p", 11, found(between(11, 15), { journal_id: "other" }))).toEqual(there);
    expect(begun(atEnd(), "p", 8, 5, found(between(5, 12), { journal_id: "other" }))).toEqual(atEnd());
  });
});

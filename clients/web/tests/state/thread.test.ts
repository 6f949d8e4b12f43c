// @vitest-environment node
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry } from "../../src/protocol/generated";
import { append, bridge, empty, KEPT, prepend, type Thread } from "../../src/state/thread";
import { Journal, recorded, TRANSCRIPT_NAMES } from "../journal";

/** The entries cut into pieces, at these places. */
function cut(entries: readonly Entry[], places: readonly number[]): (readonly Entry[])[] {
  const bounds = [0, ...new Set(places.toSorted((a, b) => a - b)), entries.length];
  return bounds.slice(1).map((end, index) => entries.slice(bounds[index], end));
}

function cuts(entries: readonly Entry[]) {
  return fc.array(fc.integer({ min: 0, max: entries.length }), { maxLength: 8 });
}

/** What a person sees: a prompt that waited is looked up. Which turn had which cost is known only with what was before. */
function seen(thread: Thread, withCost = false) {
  const items = thread.items.flatMap((item): object[] => {
    if (item.kind === "ended" && !withCost) return [{ ...item, cost: null }];
    if (item.kind !== "begun") return [item];
    const waited = thread.prompts[item.executionId];
    if (!waited?.queued) return [];
    const { prompt, by, attachments } = waited;
    const { executionId, key, seq, at } = item;
    return [{ kind: "prompt", text: prompt, by: by.name, executionId, attachments: attachments ?? [], key, seq, at }];
  });
  const { results, ends, inner, prompts, first, last, tail } = thread;
  return { items, results, ends, inner, prompts, first, last, tail };
}

describe.each(TRANSCRIPT_NAMES)("the journal of %s", (name) => {
  const entries = recorded(name);
  const whole = append(empty(0), entries);

  test("reads the same whole and as it came, in whatever pieces", () => {
    fc.assert(
      fc.property(cuts(entries), (places) => {
        expect(seen(cut(entries, places).reduce(append, empty(0)), true)).toEqual(seen(whole, true));
      }),
    );
  });

  test("reads the same whole and backwards, in pages cut wherever", () => {
    fc.assert(
      fc.property(cuts(entries), (places) => {
        const backwards = cut(entries, places).reduceRight(prepend, empty(entries.length));
        expect(seen(backwards)).toEqual(seen(whole));
      }),
    );
  });

  test("reads the same where the newest page was first, what is new came next, and what is old last", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: entries.length }), fc.integer({ min: 0, max: entries.length }), (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const newest = append(empty(from), entries.slice(from, to));
        const thread = prepend(append(newest, entries.slice(to)), entries.slice(0, from));
        expect(seen(thread)).toEqual(seen(whole));
      }),
    );
  });
});

describe("a thread", () => {
  const journal = new Journal();
  for (let count = 0; count < KEPT + 10; count += 1) {
    journal.add("agent_message", { type: "assistant", message: { content: `word ${count}` } });
  }
  const { entries } = journal;

  test("leaves out what it has", () => {
    const thread = append(empty(0), entries.slice(0, 5));
    expect(append(thread, entries.slice(2, 5))).toBe(thread);
    expect(prepend(thread, entries.slice(0, 3))).toBe(thread);
    expect(append(thread, entries.slice(2, 8)).items).toHaveLength(8);
  });

  test("takes nothing behind a gap, and nothing before one", () => {
    const thread = append(empty(10), entries.slice(10, 12));
    expect(() => append(thread, entries.slice(13))).toThrow("event 13 is missing");
    expect(() => prepend(thread, entries.slice(0, 9))).toThrow("event 10 is missing");
  });

  test("knows what the agent works with, as it came, after a reload, and once what was before is loaded", () => {
    const told = new Journal();
    told.add("agent_message", { type: "system", subtype: "init", model: "opus", permissionMode: "default" });
    told.add("agent_message", { type: "assistant", message: { content: "x", model: "another" } });
    told.add("agent_configured", { model: null, permission_mode: "plan" });
    told.add("agent_message", { type: "assistant", message: { content: "y" } });
    const worksWith = { model: "opus", mode: "plan" };
    expect(told.entries.reduce((thread, entry) => append(thread, [entry]), empty(0)).carry).toMatchObject(worksWith);
    expect(append(empty(0), told.entries).carry).toMatchObject(worksWith);
    const newest = append(empty(2), told.entries.slice(2));
    expect(newest.carry).toMatchObject({ model: "", mode: "plan" });
    expect(prepend(newest, told.entries.slice(0, 2)).carry).toMatchObject(worksWith);
    expect(bridge(append(empty(0), told.entries.slice(0, 3)), newest).carry).toMatchObject(worksWith);
  });

  test("keeps at most its newest entries for the time without a server", () => {
    const thread = append(empty(0), entries);
    expect(thread.tail).toEqual(entries.slice(-KEPT));
    expect(prepend(append(empty(5), entries.slice(5)), entries.slice(0, 5)).tail).toEqual(entries.slice(-KEPT));
  });
});

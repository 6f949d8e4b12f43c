import { describe, expect, it } from "vitest";
import { callState } from "../../src/state/calls";
import type { Findings, Item } from "../../src/state/findings";
import { rowAt, rowsOf } from "../../src/state/rows";

const NOTHING: Findings = { results: {}, questions: {}, answers: {}, inner: {}, prompts: {} };
const dayOf = (at: string) => at.slice(0, 10);
const at = (seq: number, day = 1) => ({ key: `${seq}`, seq, at: `2026-01-0${day}T00:00:00.000Z` });
const call = (seq: number, name: string): Item => ({ ...at(seq), kind: "call", id: `c${seq}`, name, input: {} });
const text = (seq: number, day = 1): Item => ({ ...at(seq, day), kind: "text", text: "x" });

describe("the rows of a conversation", () => {
  it("put three calls and more that only look into one", () => {
    const items = [
      text(1),
      call(2, "Read"),
      call(3, "Grep"),
      call(4, "Read"),
      call(5, "Bash"),
      call(6, "Read"),
      call(7, "Read"),
    ];
    expect(rowsOf(items, NOTHING, dayOf).map((row) => row.items.length)).toEqual([1, 3, 1, 1, 1]);
  });

  it("say where a day begins", () => {
    const rows = rowsOf([text(1), text(2), text(3, 2), text(4, 2)], NOTHING, dayOf);
    expect(rows.map((row) => row.day)).toEqual(["2026-01-01", null, "2026-01-02", null]);
  });

  it("leave out an answer whose call is shown, and show it where that is not loaded", () => {
    const answer = { at: at(3).at, behavior: "allow", by: "phone", reason: "answered" } as const;
    const items: Item[] = [call(1, "Bash"), { ...at(3), kind: "answered", permissionId: "p1", answer }];
    const found = { ...NOTHING, questions: { c1: { at: at(2).at, permissionId: "p1" } }, answers: { p1: answer } };
    expect(rowsOf(items, found, dayOf)).toHaveLength(1);
    expect(rowsOf(items, NOTHING, dayOf)).toHaveLength(2);
  });

  it("are found by the event that stands in them, or the last one before it", () => {
    const rows = rowsOf([text(2), text(5), text(9)], NOTHING, dayOf);
    expect([1, 2, 4, 5, 8, 9, 100].map((seq) => rowAt(rows, seq))).toEqual([-1, 0, 0, 1, 1, 2, 2]);
  });
});

describe("the state of a call", () => {
  const item = { ...at(1), kind: "call", id: "c1", name: "Bash", input: {} } as const;
  const time = (seconds: number) => `2026-01-01T00:00:${seconds}.000Z`;
  const asked = { questions: { c1: { at: time(10), permissionId: "p" } } };
  const result = (isError: boolean) => ({
    results: { c1: { at: time(50), isError, text: "", images: [], details: {} } },
  });
  const answer = (behavior: "allow" | "deny" | "cancelled") => ({
    answers: { p: { at: time(40), behavior, by: "phone", reason: "answered" } },
  });

  it.each([
    [{}, true, "running"],
    [{}, false, "lost"],
    [asked, true, "waiting"],
    [{ ...asked, ...answer("allow") }, true, "running"],
    [result(false), true, "done"],
    [result(true), false, "failed"],
    [{ ...asked, ...answer("deny"), ...result(true) }, true, "denied"],
    [{ ...asked, ...answer("cancelled"), ...result(true) }, false, "lost"],
  ])("with %j in a turn that goes on (%s) is %s", (found, isLive, status) => {
    expect(callState(item, { ...NOTHING, ...found }, isLive).status).toBe(status);
  });

  it("takes the time from the call to the result, without the wait for a person", () => {
    expect(callState(item, { ...NOTHING, ...result(false) }, false).seconds).toBe(50);
    expect(callState(item, { ...NOTHING, ...asked, ...answer("allow"), ...result(false) }, false).seconds).toBe(20);
  });
});

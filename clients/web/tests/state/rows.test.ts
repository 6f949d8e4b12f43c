import { describe, expect, it } from "vitest";
import { type Findings, type Item, NOTHING } from "../../src/state/findings";
import { rowAt, rowsOf } from "../../src/state/rows";

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
    const answer = { at: at(3).at, behavior: "allow", by: "phone", deviceId: "d", reason: "answered" } as const;
    const items: Item[] = [call(1, "Bash"), { ...at(3), kind: "answered", permissionId: "p1", answer }];
    const found = { ...NOTHING, questions: { c1: { at: at(2).at, permissionId: "p1" } }, answers: { p1: answer } };
    expect(rowsOf(items, found, dayOf)).toHaveLength(1);
    expect(rowsOf(items, NOTHING, dayOf)).toHaveLength(2);
  });

  it("leave out the end of what was waited for, which its result tells, and show that of what ran in the background", () => {
    const ended: Item = { ...at(3), kind: "notice", text: "task", detail: "x", tone: "plain", callId: "c1" };
    const result = (details: object): Findings => ({
      ...NOTHING,
      results: { c1: { at: at(2).at, isError: false, text: "", images: [], details: { ...details } } },
    });
    expect(rowsOf([call(1, "Task"), ended], result({}), dayOf)).toHaveLength(1);
    expect(rowsOf([call(1, "Task"), ended], result({ isAsync: true }), dayOf)).toHaveLength(2);
    expect(rowsOf([ended], NOTHING, dayOf)).toHaveLength(1);
  });

  describe("of a turn that failed", () => {
    const said = "API Error: 400 The stand-in was told to say 400.";
    const ended = (seq: number, outcome: string, cost: number | null): Item => ({
      ...{ ...at(seq), kind: "ended", outcome, seconds: 1, cost, tokens: null },
    });
    const dropped: Item = { ...at(8), kind: "notice", text: "dropped:error", detail: "x", tone: "warning", callId: "" };
    const failed: Item = {
      ...{
        ...at(9),
        kind: "failed",
        code: "EXECUTION_FAILED",
        stderr: "",
        executionId: "e",
        isGone: false,
        isLost: false,
      },
      message: `The agent ended its turn with an error: ${said}`,
    };
    const drawn = (...items: Item[]) => rowsOf(items, NOTHING, dayOf).flatMap((row) => row.items);

    it("tell it once: by the failure", () => {
      const items: Item[] = [
        text(1),
        { ...at(2), kind: "text", text: said },
        ended(3, "failed", null),
        dropped,
        failed,
      ];
      expect(drawn(...items)).toEqual([text(1), dropped, failed]);
    });

    it("keep all that was said where the failure has only its beginning", () => {
      const long = { ...at(2), kind: "text" as const, text: "API Error: ".padEnd(800, "long words ") };
      const cut = { ...failed, message: `The agent ended its turn with an error: ${long.text.slice(0, 500)}.` };
      expect(drawn(long, ended(3, "failed", null), cut)).toEqual([long, cut]);
    });

    it("keep what it cost, and every other word", () => {
      const outcomes = drawn(ended(3, "failed", 0.5), failed).map((item) => item.kind === "ended" && item.outcome);
      expect(outcomes).toEqual(["told", false]);
      expect(drawn(text(2), failed)).toHaveLength(2);
      expect(drawn(ended(3, "turns", null), failed)).toHaveLength(2);
    });

    it("say so at the end of the turn where no failure follows", () => {
      expect(drawn({ ...at(2), kind: "text", text: said }, ended(3, "failed", null), text(4), failed)).toHaveLength(4);
    });
  });

  it("are found by the event that stands in them, or the last one before it", () => {
    const rows = rowsOf([text(2), text(5), text(9)], NOTHING, dayOf);
    expect([1, 2, 4, 5, 8, 9, 100].map((seq) => rowAt(rows, seq))).toEqual([-1, 0, 0, 1, 1, 2, 2]);
  });
});

import { describe, expect, it } from "vitest";
import { type Call, callState, type Progress, progressOf, within } from "../../src/state/calls";
import { type Item, NOTHING } from "../../src/state/findings";
import { append, empty } from "../../src/state/thread";
import { Journal, recorded } from "../journal";

const WORKING: Progress = { isWorking: true, ended: 0, stopped: 0 };
const OVER: Progress = { isWorking: false, ended: 9, stopped: 0 };
const item: Call = {
  key: "1",
  seq: 1,
  at: "2026-01-01T00:00:00.000Z",
  kind: "call",
  id: "c1",
  name: "Bash",
  input: {},
};

describe("the state of a call", () => {
  const time = (seconds: number) => `2026-01-01T00:00:${seconds}.000Z`;
  const asked = { questions: { c1: { at: time(10), permissionId: "p" } } };
  const result = (isError: boolean) => ({
    results: { c1: { at: time(50), isError, text: "", images: [], details: {} } },
  });
  const answer = (behavior: "allow" | "deny" | "cancelled") => ({
    answers: { p: { at: time(40), behavior, by: "phone", deviceId: "d", reason: "answered" } },
  });

  it.each([
    [{}, WORKING, "running"],
    [{}, OVER, "lost"],
    [asked, WORKING, "waiting"],
    [{ ...asked, ...answer("allow") }, WORKING, "running"],
    [result(false), WORKING, "done"],
    [result(true), OVER, "failed"],
    [{ ...asked, ...answer("deny"), ...result(true) }, WORKING, "denied"],
    [{ ...asked, ...answer("cancelled"), ...result(true) }, OVER, "lost"],
  ])("with %j and %j is %s", (found, progress, status) => {
    expect(callState(item, { ...NOTHING, ...found }, progress).status).toBe(status);
  });

  it("takes the time from the call to the result, without the wait for a person", () => {
    expect(callState(item, { ...NOTHING, ...result(false) }, OVER).seconds).toBe(50);
    expect(callState(item, { ...NOTHING, ...asked, ...answer("allow"), ...result(false) }, OVER).seconds).toBe(20);
  });
});

/** How the first call of a tool stands after each event, each state once, in their order. `isWorking`: as the last state says. */
function statesOf(name: string, tool: string): string[] {
  const entries = recorded(name);
  const states: string[] = [];
  for (let count = 1; count <= entries.length; count += 1) {
    const { items, ...found } = append(empty(0), entries.slice(0, count));
    const call = items.find((one): one is Call => one.kind === "call" && one.name === tool);
    if (call === undefined) continue;
    const { status } = callState(call, found, progressOf(items, found.carry.executionId !== null));
    if (status !== states.at(-1)) states.push(status);
  }
  return states;
}

describe("what a call has begun in the background", () => {
  it("of the real CLI runs until its end is told, also where the turn has ended before", () => {
    expect(statesOf("subagent", "Task")).toEqual(["running", "done"]);
    expect(statesOf("background_task", "Bash")).toEqual(["running", "done"]);
  });

  const task: Call = { ...item, name: "Task" };
  const launched = {
    ...NOTHING,
    results: {
      c1: { at: "2026-01-01T00:00:01.000Z", isError: false, text: "", images: [], details: { isAsync: true } },
    },
  };
  const ended = (status: string) => ({ ...launched, ends: { c1: { at: "2026-01-01T00:01:00.000Z", status } } });

  it.each([
    [launched, { ...WORKING, ended: 5 }, "running"],
    [launched, OVER, "background"],
    [launched, { ...WORKING, stopped: 5 }, "lost"],
    [ended("completed"), OVER, "done"],
    [ended("failed"), { ...WORKING, stopped: 5 }, "failed"],
    [ended("killed"), WORKING, "lost"],
  ])("stands as is known of it: %#", (found, progress, status) => {
    expect(callState(task, found, progress).status).toBe(status);
  });

  it("took the time until its end", () => {
    expect(callState(task, launched, WORKING).seconds).toBeNull();
    expect(callState(task, ended("completed"), WORKING).seconds).toBe(60);
  });

  it("has calls of its own that run though the turn has ended", () => {
    const inner: Call = { ...item, seq: 3, id: "c2" };
    const progress = { isWorking: true, ended: 5, stopped: 2 };
    expect(callState(inner, NOTHING, progress).status).toBe("lost");
    expect(callState(inner, NOTHING, within(progress)).status).toBe("running");
  });
});

describe("how far the agent is", () => {
  const failed = (code: string, details: object) => ({ code, message: "x", details, execution_id: "one" });
  it.each([
    ["process_killed", { execution_id: "one" }, true],
    ["session_reset", { previous: null }, true],
    ["error", failed("EXECUTION_FAILED", { stderr: "", exit_code: 1 }), true],
    ["error", failed("EXECUTION_TIMEOUT", {}), true],
    ["error", failed("EXECUTION_FAILED", {}), false],
    ["agent_message", { type: "result", subtype: "success" }, false],
    ["error", failed("LINE_TOO_LARGE", { size: 1 }), false],
  ])("after %s %j: whether all that it had begun has ended", (type, message, isStopped) => {
    const journal = new Journal();
    journal.add(type, message);
    const items: readonly Item[] = append(empty(0), journal.entries).items;
    expect(progressOf(items, true).stopped).toBe(isStopped ? 1 : 0);
  });

  it("is no end of a turn where a line was too large to keep", () => {
    const journal = new Journal();
    journal.add("error", failed("LINE_TOO_LARGE", { size: 1 }));
    expect(progressOf(append(empty(0), journal.entries).items, true).ended).toBe(0);
  });
});

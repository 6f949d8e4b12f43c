// @vitest-environment node
import { describe, expect, test } from "vitest";
import type { ConnectionEstablished } from "../../src/protocol/generated";
import {
  asked,
  choicesOf,
  chosen,
  drafted,
  nextOf,
  optionsOf,
  putBack,
  sending,
  sent,
  UNCHOSEN,
  type Unsent,
} from "../../src/state/prompts";
import { connected, conversation, hear, INITIAL, opened } from "../../src/state/state";
import { Journal, joinedAt, prompt, told } from "../journal";

const unsent = (promptId: string, at: string, more: Partial<Unsent> = {}): Unsent => ({
  promptId,
  projectId: "p",
  prompt: promptId,
  options: {},
  attachments: [],
  at,
  problem: "",
  isSpent: false,
  ...more,
});
const picture = { id: "a", name: "a.png", media_type: "image/png", size: 1 } as const;

describe("prompts on their way", () => {
  test("stand in the order in which they were written, however they were kept", () => {
    const state = sending(INITIAL, [unsent("z", "2026-01-02"), unsent("a", "2026-01-03"), unsent("m", "2026-01-01")]);
    expect(state.unsent.map((one) => one.promptId)).toEqual(["m", "z", "a"]);
  });

  test("stay where they are when they change", () => {
    const state = sending(INITIAL, [unsent("a", "1"), unsent("b", "2")]);
    const changed = sending(state, [unsent("a", "1", { problem: "no" })]);
    expect(changed.unsent.map((one) => [one.promptId, one.problem])).toEqual([
      ["a", "no"],
      ["b", ""],
    ]);
  });

  test("are sent the oldest of a project first; one that was refused waits for the person", () => {
    const refused = unsent("a", "1", { problem: "no" });
    const state = sending(INITIAL, [refused, unsent("x", "2", { projectId: "q" }), unsent("b", "3"), unsent("c", "4")]);
    expect(nextOf(state, "p")?.promptId).toBe("b");
    expect(nextOf(sent(state, "b"), "p")?.promptId).toBe("c");
    expect(nextOf(state, "none")).toBeUndefined();
  });
});

describe("a waiting prompt that was dropped", () => {
  const established = { device: { id: "d", name: "phone", scopes: [] } } as unknown as ConnectionEstablished;
  const home = hear(
    opened(
      connected(INITIAL, { is: "online", since: "2026-01-31T12:00:00.000000Z", established }),
      "p",
      conversation(0, "j"),
    ),
    [joinedAt(0)],
  );

  function unsentAfter(reason: string, by = "d") {
    const journal = new Journal();
    const options = { model: "opus", fallback_model: null, permission_mode: null };
    journal.add("client_message", prompt("e", "Do it", { queued: true, by: { id: by, name: "x" }, options }));
    const waiting = hear(
      home,
      journal.entries.map((entry) => told(entry)),
    );
    return hear(waiting, [told(journal.add("prompt_dropped", { execution_id: "e", reason }))]).unsent;
  }

  test.each(["restart", "error"])("by a failure (%s) can be sent again, with a new id only", (reason) => {
    expect(unsentAfter(reason)).toMatchObject([
      {
        prompt: "Do it",
        promptId: "id of e",
        isSpent: true,
        options: { model: "opus" },
        problem: expect.stringContaining("."),
      },
    ]);
  });

  test.each(["removed", "killed"])("because a person wished it (%s) is gone", (reason) => {
    expect(unsentAfter(reason)).toEqual([]);
  });

  test("of another device is left to that", () => {
    expect(unsentAfter("restart", "other")).toEqual([]);
  });
});

describe("drafts", () => {
  test("what is put back stands behind what is there, and brings each attachment once", () => {
    const state = drafted(INITIAL, "p", { text: "first", attachments: [picture] });
    const more = { text: "second", attachments: [picture, { ...picture, id: "b" }] };
    expect(putBack(state, "p", more).drafts.p).toEqual({
      text: "first\n\nsecond",
      attachments: [picture, { ...picture, id: "b" }],
    });
    expect(putBack(INITIAL, "q", { text: "alone", attachments: [] }).drafts.q?.text).toBe("alone");
  });
});

describe("what is chosen", () => {
  test("holds for one project, and says nothing of what was not chosen", () => {
    const state = chosen(INITIAL, "p", { model: "opus", mode: null });
    expect(optionsOf(state.choices.p ?? UNCHOSEN)).toEqual({ model: "opus" });
    expect(optionsOf(state.choices.q ?? UNCHOSEN)).toEqual({});
    expect(optionsOf({ model: null, mode: "plan" })).toEqual({ permission_mode: "plan" });
  });

  test("is read again from what was kept, and nothing from what was not", () => {
    const kept = { p: { model: "opus", mode: "plan" }, q: { model: 1, mode: "anything" }, r: null };
    expect(choicesOf(kept)).toEqual({ p: { model: "opus", mode: "plan" }, q: { model: null, mode: null } });
    expect(choicesOf(undefined)).toEqual({});
  });
});

test("what was asked here before is that of this device, the newest last, each once", () => {
  const other = prompt("c", "else", { by: { id: "x", name: "desk" } });
  const all = { a: prompt("a", "one"), b: prompt("b", "two"), c: other, d: prompt("d", "one") };
  expect(asked(all, "d")).toEqual(["two", "one"]);
  expect(asked(all, null)).toEqual(["two", "else", "one"]);
});

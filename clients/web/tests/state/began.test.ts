// @vitest-environment node
import { expect, test } from "vitest";
import { beganOf } from "../../src/state/began";
import { Journal } from "../journal";

test("an execution began with the first of the newest states in which it runs", () => {
  const journal = new Journal();
  for (const id of ["a", null, "b", "b", "b"]) journal.state({ execution_id: id });
  const states = journal.entries.toReversed();
  expect(beganOf(states, "b")).toBe(journal.entries[2]?.timestamp);
  expect(beganOf(states.slice(0, 2), "b")).toBe(journal.entries[3]?.timestamp);
  expect(beganOf(states, "a")).toBeNull();
  expect(beganOf([], "a")).toBeNull();
});

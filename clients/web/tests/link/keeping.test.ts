import "fake-indexeddb/auto";
import { beforeEach, expect, test, vi } from "vitest";
import { Keeping } from "../../src/link/keeping";
import * as shelf from "../../src/link/shelf";
import { conversation, INITIAL, opened } from "../../src/state/state";
import { newStore } from "../../src/state/store";
import { append, empty } from "../../src/state/thread";
import { Journal, project } from "../journal";

beforeEach(() => shelf.clear());

/** A conversation in which the agent has said words of these lengths. */
function stored(lengths: readonly number[]) {
  const journal = new Journal();
  for (const length of lengths) journal.add("agent_message", { type: "raw", text: "x".repeat(length) });
  const store = newStore();
  const open = { ...conversation(0, "j"), thread: append(empty(0), journal.entries) };
  store.setState({ ...opened(INITIAL, "p", open), isListed: true, projects: { p: project() } });
  return store;
}

test("projects and what is new of their conversations are kept, without the questions", async () => {
  const store = stored([1, 2]);
  store.setState({ projects: { p: project({ pending_permissions: [{ permission_id: "a" } as never] }) } });
  const keeping = new Keeping(store);
  keeping.changed(["p"]);
  keeping.now();
  await vi.waitFor(async () => expect((await shelf.keptThread("p"))?.entries).toHaveLength(2));
  expect(await shelf.keptProjects()).toMatchObject([{ id: "p", pending_permissions: 1 }]);
});

test.each([
  [[2_000_000, 10, 10], 3],
  [[2_200_000, 10, 10], 2],
  [[10, 1_500_000, 1_000_000], 1],
  [[10, 3_000_000], 0],
])("of a conversation 2 MiB are kept, the newest (%j)", async (lengths, kept) => {
  const keeping = new Keeping(stored(lengths));
  keeping.changed(["p"]);
  keeping.now();
  await vi.waitFor(async () => expect(await shelf.keptThread("p")).toBeDefined());
  const entries = (await shelf.keptThread("p"))?.entries ?? [];
  expect(entries.map((entry) => entry.seq)).toEqual(lengths.map((_, index) => index + 1).slice(lengths.length - kept));
});

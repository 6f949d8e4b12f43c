import "fake-indexeddb/auto";
import { beforeEach, expect, test, vi } from "vitest";
import { Drafts } from "../../src/link/drafts";
import * as shelf from "../../src/link/shelf";
import { newStore } from "../../src/state/store";

const picture = { id: "a", name: "a.png", media_type: "image/png", size: 1 } as const;

beforeEach(() => shelf.clear());

test("a draft outlives a reload, with its attachments", async () => {
  const before = new Drafts(newStore());
  before.change("p", { text: "To be con", attachments: [picture] });
  before.change("p", { text: "To be continued", attachments: [picture] });
  before.keepNow();
  const store = newStore();
  await vi.waitFor(async () => expect(await shelf.keptDraft("p")).toBeDefined());
  await new Drafts(store).takeUp("p");
  expect(store.getState().drafts.p).toEqual({ text: "To be continued", attachments: [picture] });
});

test("a draft is kept by itself, and an empty one is forgotten", async () => {
  const drafts = new Drafts(newStore());
  drafts.change("p", { text: "x", attachments: [] });
  await vi.waitFor(async () => expect(await shelf.keptDraft("p")).toBeDefined(), 2000);
  drafts.change("p", { text: "", attachments: [] });
  await vi.waitFor(async () => expect(await shelf.keptDraft("p")).toBeUndefined(), 2000);
});

test("what is kept does not take the place of what a person is writing", async () => {
  const store = newStore();
  const drafts = new Drafts(store);
  await shelf.keepDraft("p", { text: "old", attachments: [] });
  const taking = drafts.takeUp("p");
  drafts.change("p", { text: "new", attachments: [] });
  await taking;
  expect(store.getState().drafts.p?.text).toBe("new");
});

test("what belongs to no project that there is, is forgotten", async () => {
  await shelf.keepDraft("p", { text: "kept", attachments: [] });
  await shelf.keepDraft("q", { text: "gone", attachments: [] });
  await shelf.keepThread("q", { journalId: "j", entries: [] });
  await shelf.forgetOthers(["p"]);
  expect([await shelf.keptDraft("p"), await shelf.keptDraft("q"), await shelf.keptThread("q")]).toEqual([
    { text: "kept", attachments: [] },
    undefined,
    undefined,
  ]);
});

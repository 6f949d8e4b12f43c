import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Server } from "../../src/link/server";
import * as shelf from "../../src/link/shelf";
import type { ProjectState } from "../../src/protocol/generated";
import { newStore, type Store } from "../../src/state/store";
import { FakeSocket, NO_HTTP } from "../fake_socket";
import { joinedAt, project, recorded, told } from "../journal";

const ENTRIES = recorded("plain_turn");
const HEAD = ENTRIES.length;
const ESTABLISHED = {
  connection_id: "c",
  server_version: "1",
  protocol: 1,
  device: { id: "d", name: "phone", scopes: ["read", "execute"] },
  limits: { message_size: 5000 },
};

let store: Store;
let server: Server;
let isOnline: boolean;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame"] });
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.spyOn(navigator, "onLine", "get").mockImplementation(() => isOnline);
  FakeSocket.made = [];
  isOnline = true;
  localStorage.clear();
  await shelf.clear();
  store = newStore();
  server = new Server(store, "wss://here/ws", NO_HTTP);
  await server.start();
});

afterEach(() => {
  server.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Let promises and IndexedDB get on, whose steps are timers of their own. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The server accepts, greets, and lists these projects. */
async function arrive(projects = [project({ head_seq: HEAD })]): Promise<void> {
  FakeSocket.last.accept();
  FakeSocket.last.say({ type: "connection_established", data: ESTABLISHED });
  FakeSocket.last.answer("project_list", "project_list_response", { projects, total: projects.length });
  await settle();
}

const asked = (type: string) => FakeSocket.last.sent.filter((one) => one.type === type);
const open = () => store.getState().conversations.p;
const page = { messages: ENTRIES.toReversed(), journal_id: "j", head_seq: HEAD, first_seq: 1, has_more: false };

async function join(after: number): Promise<void> {
  expect(asked("project_join").map((one) => one.data)).toEqual([{ after_seq: after, journal_id: "j" }]);
  FakeSocket.last.answer("project_join", "project_joined", joinedAt(HEAD).data);
  await settle();
}

describe("who arrives", () => {
  test("watches the list, and knows how much the server takes at once", async () => {
    await arrive();
    expect(store.getState()).toMatchObject({ isListed: true, connection: { is: "online" }, projects: { p: {} } });
    await server.prompt("p", "x".repeat(6000), {});
    expect(asked("execute")).toEqual([]);
    expect(store.getState().unsent[0]?.problem).toContain("too much");
  });

  test("sends what was written without a connection", async () => {
    await server.prompt("p", "Go", {});
    expect(store.getState().unsent).toHaveLength(1);
    await arrive();
    expect(asked("execute")).toMatchObject([{ project_id: "p", data: { prompt: "Go", queue: true } }]);
    FakeSocket.last.answer("execute", "execution_accepted", { status: "running", duplicate: false });
    await settle();
    expect(store.getState().unsent).toEqual([]);
  });

  test("forgets what was kept of projects that are no more", async () => {
    await shelf.keepDraft("gone", { text: "x", attachments: [] });
    await arrive();
    expect(await shelf.keptDraft("gone")).toBeUndefined();
  });
});

describe("the list over HTTP", () => {
  const names = () => Object.values(store.getState().projects).map((one) => one.name);
  let answer: (projects: readonly ProjectState[]) => void;

  beforeEach(() => {
    server.stop();
    const listing = new Promise<readonly ProjectState[]>((resolve) => {
      answer = resolve;
    });
    store = newStore();
    server = new Server(store, "wss://here/ws", { ...NO_HTTP, listing: () => listing });
    void server.start();
  });

  test("is shown while the socket is still on its way", async () => {
    answer([project({ name: "over HTTP" })]);
    await settle();
    expect(store.getState()).toMatchObject({ isListed: true, connection: { is: "connecting" } });
    expect(names()).toEqual(["over HTTP"]);
    await arrive([project({ name: "by the socket" })]);
    expect(names()).toEqual(["by the socket"]);
  });

  test("is of no use once the socket has told it", async () => {
    await arrive([project({ name: "by the socket" })]);
    answer([project({ name: "over HTTP" })]);
    await settle();
    expect(names()).toEqual(["by the socket"]);
  });

  test("counts before what is kept", async () => {
    answer([project({ name: "over HTTP" })]);
    await shelf.keepProjects([project({ name: "kept" })]);
    await settle();
    expect(names()).toEqual(["over HTTP"]);
  });
});

describe("a project that is opened", () => {
  test("is shown from its newest page, and joined behind that", async () => {
    await arrive();
    void server.open("p");
    await settle();
    FakeSocket.last.answer("get_messages", "messages_response", page);
    await settle();
    expect(open()?.thread.last).toBe(HEAD);
    await join(HEAD);
    expect(open()?.isJoined).toBe(true);
  });

  test("is shown from what is kept at once, and joined behind that", async () => {
    await shelf.keepThread("p", { journalId: "j", entries: ENTRIES.slice(0, 5) });
    void server.open("p");
    await settle();
    expect(open()?.thread.last).toBe(5);
    await arrive();
    await join(5);
  });

  test.each([
    ["too much was missed", project({ head_seq: 5000 })],
    ["its journal is another one", project({ head_seq: HEAD, journal_id: "k" })],
    ["its journal is shorter than what is known", project({ head_seq: 2 })],
  ])("begins anew where %s", async (_, now) => {
    await shelf.keepThread("p", { journalId: "j", entries: ENTRIES.slice(0, 5) });
    await arrive([now]);
    void server.open("p");
    await settle();
    expect(asked("get_messages")).toMatchObject([{ data: { limit: 100 } }]);
    expect(asked("project_join")).toEqual([]);
  });

  test("that cannot be read says why", async () => {
    await arrive();
    void server.open("p");
    await settle();
    FakeSocket.last.answer("get_messages", "error", { code: "STORAGE_UNAVAILABLE", message: "The disk is full." });
    await settle();
    expect(open()?.trouble).toBe("The disk is full.");
  });

  test("is joined again where it was when the connection comes again", async () => {
    await shelf.keepThread("p", { journalId: "j", entries: ENTRIES });
    await arrive();
    void server.open("p");
    await settle();
    await join(HEAD);
    FakeSocket.last.end(1001);
    expect(open()?.isJoined).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    await arrive([project({ head_seq: HEAD + 1 })]);
    await join(HEAD);
  });

  test("is left when six others were opened since", async () => {
    await arrive();
    for (const id of ["p", "q", "r", "s", "t", "u"]) {
      void server.open(id);
      await settle();
    }
    expect(asked("project_leave")).toEqual([]);
    void server.open("v");
    await settle();
    expect(asked("project_leave").map((one) => one.project_id)).toEqual(["p"]);
    expect(Object.keys(store.getState().conversations)).not.toContain("p");
  });
});

describe("what was seen", () => {
  beforeEach(async () => {
    await shelf.keepThread("p", { journalId: "j", entries: ENTRIES.slice(0, HEAD - 1) });
    await arrive([project({ head_seq: HEAD - 1 })]);
    void server.open("p");
    await settle();
    FakeSocket.last.answer("project_join", "project_joined", joinedAt(HEAD - 1).data);
    await settle();
  });

  async function hear() {
    FakeSocket.last.say(told(ENTRIES[HEAD - 1] as never));
    await vi.advanceTimersByTimeAsync(2000);
  }

  test("is told of the project on the screen, once", async () => {
    await hear();
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked("message_ack").map((one) => one.data)).toEqual([{ seq: HEAD }]);
  });

  test("is not what comes while another page is shown", async () => {
    server.hide("p");
    await hear();
    expect(asked("message_ack")).toEqual([]);
  });
});

describe("the network", () => {
  test("that goes takes the connection with it, at once", async () => {
    await arrive();
    isOnline = false;
    window.dispatchEvent(new Event("offline"));
    expect(store.getState().connection.is).toBe("offline");
    expect(FakeSocket.made[0]?.isClosed).toBe(true);
  });

  test("that comes back is used at once", async () => {
    await arrive();
    isOnline = false;
    window.dispatchEvent(new Event("offline"));
    isOnline = true;
    window.dispatchEvent(new Event("online"));
    expect(store.getState().connection.is).toBe("connecting");
    await arrive();
    expect(store.getState().connection.is).toBe("online");
  });

  test("does not let a browser in that was shut out", async () => {
    FakeSocket.last.accept();
    FakeSocket.last.end(4401);
    for (const event of ["offline", "online"]) window.dispatchEvent(new Event(event));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(store.getState().connection.is).toBe("out");
    expect(FakeSocket.made).toHaveLength(1);
  });

  test("is not held by a page that is put away, and taken up when it is shown again", async () => {
    await arrive();
    window.dispatchEvent(new Event("pagehide"));
    expect(FakeSocket.made[0]?.isClosed).toBe(true);
    window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    expect(FakeSocket.made).toHaveLength(2);
  });
});

describe("a wish", () => {
  test("without a connection is not forgotten in silence", async () => {
    expect(await server.ask("agent_interrupt", "p")).toBeNull();
    expect(store.getState().toast?.text).toContain("connection");
  });

  test("that is refused says why", async () => {
    await arrive();
    const answer = server.ask("agent_interrupt", "p");
    FakeSocket.last.answer("agent_interrupt", "error", { code: "PROCESS_NOT_FOUND", message: "Nothing runs." });
    expect(await answer).toBeNull();
    expect(store.getState().toast?.text).toBe("Nothing runs.");
  });
});

describe("a choice", () => {
  test("is kept in this browser, and holds for what runs, as far as it is another one", async () => {
    await arrive([project({ state: "EXECUTING", execution_id: "e" })]);
    server.choose("p", { model: "opus", mode: null });
    server.choose("p", { model: "opus", mode: "plan" });
    expect(asked("agent_configure").map((one) => one.data)).toEqual([{ model: "opus" }, { permission_mode: "plan" }]);
    const later = newStore();
    const again = new Server(later, "wss://here/ws", NO_HTTP);
    await again.start();
    again.stop();
    expect(later.getState().choices).toEqual({ p: { model: "opus", mode: "plan" } });
  });

  test("leaves alone what another page of this browser has chosen for another project", async () => {
    await arrive([project()]);
    const other = newStore();
    const page = new Server(other, "wss://here/ws", NO_HTTP);
    await page.start();
    page.stop();
    server.choose("p", { model: "opus", mode: null });
    page.choose("q", { model: null, mode: "plan" });
    const later = newStore();
    const again = new Server(later, "wss://here/ws", NO_HTTP);
    await again.start();
    again.stop();
    expect(later.getState().choices).toEqual({ p: { model: "opus", mode: null }, q: { model: null, mode: "plan" } });
  });

  test("says nothing to an agent that does not run", async () => {
    await arrive([project()]);
    server.choose("p", { model: "opus", mode: "plan" });
    expect(asked("agent_configure")).toEqual([]);
  });
});

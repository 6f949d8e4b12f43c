import { act } from "react";
import { beforeEach, describe, expect, it } from "vitest";
import { ServerContext } from "../../src/context";
import { Server } from "../../src/link/server";
import type { Json } from "../../src/protocol/agent";
import type { Options, Scope } from "../../src/protocol/generated";
import { progressOf } from "../../src/state/calls";
import { connected, conversation, INITIAL, opened } from "../../src/state/state";
import { store } from "../../src/state/store";
import { append, empty } from "../../src/state/thread";
import { ItemView } from "../../src/views/conversation/ItemView";
import { NO_HTTP } from "../fake_socket";
import { Journal, project, prompt } from "../journal";
import { draw } from "./drawing";

/** A server that keeps what it is asked, and has a prompt that is not loaded. */
class Asked extends Server {
  readonly asked: string[] = [];
  readonly prompts: [string, Options][] = [];
  further: Json[] = [];

  override async ask(type: string): Promise<Json | null> {
    this.asked.push(type);
    return { messages: this.further };
  }

  override async prompt(_project: string, text: string, options: Options): Promise<void> {
    this.prompts.push([text, options]);
  }
}

function online(...scopes: Scope[]): void {
  const device = { id: "d", name: "phone", scopes };
  const established = { connection_id: "c", server_version: "1", protocol: 1, device, limits: {} };
  const state = connected(INITIAL, { is: "online", since: "2026-01-31T12:00:00.000Z", established });
  store.setState(state, true);
}

/** The failure of an execution, as it is seen: its buttons, and what they ask of the server. */
async function failed(details: object, more: { isLoaded?: boolean; isReset?: boolean; isLater?: boolean } = {}) {
  const { isLoaded = true, isReset = false, isLater = false } = more;
  const journal = new Journal();
  if (isLoaded) journal.add("client_message", prompt("one", "Do it"));
  const message = "The agent's own words. Send `agent_new_session`.";
  journal.add("error", { code: "EXECUTION_FAILED", message, details, execution_id: "one" });
  if (isReset) journal.add("session_reset", { previous: "s" });
  if (isLater) journal.add("agent_message", { type: "result", subtype: "success" });
  const thread = append(empty(0), journal.entries);
  const standing = project({ state: "ERROR", error: { code: "EXECUTION_FAILED", message } });
  store.setState((state) => ({
    ...opened(state, "p", { ...conversation(0, "j"), thread }),
    projects: { p: standing },
  }));
  const server = new Asked(store, "wss://localhost/ws", NO_HTTP);
  const item = thread.items.find((one) => one.kind === "failed");
  if (item === undefined) throw new Error("nothing failed");
  const around = { projectId: "p", root: "/", found: thread, progress: progressOf(thread.items, false) };
  const element = await draw(
    <ServerContext value={server}>
      <ItemView item={item} around={around} />
    </ServerContext>,
  );
  const buttons = [...element.querySelectorAll("button")];
  const press = (name: string) => act(async () => buttons.find((one) => one.textContent === name)?.click());
  return { element, server, press, names: buttons.map((one) => one.textContent) };
}

beforeEach(() => online("read", "execute"));

describe("a failure", () => {
  it("that cannot be gone on with offers a new conversation, in words for a person", async () => {
    const { element, server, names, press } = await failed({ session_lost: true });
    expect(names).toEqual(["New conversation", "Dismiss"]);
    expect(element.textContent).not.toContain("agent_new_session");
    await press("New conversation");
    expect(server.asked).toEqual(["agent_new_session"]);
  });

  it("offers to retry, also where its conversation was lost and a new one has begun", async () => {
    expect((await failed({})).names).toEqual(["Retry", "Dismiss"]);
    expect((await failed({ session_lost: true }, { isReset: true })).names).toEqual(["Retry", "Dismiss"]);
  });

  it("is retried once, with its own prompt and what is chosen now", async () => {
    store.setState((state) => ({ ...state, choices: { p: { model: "opus", mode: null } } }));
    const { server, press } = await failed({});
    await press("Retry");
    await press("Retry");
    expect(server.prompts).toEqual([["Do it", { model: "opus" }]]);
    expect(server.asked).toEqual([]);
  });

  it("is retried where its prompt is not loaded, and says so where that is not found", async () => {
    const { server, press } = await failed({}, { isLoaded: false });
    await press("Retry");
    expect(server.prompts).toEqual([]);
    expect(store.getState().toast?.text).toContain("write it again");
    server.further = [{ seq: 1, message: { ...prompt("one", "Do it from afar") } }];
    await press("Retry");
    expect(server.prompts).toEqual([["Do it from afar", {}]]);
  });

  it("is dismissed", async () => {
    const { server, press } = await failed({});
    await press("Dismiss");
    expect(server.asked).toEqual(["error_acknowledge"]);
  });

  it("offers nothing when something came after it", async () => {
    expect((await failed({}, { isLater: true })).names).toEqual([]);
  });

  it("offers nothing while a prompt waits to be sent, and again where that was refused", async () => {
    const unsent = {
      promptId: "x",
      projectId: "p",
      prompt: "Do it",
      options: {},
      attachments: [],
      at: "",
      isSpent: false,
    };
    store.setState({ unsent: [{ ...unsent, problem: "" }] });
    expect((await failed({})).names).toEqual([]);
    store.setState({ unsent: [{ ...unsent, problem: "no" }] });
    expect((await failed({})).names).toEqual(["Retry", "Dismiss"]);
  });

  it("offers nothing to a device that may only read", async () => {
    online("read");
    expect((await failed({})).names).toEqual([]);
  });
});

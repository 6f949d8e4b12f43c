import "fake-indexeddb/auto";
import { act } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServerContext } from "../../src/context";
import { Server } from "../../src/link/server";
import * as shelf from "../../src/link/shelf";
import type { ProjectState } from "../../src/protocol/generated";
import { conversation, INITIAL, opened } from "../../src/state/state";
import { store } from "../../src/state/store";
import { append, empty } from "../../src/state/thread";
import { Composer, type Wish } from "../../src/views/composer/Composer";
import { NO_HTTP } from "../fake_socket";
import { Journal, project, prompt } from "../journal";
import { draw } from "./drawing";

let page: HTMLElement;
let isFine: boolean;
const wishes: Wish[] = [];
const interrupt = vi.fn();

beforeEach(async () => {
  vi.stubGlobal("matchMedia", () => ({ matches: isFine }));
  vi.stubGlobal("CSS", { supports: () => true });
  Element.prototype.scrollIntoView = () => undefined;
  isFine = true;
  wishes.length = 0;
  interrupt.mockClear();
  await shelf.clear();
});

afterEach(() => vi.unstubAllGlobals());

/** The composer of a project in which these were asked; nothing is connected, so prompts are kept. */
async function compose(more: Partial<ProjectState> = {}, before: string[] = [], draft = ""): Promise<void> {
  const journal = new Journal();
  before.forEach((words, index) => {
    journal.add("client_message", prompt(`${index}`, words));
  });
  const open = { ...conversation(0, "j"), thread: append(empty(0), journal.entries) };
  const commands = [{ name: "compact", description: "Make it short", argumentHint: "[what]" }];
  const agent = { available: true, version: "2", models: null, commands, permission_modes: [] };
  store.setState({ ...opened(INITIAL, "p", open), agent, drafts: { p: { text: draft, attachments: [] } } }, true);
  const server = new Server(store, "wss://here/ws", NO_HTTP);
  page = await draw(
    <ServerContext value={server}>
      <Composer
        project={project(more)}
        open={open}
        stopping={{ standing: "none", interrupt }}
        onWish={(wish) => wishes.push(wish)}
      />
    </ServerContext>,
  );
}

function field(): HTMLTextAreaElement {
  const found = page.querySelector("textarea");
  if (found === null) throw new Error("there is no text field");
  return found;
}

async function type(words: string): Promise<void> {
  await act(async () => {
    const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value")?.set;
    set?.call(field(), words);
    field().setSelectionRange(words.length, words.length);
    field().dispatchEvent(new Event("input", { bubbles: true }));
  });
}

async function press(key: string, more: KeyboardEventInit = {}): Promise<boolean> {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  await act(async () => void field().dispatchEvent(event));
  return event.defaultPrevented;
}

const sent = () => store.getState().unsent.map((one) => one.prompt);
const offered = () => [...page.querySelectorAll("[role=option] .what")].map((one) => one.textContent);

describe("Enter", () => {
  test("sends where there is a keyboard, and empties the field", async () => {
    await compose();
    await type("Do it");
    await press("Enter");
    expect(sent()).toEqual(["Do it"]);
    expect(field().value).toBe("");
  });

  test.each([
    ["with Shift", { shiftKey: true }],
    ["with Alt", { altKey: true }],
    ["of an input method", { isComposing: true }],
    ["of an input method, as Safari tells it", { keyCode: 229 }],
  ])("%s does not send", async (_, more) => {
    await compose();
    await type("Do it");
    expect(await press("Enter", more)).toBe(false);
    expect(sent()).toEqual([]);
  });

  test("on a touch screen is a line, and sends with Ctrl or Cmd", async () => {
    isFine = false;
    await compose();
    await type("Do it");
    expect(await press("Enter")).toBe(false);
    expect(sent()).toEqual([]);
    await press("Enter", { metaKey: true });
    await type("And that");
    await press("Enter", { ctrlKey: true });
    expect(sent()).toEqual(["Do it", "And that"]);
  });

  test("sends nothing of nothing", async () => {
    await compose();
    await type(" \n ");
    await press("Enter");
    expect(sent()).toEqual([]);
  });
});

describe("what was asked before", () => {
  test("comes back by the arrows from an empty field on, and goes again", async () => {
    await compose({}, ["first", "second"]);
    for (const [key, words] of [
      ["ArrowUp", "second"],
      ["ArrowUp", "first"],
      ["ArrowUp", "first"],
      ["ArrowDown", "second"],
      ["ArrowDown", ""],
    ] as const) {
      await press(key);
      expect(field().value).toBe(words);
    }
  });

  test("leaves alone what is being written", async () => {
    await compose({}, ["first"]);
    await type("half a thought");
    expect(await press("ArrowUp")).toBe(false);
    expect(field().value).toBe("half a thought");
  });
});

describe("a slash", () => {
  test("offers the agent's commands and our own; what is chosen stands there, ready for more", async () => {
    await compose();
    await type("/");
    expect(offered()).toEqual(["/new", "/search", "/model", "/mode", "/stop", "/kill", "/compact"]);
    await type("/comp");
    expect(offered()).toEqual(["/compact"]);
    expect(page.querySelector(`[id="${field().getAttribute("aria-activedescendant")}"]`)?.textContent).toContain(
      "short",
    );
    await press("Tab");
    expect(field().value).toBe("/compact ");
    expect(offered()).toEqual([]);
    await press("Enter");
    expect(sent()).toEqual(["/compact "]);
  });

  test("in a draft that was kept offers nothing before somebody goes on with it", async () => {
    await compose({}, [], "/comp");
    expect([field().value, offered()]).toEqual(["/comp", []]);
    await type("/compa");
    expect(offered()).toEqual(["/compact"]);
  });

  test("with Escape offers nothing more, and Enter sends a command that stands there whole", async () => {
    await compose();
    await type("/com");
    await press("Escape");
    expect(offered()).toEqual([]);
    await type("/compact");
    await press("Enter");
    expect(sent()).toEqual(["/compact"]);
  });

  test("before a command of ours has it carried out, and sends nothing", async () => {
    await compose({ state: "EXECUTING", execution_id: "e" });
    for (const said of ["/new", "/search", "/stop", "/mode plan", "/model opus"]) {
      await type(said);
      await press("Enter");
      expect(field().value).toBe("");
    }
    expect(wishes).toEqual(["new", "search"]);
    expect(interrupt).toHaveBeenCalledOnce();
    expect(store.getState().choices.p).toEqual({ model: "opus", mode: "plan" });
    expect(sent()).toEqual([]);
  });

  test("before a mode that there is not goes to the agent as it is", async () => {
    await compose();
    await type("/mode strange");
    await press("Enter");
    expect(sent()).toEqual(["/mode strange"]);
  });
});

test("a prompt goes with what was chosen for its project, and without it says nothing of that", async () => {
  await compose();
  await type("plain");
  await press("Enter");
  await act(async () => store.setState({ choices: { p: { model: null, mode: "plan" } } }));
  await type("planned");
  await press("Enter");
  expect(store.getState().unsent.map((one) => one.options)).toEqual([{}, { permission_mode: "plan" }]);
});

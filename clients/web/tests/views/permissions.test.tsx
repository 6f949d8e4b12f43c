import { act } from "react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ServerContext } from "../../src/context";
import { type PermissionAnswer, Server } from "../../src/link/server";
import type { PermissionRequest, PermissionResolved, Scope } from "../../src/protocol/generated";
import { connected, conversation, hear, INITIAL, opened } from "../../src/state/state";
import { store, useKnown } from "../../src/state/store";
import { Permissions } from "../../src/views/permissions/Permissions";
import { NO_HTTP } from "../fake_socket";
import { joinedAt, project, told } from "../journal";
import { draw, expectHarmless } from "./drawing";
import { HOSTILE } from "./hostile";

const SETTLED = 600;

/** A server that keeps what is answered. */
class Asked extends Server {
  readonly answers: PermissionAnswer[] = [];

  override async answer(_project: string, _permission: string, answer: PermissionAnswer): Promise<boolean> {
    this.answers.push(answer);
    return true;
  }
}

function question(
  tool: string,
  input: Record<string, unknown>,
  more: Partial<PermissionRequest> = {},
): PermissionRequest {
  return {
    permission_id: `${tool}1`,
    tool_name: tool,
    display_name: tool,
    input,
    description: null,
    suggestions: [],
    tool_use_id: "t1",
    expires_at: new Date(Date.now() + 86_400_000).toISOString(),
    request: {},
    ...more,
  };
}

function online(...scopes: Scope[]): void {
  const device = { id: "d", name: "phone", scopes };
  const since = "2026-01-31T12:00:00.000Z";
  const established = { connection_id: "c", server_version: "1", protocol: 1, device, limits: {} };
  store.setState(connected(INITIAL, { is: "online", since, established }), true);
}

function shown(server: Server, permissions: readonly PermissionRequest[]) {
  return draw(
    <ServerContext value={server}>
      <Permissions project={project()} open={{ ...conversation(0, "j"), permissions }} />
    </ServerContext>,
  );
}

/** The cards of these questions, settled; what is pressed and what was answered. */
async function cards(...permissions: PermissionRequest[]) {
  const server = new Asked(store, "wss://localhost/ws", NO_HTTP);
  const element = await shown(server, permissions);
  await act(async () => vi.advanceTimersByTime(SETTLED));
  const button = (name: string) => {
    const found = [...element.querySelectorAll("button")].find((one) => one.textContent === name);
    if (found === undefined) throw new Error(`there is no button ${name}`);
    return found;
  };
  const press = (name: string) => act(async () => button(name).click());
  const write = (text: string, at = 0) =>
    act(async () => {
      const field = element.querySelectorAll("textarea")[at];
      Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value")?.set?.call(field, text);
      field?.dispatchEvent(new Event("input", { bubbles: true }));
    });
  return { element, button, press, write, answers: server.answers };
}

beforeAll(() => import("../../src/views/permissions/PermissionCard"));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
  online("read", "execute", "admin");
});

afterEach(() => {
  vi.useRealTimers();
});

const bash = question("Bash", { command: "make test", description: "Run the tests" });

describe("a card", () => {
  it("allows, once, however often it is pressed", async () => {
    const { press, answers, element } = await cards(bash);
    expect(element.textContent).toContain("make test");
    await press("Allow");
    await press("Allow");
    expect(answers).toEqual([{ behavior: "allow" }]);
  });

  it("allows for longer what the person chose of the CLI's suggestions, sent back as it came", async () => {
    const update = {
      type: "addRules",
      rules: [{ toolName: "Bash", ruleContent: "make test" }],
      behavior: "allow",
      destination: "session",
    };
    const { press, answers } = await cards({ ...bash, suggestions: [update] });
    await press("Always …");
    await press("always allow `make test` in this session");
    expect(answers).toEqual([{ behavior: "allow", updated_permissions: [update] }]);
  });

  it("denies with a reason, and ends the turn where that is wanted", async () => {
    const first = await cards(bash);
    await first.press("Deny");
    await first.write(" Use make lint. ");
    await first.press("Deny");
    expect(first.answers).toEqual([{ behavior: "deny", message: "Use make lint.", interrupt: false }]);
    const second = await cards(bash);
    await second.press("Deny");
    await second.press("Deny and stop");
    expect(second.answers).toEqual([{ behavior: "deny", message: "", interrupt: true }]);
  });

  it("allows what the person has made of the input, whole", async () => {
    const { press, write, answers } = await cards(bash);
    await press("Edit …");
    await write("make lint");
    await press("Allow this");
    expect(answers).toEqual([
      { behavior: "allow", updated_input: { command: "make lint", description: "Run the tests" } },
    ]);
  });

  it("takes no tap in the moment in which it comes", async () => {
    const server = new Asked(store, "wss://localhost/ws", NO_HTTP);
    const element = await shown(server, [bash]);
    await act(async () => element.querySelector<HTMLButtonElement>(".answers button")?.click());
    expect(server.answers).toEqual([]);
  });

  it("is read, and not answered, by a device that may only read, and without a connection", async () => {
    online("read");
    const reader = await cards(bash, question("Edit", { file_path: "/a", old_string: "x", new_string: "y" }));
    expect(reader.element.querySelectorAll("article")).toHaveLength(2);
    expect(reader.element.querySelectorAll(".answers button")).toHaveLength(0);
    store.setState(INITIAL, true);
    const offline = await cards(bash);
    expect(offline.element.querySelectorAll(".answers button")).toHaveLength(0);
  });

  it("of a plan goes on in the mode that the person chose", async () => {
    const { press, answers, element } = await cards(question("ExitPlanMode", { plan: "# The plan" }));
    expect(element.querySelector(".markdown h3")?.textContent).toBe("The plan");
    await press("Go on, allow edits");
    const update = { type: "setMode", destination: "session", mode: "acceptEdits" };
    expect(answers).toEqual([{ behavior: "allow", updated_permissions: [update] }]);
  });

  it("of questions is answered when all of them are", async () => {
    const input = {
      questions: [
        { question: "Which?", multiSelect: false, options: [{ label: "A" }, { label: "B" }] },
        { question: "What else?", multiSelect: true, options: [{ label: "C" }] },
      ],
    };
    const { element, button, press, write, answers } = await cards(question("AskUserQuestion", input));
    const options = element.querySelectorAll<HTMLInputElement>(".option input");
    await act(async () => options[1]?.click());
    expect(button("Answer").disabled).toBe(true);
    await write("D", 1);
    await press("Answer");
    expect(answers).toEqual([
      { behavior: "allow", updated_input: { ...input, answers: { "Which?": "B", "What else?": ["D"] } } },
    ]);
  });

  it("shows every field of an input, and of an edit its lines", async () => {
    const edit = { file_path: "/home/ada/app/a.py", old_string: "x = 1", new_string: "x = 2", replace_all: true };
    const { element } = await cards(
      question("Edit", edit),
      question("mcp__db__drop", { table: "users", cascade: [1] }),
    );
    expect(element.querySelector("h3")?.textContent).toBe("Edit a.py?");
    expect([...element.querySelectorAll(".diff .words")].map((line) => line.textContent)).toEqual(["x = 1", "x = 2"]);
    expect([...element.querySelectorAll("dt")].map((field) => field.textContent)).toEqual([
      "replace_all",
      "table",
      "cascade",
    ]);
  });

  it.each([
    [59.5, "60 minutes left", false],
    [59, "59 minutes left", true],
    [0.5, "1 minute left", true],
    [-5, "0 minutes left", true],
  ])("says how long it waits where that is under an hour: %d minutes", async (minutes, said, isSaid) => {
    const expires_at = new Date(Date.now() + minutes * 60_000).toISOString();
    const { element } = await cards({ ...bash, expires_at });
    expect(element.querySelector(".left")?.textContent).toBe(isSaid ? said : undefined);
  });

  it("counts the minutes that are left", async () => {
    vi.useFakeTimers({ now: 0 });
    const { element } = await cards({ ...bash, expires_at: new Date(3_600_000).toISOString() });
    expect(element.querySelector(".left")).toBeNull();
    await act(async () => vi.advanceTimersByTime(70_000));
    expect(element.querySelector(".left")?.textContent).toBe("59 minutes left");
  });

  it.each(HOSTILE)("makes nothing that acts of %j", async (text) => {
    const asked = [
      question("Bash", { command: text, [text]: text }, { description: text, request: { decision_reason: text } }),
      question(`mcp__${text}`, { path: text }, { display_name: text, request: { blocked_path: text } }),
      question("AskUserQuestion", {
        questions: [{ question: text, header: text, options: [{ label: text, description: text, preview: text }] }],
      }),
    ];
    const element = await shown(new Asked(store, "wss://localhost/ws", NO_HTTP), asked);
    expect(element.querySelector(".command")).not.toBeNull();
    for (const form of element.querySelectorAll("form")) form.replaceWith(...form.childNodes);
    expectHarmless(element);
  });
});

/** The questions of the project as they are in the state. */
function Live() {
  const open = useKnown((state) => state.conversations.p);
  return open ? <Permissions project={project()} open={open} /> : null;
}

describe("a question that was answered elsewhere", () => {
  const phone = { id: "d", name: "phone" };

  async function answered(more: Partial<PermissionResolved>): Promise<readonly string[]> {
    const said: string[] = [];
    const server = new Asked(store, "wss://localhost/ws", NO_HTTP);
    server.say = (text) => void said.push(text);
    store.setState((state) => hear(opened(state, "p", conversation(0, "j")), [joinedAt(0)]), true);
    await draw(
      <ServerContext value={server}>
        <Live />
      </ServerContext>,
    );
    const event = (seq: number, type: string, message: object) =>
      told({ seq, type, timestamp: "2026-01-31T12:00:00Z", direction: "server", message: { ...message } });
    const resolved = { permission_id: bash.permission_id, behavior: "allow", by: phone, reason: "answered", ...more };
    await act(async () => store.setState((state) => hear(state, [event(1, "permission_request", bash)]), true));
    expect(document.querySelector("article")?.textContent).toContain("make test");
    await act(async () => store.setState((state) => hear(state, [event(2, "permission_resolved", resolved)]), true));
    expect(document.querySelector("article")).toBeNull();
    return said;
  }

  it.each([
    [{ by: { id: "e", name: "desk" } }, "Allowed on desk."],
    [{ by: { id: "e", name: "phone" }, behavior: "deny" as const }, "Denied on phone."],
    [{ by: null, behavior: "deny" as const, reason: "expired" as const }, "Denied: expired."],
    [{ by: null, behavior: "cancelled" as const, reason: "interrupted" as const }, "Taken back: interrupted."],
  ])("goes with a word on who did: %j", async (how, word) => {
    expect(await answered(how)).toEqual([word]);
  });

  it("goes without a word where that was this device", async () => {
    expect(await answered({})).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { ServerContext } from "../../src/context";
import { Server } from "../../src/link/server";
import type { Entry } from "../../src/protocol/generated";
import { progressOf } from "../../src/state/calls";
import { harmless } from "../../src/state/harmless";
import { rowsOf } from "../../src/state/rows";
import { newStore } from "../../src/state/store";
import { append, empty, type Thread } from "../../src/state/thread";
import { FoldingContext } from "../../src/views/conversation/folding";
import type { Surroundings } from "../../src/views/conversation/ItemView";
import { RowView } from "../../src/views/conversation/RowView";
import { NO_HTTP } from "../fake_socket";
import { recorded, TRANSCRIPT_NAMES } from "../journal";
import { draw, expectHarmless } from "./drawing";
import { HOSTILE } from "./hostile";

/** All rows of a thread with everything unfolded, as it is where a person has looked for it. */
function rows(thread: Thread) {
  const around: Surroundings = {
    projectId: "p",
    root: "/home/user/project",
    found: thread,
    progress: progressOf(thread.items, false),
  };
  const server = new Server(newStore(), "wss://localhost/ws", NO_HTTP);
  return (
    <ServerContext value={server}>
      <FoldingContext value={new Map()}>
        {rowsOf(thread.items, thread, (at) => at.slice(0, 10)).map((row) => (
          <RowView key={row.key} row={row} around={around} isMarked />
        ))}
      </FoldingContext>
    </ServerContext>
  );
}

let seq = 0;
function entry(type: string, message: object): Entry {
  seq += 1;
  return { seq, timestamp: "2026-01-31T12:00:00.000Z", type, direction: "claude", message: { ...message } };
}

const assistant = (...content: object[]) => entry("agent_message", { type: "assistant", message: { content } });
const user = (content: object, more: object = {}) =>
  entry("agent_message", { type: "user", message: { content: [content] }, ...more });

/** A journal in which a text stands wherever the agent, a tool, a person or the CLI can have put one. */
function full(text: string): Entry[] {
  seq = 0;
  const use = (id: string, name: string, input: object) => ({ type: "tool_use", id, name, input });
  const result = (id: string, isError = false) => ({
    type: "tool_result",
    tool_use_id: id,
    content: text,
    is_error: isError,
  });
  const tools: [string, object][] = [
    ["Bash", { command: text, description: text }],
    ["Read", { file_path: text }],
    ["Grep", { pattern: text, path: text, glob: text }],
    ["Edit", { file_path: text, old_string: text, new_string: `${text}\nmore` }],
    ["Write", { file_path: text, content: text }],
    ["Task", { description: text, prompt: text, subagent_type: text }],
    ["TodoWrite", { todos: [{ content: text, status: text, activeForm: text }] }],
    ["ExitPlanMode", { plan: text }],
    ["AskUserQuestion", { questions: [{ question: text, options: [{ label: text }] }] }],
    [`mcp__${text}__x`, { [text]: text, nested: { [text]: [text] } }],
    [text, { [text]: text }],
  ];
  return [
    entry("client_message", {
      execution_id: "e",
      prompt_id: "q",
      prompt: text,
      queued: false,
      options: {},
      by: { id: "d", name: text },
      attachments: [{ id: "a", name: text, media_type: "text/plain", size: 1 }],
    }),
    assistant({ type: "text", text }, { type: "thinking", thinking: text }),
    ...tools.flatMap(([name, input], at) => [
      assistant(use(`t${at}`, name, input)),
      user(result(`t${at}`, at % 3 === 0), {
        tool_use_result: { stdout: text, structuredPatch: [{ lines: [`-${text}`, `+${text}!`] }] },
      }),
    ]),
    entry("agent_message", { type: "system", subtype: "task_notification", summary: text }),
    entry("agent_message", { type: "raw", text }),
    entry("permission_resolved", { permission_id: "x", behavior: "deny", by: { id: "d", name: text }, reason: text }),
    entry("error", { code: text, message: text, details: { stderr: text } }),
  ];
}

describe("a conversation", () => {
  it.each(HOSTILE)("makes nothing that acts of %j, wherever it stands", async (text) => {
    expectHarmless(await draw(rows(append(empty(0), full(text)))));
  });

  it.each(TRANSCRIPT_NAMES)("of the real CLI (%s) is drawn whole", async (name) => {
    const thread = append(empty(0), recorded(name));
    const element = await draw(rows(thread));
    expectHarmless(element);
    const texts = thread.items.filter((item) => item.kind === "text").map((item) => item.text);
    for (const text of texts) expect(element.textContent).toContain(harmless(text.trim()));
  });

  it("shows a picture of a tool as an object of the page, and gives it back", async () => {
    const made: string[] = [];
    URL.createObjectURL = () => `blob:https://localhost/${made.push("made")}`;
    URL.revokeObjectURL = (url) => made.push(url);
    const png = { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } };
    const svg = { type: "image", source: { type: "base64", media_type: "image/svg+xml", data: "PHN2Zy8+" } };
    seq = 0;
    const entries = [
      assistant({ type: "tool_use", id: "t", name: "Read", input: {} }),
      user({ type: "tool_result", tool_use_id: "t", content: [png, svg] }),
    ];
    const element = await draw(rows(append(empty(0), entries)));
    expect([...element.querySelectorAll("img")].map((image) => image.src)).toEqual(["blob:https://localhost/1"]);
  });
});

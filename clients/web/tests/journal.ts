/** Journals for tests: what the server would have written around lines of the real CLI (tests/wire/transcripts). */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClientMessage, Entry, ProjectState } from "../src/protocol/generated";
import type { Message } from "../src/protocol/messages";

const TRANSCRIPTS = join(import.meta.dirname, "../../../tests/wire/transcripts");
const START = Date.parse("2026-01-31T12:00:00Z");
/** What the server does not keep of the CLI's lines: pieces, and what it asks of the server. */
const UNKEPT = new Set(["stream_event", "control_request", "control_response", "control_cancel_request"]);

export const TRANSCRIPT_NAMES = readdirSync(TRANSCRIPTS)
  .filter((name) => name.endsWith(".jsonl"))
  .map((name) => name.replace(".jsonl", ""));

export function project(more: Partial<ProjectState> = {}): ProjectState {
  return {
    id: "p",
    name: "app",
    path: "/home/ada/app",
    archived: false,
    state: "IDLE",
    session_id: null,
    created_at: "2026-01-31T12:00:00.000000Z",
    last_active: "2026-01-31T12:00:00.000000Z",
    journal_id: "j",
    head_seq: 0,
    execution_id: null,
    queued: [],
    error: null,
    pending_permissions: 0,
    trust: { state: "trusted", fingerprint: "", files: [] },
    subscribers: 1,
    last_words: null,
    cost_usd: 0,
    ...more,
  };
}

export function prompt(executionId: string, words: string, more: Partial<ClientMessage> = {}): ClientMessage {
  return {
    execution_id: executionId,
    prompt_id: `id of ${executionId}`,
    prompt: words,
    options: {},
    by: { id: "d", name: "phone" },
    queued: false,
    attachments: [],
    ...more,
  };
}

/** Numbers what happens, one second after the other. */
export class Journal {
  readonly entries: Entry[] = [];

  add(type: string, message: object): Entry {
    const seq = this.entries.length + 1;
    const timestamp = new Date(START + seq * 1000).toISOString();
    // Events do not tell their direction, and nothing here reads it.
    const entry: Entry = { seq, timestamp, direction: "server", type, message: { ...message } };
    this.entries.push(entry);
    return entry;
  }

  state(more: Partial<ProjectState>): Entry {
    return this.add("project_state", project({ ...more, head_seq: this.entries.length + 1 }));
  }
}

/** A journal in which a prompt is run as this transcript tells, while a second one waits, and then runs. */
export function recorded(name: string): readonly Entry[] {
  const lines = readFileSync(join(TRANSCRIPTS, `${name}.jsonl`), "utf8")
    .trim()
    .split("\n");
  const said = lines.map((line) => JSON.parse(line)).filter((line) => !UNKEPT.has(line.type));
  const journal = new Journal();
  journal.add("client_message", prompt("one", `Do ${name}`));
  journal.state({ state: "EXECUTING", execution_id: "one" });
  said.forEach((line, index) => {
    if (index === 3) {
      journal.add("client_message", prompt("two", "And then this", { queued: true }));
      journal.state({
        state: "EXECUTING",
        execution_id: "one",
        queued: [{ execution_id: "two", prompt_id: null, by: null }],
      });
    }
    journal.add("agent_message", line);
  });
  journal.state({ state: "EXECUTING", execution_id: "two" });
  journal.state({ state: "EXECUTING", execution_id: "two", name: "renamed" });
  journal.add("agent_message", { type: "assistant", message: { content: [{ type: "text", text: "Well." }] } });
  journal.add("agent_message", { type: "result", subtype: "success", total_cost_usd: 9, duration_ms: 10 });
  journal.state({ state: "IDLE" });
  return journal.entries;
}

/** An entry as it is told to whoever has joined. */
export function told(entry: Entry, id = "p"): Message {
  const { seq, timestamp, type, message } = entry;
  return { type, seq, timestamp, project_id: id, data: message };
}

/** A reply, or a message about the whole. */
export function reply(type: string, data: object, id: string | null = "p"): Message {
  return {
    type,
    request_id: "1",
    timestamp: "2026-01-31T12:00:00Z",
    ...(id ? { project_id: id } : {}),
    data: { ...data },
  };
}

export function joinedAt(head: number, more: object = {}): Message {
  const about = { project_id: "p", journal_id: "j", state: "IDLE", session_id: null, acked_seq: 0 };
  return reply("project_joined", { ...about, head_seq: head, first_seq: 1, replay: "complete", ...more });
}

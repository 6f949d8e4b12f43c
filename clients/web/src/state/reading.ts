/**
 * Entries of the journal -> what a person reads. Pure: the same entries, the same items.
 *
 * History comes in pages, the newest first, so a page is read without those before it. What belongs together over pages
 * (a call and its result, a subagent's work, a prompt that waited) is found by its id in `Findings`.
 */

import { isJson, type Json, number, object, text } from "../protocol/agent";
import type { ClientMessage, Entry, PermissionRequest, PermissionResolved, PromptDropped } from "../protocol/generated";
import { type Answer, type Carry, type End, type Item, NOTHING, type Reading, type Result } from "./findings";
import { blocksOf, commandOutput, imagesOf, outcomeOf, textOf } from "./said";

/** Read entries that follow one another, behind those that `carry` comes from. */
export function read(entries: readonly Entry[], before: Carry = NOTHING.carry): Reading {
  const reader = new Reader(before);
  for (const entry of entries) reader.take(entry);
  return reader.found;
}

type Without<T> = T extends unknown ? Omit<T, "key" | "seq" | "at"> : never;

class Reader {
  readonly #items: Item[] = [];
  readonly #results: Record<string, Result> = {};
  readonly #ends: Record<string, End> = {};
  readonly #questions: Record<string, { at: string; permissionId: string }> = {};
  readonly #answers: Record<string, Answer> = {};
  readonly #inner: Record<string, Item[]> = {};
  readonly #prompts: Record<string, ClientMessage> = {};
  #carry: Carry;

  constructor(before: Carry) {
    this.#carry = { ...before };
  }

  get found(): Reading {
    return {
      items: this.#items,
      results: this.#results,
      ends: this.#ends,
      questions: this.#questions,
      answers: this.#answers,
      inner: this.#inner,
      prompts: this.#prompts,
      carry: this.#carry,
    };
  }

  take(entry: Entry): void {
    const data = entry.message;
    if (entry.seq === 1) this.#carry.total ??= 0; // nothing was before it
    switch (entry.type) {
      case "client_message":
        this.#prompt(entry, data as unknown as ClientMessage);
        break;
      case "agent_message":
        this.#said(entry, data);
        break;
      case "project_state":
        this.#stands(entry, data);
        break;
      case "permission_request":
        this.#asked(entry, data as unknown as PermissionRequest);
        break;
      case "permission_resolved":
        this.#resolved(entry, data as unknown as PermissionResolved);
        break;
      case "prompt_dropped":
        this.#dropped(entry, data as unknown as PromptDropped);
        break;
      case "session_reset":
        this.#carry.total = 0;
        this.#notice(entry, "session_reset");
        break;
      case "agent_configured":
        this.#works(text(data, "model"), text(data, "permission_mode"));
        break;
      case "process_killed":
        this.#add(entry, { kind: "ended", outcome: "killed", seconds: null, cost: null, tokens: null });
        break;
      case "error":
        this.#failed(entry, data);
        break;
    }
  }

  #add(entry: Entry, item: Without<Item>, parent: string | null = null, suffix = ""): void {
    const whole = { ...item, key: `${entry.seq}${suffix}`, seq: entry.seq, at: entry.timestamp } as Item;
    if (parent === null) {
      this.#items.push(whole);
    } else {
      const inside = this.#inner[parent] ?? [];
      this.#inner[parent] = inside;
      inside.push(whole);
    }
  }

  #notice(entry: Entry, words: string, detail = "", tone: "plain" | "warning" = "plain", callId = ""): void {
    this.#add(entry, { kind: "notice", text: words, detail, tone, callId });
  }

  // -- what happens in the project

  #prompt(entry: Entry, said: ClientMessage): void {
    this.#prompts[said.execution_id] = said;
    if (!said.queued) this.#show(entry, said);
  }

  #show(entry: Entry, said: ClientMessage): void {
    this.#add(entry, {
      kind: "prompt",
      text: said.prompt,
      by: said.by.name,
      executionId: said.execution_id,
      attachments: said.attachments ?? [],
    });
  }

  #stands(entry: Entry, state: Json): void {
    const execution = text(state, "execution_id") || null;
    if (execution === this.#carry.executionId) return;
    this.#carry.executionId = execution;
    this.#carry.began = entry.timestamp;
    if (execution === null) return;
    const waited = this.#prompts[execution];
    if (waited === undefined) this.#add(entry, { kind: "begun", executionId: execution });
    else if (waited.queued) this.#show(entry, waited);
  }

  #asked(entry: Entry, question: PermissionRequest): void {
    if (!question.tool_use_id) return;
    this.#questions[question.tool_use_id] = { at: entry.timestamp, permissionId: question.permission_id };
  }

  #resolved(entry: Entry, told: PermissionResolved): void {
    const { permission_id: permissionId, behavior, by, reason } = told;
    const answer = { at: entry.timestamp, behavior, by: by?.name ?? "", deviceId: by?.id ?? "", reason };
    this.#answers[permissionId] = answer;
    this.#add(entry, { kind: "answered", permissionId, answer });
  }

  #dropped(entry: Entry, told: PromptDropped): void {
    this.#notice(entry, `dropped:${told.reason}`, this.#prompts[told.execution_id]?.prompt ?? "", "warning");
  }

  #failed(entry: Entry, error: Json): void {
    const code = text(error, "code");
    const message = text(error, "message");
    if (code === "LINE_TOO_LARGE") {
      this.#notice(entry, message, "", "warning"); // the execution goes on
      return;
    }
    const details = object(error, "details");
    // The server tells what a process said last when it has ended by itself; all other codes end it.
    const isGone = code !== "EXECUTION_FAILED" || "stderr" in details;
    this.#add(entry, {
      kind: "failed",
      code,
      message,
      stderr: text(details, "stderr"),
      executionId: text(error, "execution_id"),
      isGone,
      isLost: details.session_lost === true,
    });
  }

  /** Nothing is said of what stays as it was. */
  #works(model: string, mode: string): void {
    this.#carry.model = model || this.#carry.model;
    this.#carry.mode = mode || this.#carry.mode;
  }

  // -- what the agent says

  #said(entry: Entry, data: Json): void {
    const parent = text(data, "parent_tool_use_id") || null;
    this.#works(text(data, "type") === "system" ? text(data, "model") : "", text(data, "permissionMode"));
    switch (text(data, "type")) {
      case "assistant":
        this.#spoken(entry, data, parent);
        break;
      case "user":
        this.#returned(entry, data);
        break;
      case "result":
        this.#settled(entry, data);
        break;
      case "system":
        this.#told(entry, data);
        break;
      case "conversation_reset":
        this.#carry.total = 0;
        this.#notice(entry, "session_reset");
        break;
      case "rate_limit_event": {
        const info = object(data, "rate_limit_info");
        if (text(info, "status") !== "allowed") {
          this.#notice(entry, "rate_limit", text(info, "rateLimitType"), "warning");
        }
        break;
      }
      case "raw":
        this.#notice(entry, "raw", text(data, "text"));
        break;
    }
  }

  #spoken(entry: Entry, data: Json, parent: string | null): void {
    const blocks = blocksOf(data);
    blocks.forEach((block, index) => {
      const suffix = index ? `.${index}` : "";
      switch (text(block, "type")) {
        case "text":
          if (text(block, "text").trim()) this.#add(entry, { kind: "text", text: text(block, "text") }, parent, suffix);
          break;
        case "thinking":
          if (text(block, "thinking").trim()) {
            this.#add(entry, { kind: "thought", text: text(block, "thinking") }, parent, suffix);
          }
          break;
        case "tool_use":
          this.#add(
            entry,
            { kind: "call", id: text(block, "id"), name: text(block, "name"), input: object(block, "input") },
            parent,
            suffix,
          );
          break;
      }
    });
  }

  #returned(entry: Entry, data: Json): void {
    for (const block of blocksOf(data)) {
      if (text(block, "type") === "tool_result") {
        const content = block.content;
        const blocks = Array.isArray(content) ? content.filter(isJson) : [];
        this.#results[text(block, "tool_use_id")] = {
          at: entry.timestamp,
          isError: block.is_error === true,
          text: typeof content === "string" ? content : textOf(blocks),
          images: blocks.flatMap(imagesOf),
          details: object(data, "tool_use_result"),
        };
      } else if (text(block, "type") === "text") {
        const printed = commandOutput(text(block, "text"));
        if (printed) this.#notice(entry, "command", printed);
      }
    }
  }

  #settled(entry: Entry, data: Json): void {
    const total = number(data, "total_cost_usd");
    const before = this.#carry.total;
    let cost: number | null = null;
    if (total !== null) {
      if (before !== null) cost = total >= before ? total - before : total;
      this.#carry.total = total;
    }
    const usage = object(data, "usage");
    const milliseconds = number(data, "duration_ms");
    this.#add(entry, {
      kind: "ended",
      outcome: outcomeOf(data),
      seconds: milliseconds === null ? null : milliseconds / 1000,
      cost,
      tokens: number(usage, "output_tokens"),
    });
  }

  #told(entry: Entry, data: Json): void {
    switch (text(data, "subtype")) {
      case "compact_boundary":
        this.#notice(entry, "compacted");
        break;
      case "task_notification":
        this.#taskEnded(entry, data);
        break;
      case "notification":
      case "informational":
        this.#notice(entry, "told", text(data, "text") || text(data, "message") || text(data, "content"));
        break;
      case "local_command_output":
        this.#notice(entry, "command", commandOutput(text(data, "content")));
        break;
    }
  }
  /** What a call has begun is over; one that was waited for has a result besides, which tells the same. */
  #taskEnded(entry: Entry, data: Json): void {
    const callId = text(data, "tool_use_id");
    if (callId) this.#ends[callId] = { at: entry.timestamp, status: text(data, "status") };
    if (data.skip_transcript === true || data.ambient === true) return;
    const words = data.summary_is_report === true ? "report" : "task";
    this.#notice(entry, words, text(data, "summary"), "plain", callId);
  }
}

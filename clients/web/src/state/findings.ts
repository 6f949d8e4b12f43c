/** What is found in a journal: the items that a person reads, and what belongs to them, by id. */

import type { Json } from "../protocol/agent";
import type { Attached, Behavior, ClientMessage } from "../protocol/generated";

/**
 * `callId` of a notice: the call that it is about, or nothing. Of a failure: `isGone`: the agent's process ended with it, and
 * all that it had begun; `isLost`: the agent has this conversation no more.
 */
export type Item = { key: string; seq: number; at: string } & (
  | { kind: "prompt"; text: string; by: string; executionId: string; attachments: readonly Attached[] }
  | { kind: "begun"; executionId: string }
  | { kind: "text"; text: string }
  | { kind: "thought"; text: string }
  | { kind: "call"; id: string; name: string; input: Json }
  | { kind: "notice"; text: string; detail: string; tone: "plain" | "warning"; callId: string }
  | { kind: "answered"; permissionId: string; answer: Answer }
  | { kind: "ended"; outcome: string; seconds: number | null; cost: number | null; tokens: number | null }
  | {
      kind: "failed";
      code: string;
      message: string;
      stderr: string;
      executionId: string;
      isGone: boolean;
      isLost: boolean;
    }
);

/** What a call returned. `details`: the CLI's `tool_use_result`, such as the patch of an edit. */
export interface Result {
  at: string;
  isError: boolean;
  text: string;
  images: readonly Image[];
  details: Json;
}

export interface Image {
  type: string;
  data: string;
}

/** How a question of the agent was answered. `by`: the name of the device, empty where nobody did, as is `deviceId`. */
export interface Answer {
  at: string;
  behavior: Behavior;
  by: string;
  deviceId: string;
  reason: string;
}

/** How what a call has begun in the background ended. `status`: the CLI's word, `completed` where it went well. */
export interface End {
  at: string;
  status: string;
}

/**
 * What is found by id, over pages: results by call, what a call waited for (`questions`) and the answers by question,
 * the work of subagents by the call that began them and how it ended in the background, prompts by execution.
 */
export interface Findings {
  results: Readonly<Record<string, Result>>;
  ends: Readonly<Record<string, End>>;
  questions: Readonly<Record<string, { at: string; permissionId: string }>>;
  answers: Readonly<Record<string, Answer>>;
  inner: Readonly<Record<string, readonly Item[]>>;
  prompts: Readonly<Record<string, ClientMessage>>;
}

/**
 * What the reading of the next entries needs of those before: the CLI counts the cost of a conversation, not of a turn.
 * `model`, `mode`: what the agent works with, as it said last; empty where that is not loaded.
 */
export interface Carry {
  total: number | null;
  executionId: string | null;
  began: string;
  model: string;
  mode: string;
}

export interface Reading extends Findings {
  items: readonly Item[];
  carry: Carry;
}

export const NOTHING: Reading = {
  items: [],
  results: {},
  ends: {},
  questions: {},
  answers: {},
  inner: {},
  prompts: {},
  carry: { total: null, executionId: null, began: "", model: "", mode: "" },
};

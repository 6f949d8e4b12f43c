/** How a call of a tool stands: put together from the call, its result, and what it had to wait for. */

import type { Answer, Findings, Item, Result } from "./findings";

export type Call = Extract<Item, { kind: "call" }>;

/** `waiting`: for a person; `lost`: its turn ended without a result. */
export type CallStatus = "running" | "waiting" | "done" | "failed" | "denied" | "lost";

export interface CallState {
  status: CallStatus;
  result: Result | null;
  answer: Answer | null;
  /** When it began to run, or was asked for: milliseconds. */
  since: number;
  /** From the call to its result, without the wait for a person; null while there is none. */
  seconds: number | null;
}

/** `isLive`: whether the turn that it belongs to goes on. */
export function callState(call: Call, found: Findings, isLive: boolean): CallState {
  const result = found.results[call.id] ?? null;
  const question = found.questions[call.id];
  const answer = question === undefined ? null : (found.answers[question.permissionId] ?? null);
  const began = Date.parse(call.at);
  const asked = question === undefined ? null : Date.parse(question.at);
  const answered = answer === null ? null : Date.parse(answer.at);
  const waited = asked !== null && answered !== null ? Math.max(0, answered - asked) : 0;
  const since = answered ?? asked ?? began;
  const seconds = result === null ? null : Math.max(0, (Date.parse(result.at) - began - waited) / 1000);
  return { status: statusOf(result, answer, asked !== null, isLive), result, answer, since, seconds };
}

function statusOf(result: Result | null, answer: Answer | null, isAsked: boolean, isLive: boolean): CallStatus {
  if (answer?.behavior === "deny") return "denied";
  if (answer?.behavior === "cancelled") return "lost";
  if (result !== null) return result.isError ? "failed" : "done";
  if (!isLive) return "lost";
  return isAsked && answer === null ? "waiting" : "running";
}

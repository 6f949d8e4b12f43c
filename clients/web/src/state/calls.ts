/** How a call of a tool stands: put together from the call, its result, and what it had to wait for. */

import type { Answer, Findings, Item, Result } from "./findings";

export type Call = Extract<Item, { kind: "call" }>;

/**
 * `waiting`: for a person; `background`: begun there, and its end was not told; `lost`: its turn ended without a result, or
 * what it has begun was ended.
 */
export type CallStatus = "running" | "waiting" | "background" | "done" | "failed" | "denied" | "lost";

export interface CallState {
  status: CallStatus;
  result: Result | null;
  answer: Answer | null;
  /** When it began to run, or was asked for: milliseconds. */
  since: number;
  /** From the call to its end, without the wait for a person; null while there is none. */
  seconds: number | null;
}

/**
 * How far the agent is in what is loaded. `isWorking`: a turn goes on; `ended`: the event at which the last one before it
 * did; `stopped`: the last event at which everything ended that the agent had begun.
 */
export interface Progress {
  isWorking: boolean;
  ended: number;
  stopped: number;
}

export function progressOf(items: readonly Item[], isWorking: boolean): Progress {
  const ended = items.findLast((item) => item.kind === "ended" || item.kind === "failed");
  return { isWorking, ended: ended?.seq ?? 0, stopped: items.findLast(stops)?.seq ?? 0 };
}

function stops(item: Item): boolean {
  switch (item.kind) {
    case "failed":
      return item.isGone;
    case "ended":
      return item.outcome === "killed";
    default:
      return item.kind === "notice" && item.text === "session_reset";
  }
}

/** The progress of what a call does that runs in the background: it goes on, whatever turn has ended. */
export function within(progress: Progress): Progress {
  return { ...progress, ended: progress.stopped };
}

export function callState(call: Call, found: Findings, progress: Progress): CallState {
  const result = found.results[call.id] ?? null;
  const question = found.questions[call.id];
  const answer = question === undefined ? null : (found.answers[question.permissionId] ?? null);
  const began = Date.parse(call.at);
  const asked = question === undefined ? null : Date.parse(question.at);
  const answered = answer === null ? null : Date.parse(answer.at);
  const waited = asked !== null && answered !== null ? Math.max(0, answered - asked) : 0;
  const since = answered ?? asked ?? began;
  const end = result !== null && isBackground(result) ? found.ends[call.id] : result;
  const seconds = end ? Math.max(0, (Date.parse(end.at) - began - waited) / 1000) : null;
  return { status: statusOf(call, found, answer, asked !== null, progress), result, answer, since, seconds };
}

/** Whether a result says only that something was begun. */
export function isBackground(result: Result): boolean {
  return !result.isError && (result.details.isAsync === true || Boolean(result.details.backgroundTaskId));
}

function statusOf(
  call: Call,
  found: Findings,
  answer: Answer | null,
  isAsked: boolean,
  progress: Progress,
): CallStatus {
  const result = found.results[call.id];
  if (answer?.behavior === "deny") return "denied";
  if (answer?.behavior === "cancelled") return "lost";
  if (result !== undefined && isBackground(result)) return backgroundOf(call, found, progress);
  if (result !== undefined) return result.isError ? "failed" : "done";
  if (!progress.isWorking || call.seq <= progress.ended) return "lost";
  return isAsked && answer === null ? "waiting" : "running";
}

function backgroundOf(call: Call, found: Findings, progress: Progress): CallStatus {
  const end = found.ends[call.id];
  if (end === undefined) {
    if (call.seq <= progress.stopped) return "lost";
    return progress.isWorking ? "running" : "background";
  }
  if (end.status === "completed") return "done";
  return end.status === "failed" ? "failed" : "lost";
}

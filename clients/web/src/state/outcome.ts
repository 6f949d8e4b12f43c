/** What came of a call, in a few words (as pocketagent/terminal/outcomes.py). */

import { isJson, type Json, list, number, object, objects, text } from "../protocol/agent";
import type { Result } from "./findings";
import { oneLine, printed } from "./harmless";

/** Characters of an outcome. */
const MAX_OUTCOME = 200;

/** `1 line`, `1,200 lines`. */
export function counted(count: number, thing: string): string {
  const many = thing.endsWith("ch") ? `${thing}es` : `${thing}s`;
  return `${count.toLocaleString("en")} ${count === 1 ? thing : many}`;
}

/** What a call that is over did, or why it was denied; empty where there is nothing to tell. */
export function outcomeOf(name: string, input: Json, result: Result, isDenied: boolean, innerCalls: number): string {
  return oneLine(printed(told(name, input, result, isDenied, innerCalls)), MAX_OUTCOME);
}

function told(name: string, input: Json, result: Result, isDenied: boolean, innerCalls: number): string {
  if (isDenied) return reason(result.text);
  if (result.isError) return failure(result.text);
  const own = Object.hasOwn(OUTCOMES, name) ? OUTCOMES[name] : undefined;
  if (own !== undefined) return own(result, input, innerCalls);
  const changed = changesOf(name, input, result.details);
  if (changed === null) return lines(result.text);
  return changed.isNew ? counted(changed.added, "line") : `+${changed.added} −${changed.removed}`;
}

/** How many lines an edit has changed, by its result; null for what edits nothing. */
export function changesOf(
  name: string,
  input: Json,
  details: Json,
): { added: number; removed: number; isNew: boolean } | null {
  const patch = objects(details, "structuredPatch");
  if (patch.length > 0) {
    const all = patch.flatMap((hunk) => list(hunk, "lines").filter((line) => typeof line === "string"));
    const added = all.filter((line) => line.startsWith("+")).length;
    return { added, removed: all.filter((line) => line.startsWith("-")).length, isNew: false };
  }
  if (name === "Write" && text(details, "type") === "update") return { added: 0, removed: 0, isNew: false };
  if (name === "Write") return { added: lineCount(text(input, "content")), removed: 0, isNew: true };
  if (name === "NotebookEdit") return { added: lineCount(text(input, "new_source")), removed: 0, isNew: true };
  return null;
}

const REFUSED = "The user doesn't want to ";
/** What stands in place of a reason: the words of our own server. */
const NO_REASON = "The person said no.";

function reason(output: string): string {
  const said = output.trim();
  return said.startsWith(REFUSED) || said === NO_REASON ? "" : said;
}

function failure(output: string): string {
  const said = output.trim();
  const exit = /^(?:Error: )?Exit code (\d{1,5})\b/.exec(said)?.[1];
  if (exit !== undefined) return `exit ${exit}`;
  // Nobody has denied it: the CLI has the same words for what was cut off.
  if (said.startsWith(REFUSED) || said.startsWith("[Request interrupted")) return "interrupted";
  return (
    said
      .replace(/<\/?tool_use_error>/g, "")
      .trim()
      .replace(/^Error: /, "") || "failed"
  );
}

/** How many lines of a text say something, from its first to its last. */
export function lineCount(said: string): number {
  const whole = said.replace(/^[\r\n]+|[\r\n]+$/g, "");
  return whole.trim() ? whole.split("\n").length : 0;
}

function lines(output: string): string {
  const isNone = /^\((?:\w{1,40} completed with )?no (?:output|content)\)$/i.test(output.trim());
  const count = isNone ? 0 : lineCount(output);
  return count ? counted(count, "line") : "no output";
}

type Outcome = (result: Result, input: Json, innerCalls: number) => string;

function ran({ details, text: output }: Result): string {
  if (details.interrupted === true) return "interrupted";
  if (details.backgroundTaskId) return "in the background";
  if (details.isImage === true) return "an image";
  const streams = [text(details, "stdout"), text(details, "stderr")].filter((one) => one.trim());
  return lines(streams.length ? streams.join("\n") : output);
}

function wasRead({ details, text: output }: Result): string {
  const type = text(details, "type");
  if (["image", "pdf", "notebook", "parts"].includes(type)) return type;
  const count = number(object(details, "file"), "numLines");
  return count === null ? lines(output) : counted(count, "line");
}

function wasFound({ details, text: output }: Result): string {
  const mode = text(details, "mode");
  const inLines = number(details, "numLines");
  const matches = number(details, "numMatches");
  const files = number(details, "numFiles");
  if (mode === "content" && inLines !== null) return counted(inLines, "line");
  if (mode === "count" && matches !== null) return counted(matches, "match");
  if (files !== null) return counted(files, "file") + (details.truncated === true ? " and more" : "");
  return lines(output);
}

function wasFetched({ details, text: output }: Result): string {
  const code = number(details, "code");
  const bytes = number(details, "bytes");
  const parts = [code === null ? "" : `${code}`, bytes === null ? "" : `${(bytes / 1024).toFixed(1)} KB`];
  return parts.filter(Boolean).join(" · ") || lines(output);
}

function wasSearched({ details, text: output }: Result): string {
  const found = list(details, "results").filter(isJson);
  const count = found.reduce((sum, one) => sum + list(one, "content").length, 0);
  return found.length ? counted(count, "result") : lines(output);
}

function wasDelegated({ details }: Result, _input: Json, innerCalls: number): string {
  const calls = innerCalls || number(details, "totalToolUseCount") || 0;
  const tokens = number(details, "totalTokens") ?? 0;
  const parts = [calls ? counted(calls, "call") : "", tokens ? `${(tokens / 1000).toFixed(1)}k tokens` : ""];
  return parts.filter(Boolean).join(" · ") || (details.isAsync === true ? "in the background" : "done");
}

function todos(_result: Result, input: Json): string {
  const all = objects(input, "todos");
  const done = all.filter((one) => text(one, "status") === "completed").length;
  return all.length ? `${done} of ${all.length} done` : "";
}

function answers({ details }: Result): string {
  const said = Object.values(object(details, "answers"));
  return said.map((one) => (Array.isArray(one) ? one.join(", ") : `${one}`)).join(" · ");
}

const silent: Outcome = () => "";

/** The tools whose outcome is told in words of their own. */
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  Bash: ran,
  PowerShell: ran,
  Read: wasRead,
  Grep: wasFound,
  Glob: wasFound,
  WebFetch: wasFetched,
  WebSearch: wasSearched,
  Task: wasDelegated,
  Agent: wasDelegated,
  TodoWrite: todos,
  AskUserQuestion: answers,
  EnterPlanMode: silent,
  ExitPlanMode: () => "approved",
  Skill: silent,
  TaskCreate: silent,
  TaskUpdate: silent,
  TaskStop: silent,
  KillShell: silent,
  KillBash: silent,
  SendMessage: silent,
};

/** What an edit changes, as lines that come and go: from its input before it ran, from its result afterwards. */

import { diffWordsWithSpace, structuredPatch } from "diff";
import { isJson, type Json, list, number, objects, text } from "../protocol/agent";
import { harmless } from "./harmless";

export type Sign = " " | "+" | "-";

/** `number`: in the file as it is afterwards, of a removed line as it was before; null where it is not known. */
export interface Line {
  sign: Sign;
  number: number | null;
  /** Pieces of the line; those that make it differ from its partner are marked. */
  pieces: readonly { text: string; isMarked: boolean }[];
}

/** Pieces of a file that hang together, in order. `left`: lines that are not among them. */
export interface Diff {
  hunks: readonly (readonly Line[])[];
  left: number;
}

/** Lines that a diff holds. */
export const MAX_LINES = 2000;
/** Characters of a text that is compared with another. */
const MAX_COMPARED = 200_000;
/** Milliseconds for comparing: beyond, all that was goes and all that is new comes. */
const COMPARING = 200;
/** Characters of a line whose words are compared. */
const MAX_WORDS = 400;
/** How much of two lines must be the same for their differences to stand out. */
const ALIKE = 0.5;

interface Bare {
  sign: Sign;
  number: number | null;
  text: string;
}

/** What the call of a tool changes; null for one that edits nothing. Without `details`: what its input says. */
export function diffOf(name: string, input: Json, details: Json): Diff | null {
  const patch = objects(details, "structuredPatch");
  if (patch.length > 0) return drawn(patch.map(patched));
  switch (name) {
    case "Edit":
      return drawn(compared(text(input, "old_string"), text(input, "new_string")));
    case "MultiEdit":
      return drawn(
        objects(input, "edits").flatMap((edit) => compared(text(edit, "old_string"), text(edit, "new_string"))),
      );
    case "Write":
      return text(details, "type") === "update" ? null : drawn([fresh(text(input, "content"))]);
    case "NotebookEdit":
      return drawn([fresh(text(input, "new_source"))]);
    default:
      return null;
  }
}

/** What of an input its diff shows, beside the name of the file. */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  Edit: ["old_string", "new_string"],
  MultiEdit: ["edits"],
  Write: ["content"],
  NotebookEdit: ["new_source"],
};

/** The fields of an input that its diff does not show; all of them where the diff would not show everything. */
export function besides(name: string, input: Json, diff: Diff | null): Json {
  const shown = SHOWN[name];
  if (shown === undefined || diff === null || diff.left > 0 || diff.hunks.length === 0) return input;
  const edits = name === "MultiEdit" ? list(input, "edits") : [input];
  const fields = name === "MultiEdit" ? (SHOWN.Edit ?? []) : shown;
  if (!edits.every((edit) => isJson(edit) && fields.every((field) => typeof edit[field] === "string"))) return input;
  if (name === "MultiEdit" && edits.some((edit) => isJson(edit) && Object.keys(edit).some(isTelling))) return input;
  return Object.fromEntries(Object.entries(input).filter(([field]) => !shown.includes(field)));

  function isTelling(field: string): boolean {
    return !fields.includes(field) && field !== "replace_all";
  }
}

function patched(hunk: Json): Bare[] {
  return numbered(
    list(hunk, "lines").filter((line) => typeof line === "string"),
    number(hunk, "oldStart"),
    number(hunk, "newStart"),
  );
}

function compared(old: string, now: string): Bare[][] {
  const whole = () => [numbered([...linesOf(old).map((one) => `-${one}`), ...linesOf(now).map((one) => `+${one}`)])];
  if (old.length + now.length > MAX_COMPARED) return whole();
  const patch = structuredPatch("", "", old, now, "", "", { context: 3, timeout: COMPARING });
  return patch === undefined ? whole() : patch.hunks.map((hunk) => numbered(hunk.lines));
}

function fresh(content: string): Bare[] {
  return numbered(
    linesOf(content).map((line) => `+${line}`),
    1,
    1,
  );
}

function linesOf(content: string): string[] {
  const lines = content.replaceAll("\r\n", "\n").split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/** Without the numbers of the first lines there are none. */
function numbered(lines: readonly string[], old: number | null = null, now: number | null = null): Bare[] {
  const found: Bare[] = [];
  let before = old;
  let after = now;
  for (const line of lines) {
    const sign = line.slice(0, 1);
    if (sign === "\\") continue; // "\ No newline at end of file"
    const rest = line.slice(1);
    if (sign === "-") {
      found.push({ sign, number: before, text: rest });
      before = before === null ? null : before + 1;
    } else {
      found.push({ sign: sign === "+" ? "+" : " ", number: after, text: rest });
      after = after === null ? null : after + 1;
      if (sign !== "+") before = before === null ? null : before + 1;
    }
  }
  return found;
}

function drawn(hunks: readonly (readonly Bare[])[]): Diff {
  let room = MAX_LINES;
  const kept: Line[][] = [];
  for (const hunk of hunks) {
    const lines = hunk.slice(0, room);
    if (lines.length > 0) kept.push(marked(lines));
    room -= lines.length;
  }
  return { hunks: kept, left: hunks.reduce((sum, hunk) => sum + hunk.length, 0) - (MAX_LINES - room) };
}

/** Each line with where it differs from its partner: the first removed from the first added, and so on. */
function marked(lines: readonly Bare[]): Line[] {
  const found: Line[] = lines.map((line) => ({
    sign: line.sign,
    number: line.number,
    pieces: [{ text: harmless(line.text), isMarked: false }],
  }));
  let at = 0;
  while (at < lines.length) {
    const gone = run(lines, at, "-");
    const come = run(lines, at + gone, "+");
    if (gone > 0 && gone === come) {
      for (let line = at; line < at + gone; line += 1) mark(found, line, line + gone);
    }
    at += Math.max(1, gone + come);
  }
  return found;
}

function run(lines: readonly Bare[], from: number, sign: Sign): number {
  let at = from;
  while (lines[at]?.sign === sign) at += 1;
  return at - from;
}

function mark(lines: Line[], gone: number, come: number): void {
  const old = lines[gone];
  const now = lines[come];
  const before = old?.pieces[0]?.text ?? "";
  const after = now?.pieces[0]?.text ?? "";
  if (old === undefined || now === undefined || before.length > MAX_WORDS || after.length > MAX_WORDS) return;
  const words = diffWordsWithSpace(before, after);
  const same = words.reduce((sum, word) => sum + (word.added || word.removed ? 0 : word.value.length), 0);
  if (same < ALIKE * Math.max(before.trim().length, after.trim().length, 1)) return;
  const pieces = (of: "added" | "removed") =>
    words
      .filter((word) => word[of] || !(word.added || word.removed))
      .map((word) => ({ text: word.value, isMarked: word[of] === true }));
  lines[gone] = { ...old, pieces: pieces("removed") };
  lines[come] = { ...now, pieces: pieces("added") };
}

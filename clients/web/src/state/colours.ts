/** The lines of a diff in the colours of their language. Pure: what knows languages is loaded by whoever draws. */

import { type Json, text } from "../protocol/agent";
import type { Diff, Line } from "./diff";

/** What a highlighter makes of a text: a tree whose leaves are all of it. */
export interface Node {
  type: string;
  value?: string;
  properties?: { className?: unknown };
  children?: readonly Node[];
}

/** A piece of a line. `names`: the classes of what it is in its language; none where it is marked, which stands out by itself. */
export interface Piece {
  text: string;
  isMarked: boolean;
  names: string;
}

/** Nodes within one another that are looked through: what is deeper is left out, and its lines have no colours. */
const MAX_DEPTH = 30;

/** The word by which a highlighter may know the language of what a tool edits: the ending of the file, or its whole name. */
export function languageOf(name: string, input: Json): string {
  if (name === "NotebookEdit") return text(input, "cell_type") === "markdown" ? "markdown" : "python";
  const file = text(input, "file_path").split("/").at(-1)?.toLowerCase() ?? "";
  return /(?:^|\.)([\w+#-]{1,20})$/.exec(file)?.[1] ?? "";
}

/** How many characters a diff has. */
export function sizeOf(diff: Diff): number {
  const lengths = diff.hunks.flat().map((line) => wordsOf(line).length + 1);
  return lengths.reduce((sum, one) => sum + one, 0);
}

/** The pieces of each line of each hunk. What a hunk was and what it is are read by themselves: each is a text of its own. */
export function coloured(diff: Diff, highlight: (text: string) => readonly Node[]): readonly (readonly Piece[])[][] {
  return diff.hunks.map((hunk) => {
    const before = linesOf(hunk, "+", highlight);
    const after = linesOf(hunk, "-", highlight);
    return hunk.map((line) => pieced(line, (line.sign === "-" ? before : after).get(line) ?? []));
  });
}

/** The lines without those of one sign, each with its runs. */
function linesOf(hunk: readonly Line[], but: "+" | "-", highlight: (text: string) => readonly Node[]) {
  const lines = hunk.filter((line) => line.sign !== but);
  const runs = split(highlight(lines.map(wordsOf).join("\n")));
  return new Map(lines.map((line, at) => [line, runs[at] ?? []]));
}

type Run = Omit<Piece, "isMarked">;

function split(nodes: readonly Node[]): readonly (readonly Run[])[] {
  const lines: Run[][] = [[]];
  function walk(node: Node, names: string, depth: number) {
    if (node.type === "text") {
      (node.value ?? "").split("\n").forEach((words, at) => {
        if (at > 0) lines.push([]);
        if (words) lines.at(-1)?.push({ text: words, names });
      });
    }
    const own = node.properties?.className;
    const within = Array.isArray(own) ? own.join(" ") : names;
    if (depth < MAX_DEPTH) for (const child of node.children ?? []) walk(child, within, depth + 1);
  }
  for (const node of nodes) walk(node, "", 0);
  return lines;
}

/** A line cut where its marks and its runs begin and end; as it is where the runs are not its own. */
function pieced(line: Line, runs: readonly Run[]): readonly Piece[] {
  const words = wordsOf(line);
  if (runs.map((run) => run.text).join("") !== words) return line.pieces.map((piece) => ({ ...piece, names: "" }));
  const pieces: Piece[] = [];
  let from = 0;
  for (const piece of line.pieces) {
    const to = from + piece.text.length;
    if (piece.isMarked) pieces.push({ ...piece, names: "" });
    else pieces.push(...cut(runs, from, to).map((run) => ({ ...run, isMarked: false })));
    from = to;
  }
  return pieces;
}

/** What stands from one character to another. */
function cut(runs: readonly Run[], from: number, to: number): readonly Run[] {
  const found: Run[] = [];
  let at = 0;
  for (const run of runs) {
    const words = run.text.slice(Math.max(0, from - at), Math.max(0, to - at));
    if (words) found.push({ ...run, text: words });
    at += run.text.length;
  }
  return found;
}

function wordsOf(line: Line): string {
  return line.pieces.map((piece) => piece.text).join("");
}

/** What a person is about to name in the composer: a command at its beginning, or a file anywhere. Pure. */

import { type Json, text } from "../protocol/agent";

/** The word at the cursor: `query` is what was typed of it, `from` to `to` what a choice takes the place of. */
export interface Token {
  kind: "command" | "model" | "mode" | "file";
  query: string;
  from: number;
  to: number;
}

/** One thing to choose. `insert` is what then stands there; with `isWhole` nothing more is needed behind it. */
export interface Suggestion {
  key: string;
  label: string;
  detail: string;
  insert: string;
  isWhole: boolean;
}

/** A command as the CLI tells of it. */
export interface Command {
  name: string;
  detail: string;
  argument: string;
}

/** As many as are offered at once. */
const MAX_OFFERED = 50;

const COMMAND = /^\/([^\s/]*)$/;
const ARGUMENT = /^\/(model|mode)\s+(\S*)$/;
const FILE = /(?:^|\s)@(\S*)$/;

export function tokenAt(words: string, cursor: number): Token | null {
  const before = words.slice(0, cursor);
  const [, command] = COMMAND.exec(before) ?? [];
  if (command !== undefined) return { kind: "command", query: command, from: 0, to: cursor };
  const [, name, argument] = ARGUMENT.exec(before) ?? [];
  if (argument !== undefined) {
    const kind = name === "model" ? "model" : "mode";
    return { kind, query: argument, from: cursor - argument.length, to: cursor };
  }
  const [, file] = FILE.exec(before) ?? [];
  if (file !== undefined) return { kind: "file", query: file, from: cursor - file.length - 1, to: cursor };
  return null;
}

/** The text with a choice in the place of the word, and where the cursor then is. */
export function completed(words: string, token: Token, choice: Suggestion): { words: string; cursor: number } {
  const rest = words.slice(token.to);
  const gap = choice.isWhole && !/^\s/.test(rest) ? " " : "";
  const start = words.slice(0, token.from) + choice.insert + gap;
  return { words: start + rest, cursor: start.length };
}

/** Those that fit what was typed: first those that begin with it, then those with a part that does, then the others. */
export function fitting(all: readonly Suggestion[], query: string): readonly Suggestion[] {
  const wanted = query.toLowerCase();
  const ranked = all.map((one) => ({ one, rank: rank(one.label.replace(/^\//, "").toLowerCase(), wanted) }));
  return ranked
    .filter(({ rank }) => rank < 3)
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, MAX_OFFERED)
    .map(({ one }) => one);
}

function rank(label: string, wanted: string): number {
  if (label.startsWith(wanted)) return 0;
  const at = label.indexOf(wanted);
  if (at < 0) return 3;
  return /[^a-z0-9]/.test(label[at - 1] ?? "") ? 1 : 2;
}

export function commandsOf(told: readonly Json[] | null): readonly Command[] {
  return (told ?? []).flatMap((one) => {
    const name = text(one, "name").replace(/^\//, "");
    return name ? [{ name, detail: text(one, "description"), argument: text(one, "argumentHint") }] : [];
  });
}

/** A model as the CLI tells of it. `resolved`: what it calls itself when it runs. */
export interface Model {
  value: string;
  resolved: string;
  name: string;
  detail: string;
}

export function modelsOf(told: readonly Json[] | null): readonly Model[] {
  return (told ?? []).flatMap((one) => {
    const value = text(one, "value");
    if (!value) return [];
    const name = text(one, "displayName") || value;
    return [{ value, name, detail: text(one, "description"), resolved: text(one, "resolvedModel") }];
  });
}

/** The commands that are the client's own; every other text that begins with a slash goes to the agent. */
export const OWN = ["new", "search", "model", "mode", "stop", "kill"] as const;
export type Own = (typeof OWN)[number];

/** The command of ours that a text is, and what stands behind it. */
export function ownCommand(words: string): { name: Own; argument: string } | null {
  const [, name, argument] = /^\/(\w+)(?:\s+(\S+))?\s*$/.exec(words) ?? [];
  const own = OWN.find((one) => one === name);
  return own === undefined ? null : { name: own, argument: argument ?? "" };
}

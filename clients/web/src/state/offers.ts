/** What the agent suggests to allow for good, in words that say what a person would grant (as pocketagent/terminal/offers.py). */

import { isJson, list, text } from "../protocol/agent";
import type { Destination, PermissionMode, PermissionUpdate, Scope, ToolRule } from "../protocol/generated";
import { harmless } from "./harmless";

/** An update that may go with an answer, and what it means. */
export interface Offer {
  update: PermissionUpdate;
  words: string;
}

/** Of a question. */
const MAX_OFFERS = 9;

const KEPT: Readonly<Record<string, string>> = {
  localSettings: "here (kept in .claude/settings.local.json)",
  projectSettings: "here, for everybody (kept in .claude/settings.json)",
  userSettings: "everywhere (kept in ~/.claude/settings.json)",
  session: "in this session",
  cliArg: "until the agent ends",
} satisfies Record<Destination, string>;

const MODES: Readonly<Record<string, string>> = {
  default: "ask as usual",
  acceptEdits: "allow all edits",
  plan: "only plan, change nothing",
  auto: "let the agent judge what it has to ask",
  dontAsk: "refuse without asking what is not allowed already",
  bypassPermissions: "allow everything without asking",
} satisfies Record<PermissionMode, string>;

const RULES: Readonly<Record<string, string>> = {
  allow: "always allow",
  deny: "always deny",
  ask: "always ask before",
};
const FILES: Readonly<Record<string, string>> = {
  Read: "reading",
  Edit: "editing",
  Write: "writing",
  NotebookEdit: "editing",
};

/** The fields of an update: one with others is not understood whole. */
const FIELDS = new Set(["type", "destination", "rules", "behavior", "mode", "directories"]);

/**
 * What can be granted by a device with these scopes. What is not understood whole is left out: it could grant more than it
 * says. `mayRule`: whether those that add a rule are offered.
 */
export function offersOf(
  suggestions: readonly unknown[],
  root: string,
  scopes: readonly Scope[],
  mayRule: boolean,
): readonly Offer[] {
  const isAdmin = scopes.includes("admin");
  const found: Offer[] = [];
  for (const suggestion of suggestions) {
    const said = wordsOf(suggestion, root);
    if (said === "" || found.length === MAX_OFFERS) continue;
    const update = suggestion as PermissionUpdate;
    if (update.type === "addRules" && !mayRule) continue;
    if (!isAdmin && (update.destination === "userSettings" || update.mode === "bypassPermissions")) continue;
    found.push({ update, words: harmless(said) });
  }
  return found;
}

/** What an update says; empty for one that is not understood. */
function wordsOf(suggestion: unknown, root: string): string {
  if (!isJson(suggestion) || !Object.keys(suggestion).every((field) => FIELDS.has(field))) return "";
  const where = own(KEPT, text(suggestion, "destination"));
  if (where === "") return "";
  const type = text(suggestion, "type");
  if (type === "setMode") {
    const mode = own(MODES, text(suggestion, "mode"));
    return mode && `${mode} ${where}`;
  }
  if (type === "addDirectories" || type === "removeDirectories") {
    const directories = list(suggestion, "directories");
    if (directories.length === 0 || !directories.every((one) => typeof one === "string")) return "";
    const names = listed(directories.map((one) => (one === root ? "the project's own directory" : `\`${one}\``)));
    return `${type === "addDirectories" ? "let" : "no longer let"} the agent work in ${names} ${where}`;
  }
  const rules = list(suggestion, "rules");
  const does = own(RULES, text(suggestion, "behavior"));
  if (does === "" || rules.length === 0 || !rules.every(isRule)) return "";
  const names = listed(rules.map(ruleWords));
  if (type === "addRules") return `${does} ${names} ${where}`;
  if (type === "removeRules") return `no longer ${does} ${names} ${where}`;
  return type === "replaceRules" ? `${does} ${names}, and none of what was so until now, ${where}` : "";
}

function own(words: Readonly<Record<string, string>>, name: string): string {
  return Object.hasOwn(words, name) ? (words[name] ?? "") : "";
}

function isRule(rule: unknown): rule is ToolRule {
  if (!isJson(rule) || !Object.keys(rule).every((field) => field === "toolName" || field === "ruleContent"))
    return false;
  const content = rule.ruleContent ?? null;
  return text(rule, "toolName") !== "" && (content === null || typeof content === "string");
}

function ruleWords(rule: ToolRule): string {
  if (rule.ruleContent === null || rule.ruleContent === undefined) return `every use of ${rule.toolName}`;
  if (rule.toolName === "Bash") return `\`${rule.ruleContent}\``;
  return `${own(FILES, rule.toolName) || rule.toolName} \`${rule.ruleContent}\``;
}

function listed(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? "nothing";
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

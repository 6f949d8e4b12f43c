/** What the agent does with a tool, in a line that a person understands (as pocketagent/terminal/tools.py). */

import { type Json, number, objects, text } from "../protocol/agent";
import { oneLine } from "./harmless";

/** Characters of a subject. */
const MAX_SUBJECT = 500;

/** What is done, and what it is done to: `Read`, `src/app.py (lines 10–50)`. The subject may be empty. */
export interface Headline {
  title: string;
  subject: string;
}

/** The call of a tool in one line; paths within `root`, the project's directory, are told from there. */
export function headlineOf(name: string, input: Json, root: string): Headline {
  const base = root.replace(/\/+$/, "");
  const known = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
  const title = known?.[0] ?? (name.startsWith("mcp__") ? name.split("__").slice(1).join(" · ") : name);
  return {
    title: oneLine(title, MAX_SUBJECT),
    subject: oneLine((known?.[1] ?? telling)(input, base), MAX_SUBJECT),
  };
}

/** A path as it is told in a project whose directory is `root`. */
export function relative(path: string, root: string): string {
  if (!root || root === "/") return path;
  if (path === root) return ".";
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}

type Telling = (input: Json, root: string) => string;

const first = (input: Json, names: readonly string[]) => names.map((name) => text(input, name)).find(Boolean) ?? "";
const of =
  (...names: string[]): Telling =>
  (input) =>
    first(input, names);
const path =
  (...names: string[]): Telling =>
  (input, root) =>
    relative(first(input, names), root);
const quoted =
  (name: string): Telling =>
  (input) =>
    `"${text(input, name)}"`;
const nothing: Telling = () => "";

/** A name or a number. */
function id(input: Json, name: string): string {
  const found = input[name];
  return typeof found === "string" || typeof found === "number" ? `${found}` : "";
}

function command(input: Json): string {
  return text(input, "command").replaceAll("\\\n", " ");
}

function reading(input: Json, root: string): string {
  const told = relative(text(input, "file_path"), root);
  const from = number(input, "offset");
  const many = number(input, "limit");
  if (id(input, "pages")) return `${told} (pages ${id(input, "pages")})`;
  if (many !== null) {
    const start = Math.max(1, from ?? 1);
    return many === 1 ? `${told} (line ${start})` : `${told} (lines ${start}–${start + many - 1})`;
  }
  return from !== null && from > 1 ? `${told} (from line ${from})` : told;
}

function where(input: Json, root: string): string {
  const told = relative(text(input, "path"), root);
  return told && told !== "." ? ` in ${told}` : "";
}

function grep(input: Json, root: string): string {
  const names = first(input, ["glob", "type"]);
  return `"${text(input, "pattern")}"${where(input, root)}${names && ` (${names})`}`;
}

function notebook(input: Json, root: string): string {
  const told = relative(first(input, ["notebook_path", "file_path"]), root);
  return id(input, "cell_id") ? `${told} (cell ${id(input, "cell_id")})` : told;
}

function agent(input: Json): string {
  const kind = text(input, "subagent_type");
  const told = first(input, ["description", "prompt"]);
  return kind && kind !== "general-purpose" ? `${kind}: ${told}` : told;
}

function questions(input: Json): string {
  const asked = objects(input, "questions").map((one) => text(one, "question"));
  return asked.length > 1 ? `${asked[0]} (+${asked.length - 1})` : (asked[0] ?? "");
}

function task(input: Json): string {
  const number = id(input, "taskId") || id(input, "task_id");
  return [number && `#${number}`, text(input, "status"), text(input, "subject")].filter(Boolean).join(" ");
}

/** Arguments of tools that are not known here, the most telling first. */
const TELLING = [
  ...["command", "file_path", "notebook_path", "path", "pattern", "query", "url", "uri", "title", "subject", "name"],
  ...["description", "question", "prompt", "message", "text", "content", "id"],
];

function telling(input: Json, root: string): string {
  const name = TELLING.find((one) => one in input && input[one] !== "" && input[one] !== null);
  if (name !== undefined) {
    const found = input[name];
    return relative(typeof found === "string" ? found : JSON.stringify(found), root);
  }
  const other = Object.entries(input).find(([, found]) => ["string", "number", "boolean"].includes(typeof found));
  return other === undefined ? "" : `${other[0]}: ${other[1]}`;
}

/** Every tool with its title and what it tells of its input. */
const TOOLS: Readonly<Record<string, readonly [string, Telling]>> = {
  Bash: ["Bash", command],
  PowerShell: ["PowerShell", command],
  BashOutput: ["Output", of("bash_id", "shell_id", "task_id")],
  TaskOutput: ["Output", of("task_id", "bash_id")],
  KillShell: ["Stop", of("shell_id", "bash_id", "task_id")],
  KillBash: ["Stop", of("shell_id", "bash_id", "task_id")],
  TaskStop: ["Stop", of("task_id", "shell_id")],
  Read: ["Read", reading],
  Write: ["Write", path("file_path")],
  Edit: ["Edit", path("file_path")],
  MultiEdit: ["Edit", path("file_path")],
  NotebookEdit: ["Edit", notebook],
  NotebookRead: ["Read", notebook],
  LS: ["List", path("path")],
  Grep: ["Grep", grep],
  Glob: ["Glob", (input, root) => text(input, "pattern") + where(input, root)],
  WebFetch: ["Fetch", of("url")],
  WebSearch: ["Search", quoted("query")],
  ToolSearch: ["Tools", quoted("query")],
  Task: ["Task", agent],
  Agent: ["Agent", agent],
  SendMessage: ["Message", (input) => `${text(input, "to")}: ${first(input, ["summary", "message", "content"])}`],
  TodoWrite: ["Todos", nothing],
  TodoRead: ["Todos", nothing],
  TaskCreate: ["New task", of("subject", "description")],
  TaskUpdate: ["Task", task],
  TaskGet: ["Task", task],
  TaskList: ["Tasks", nothing],
  Skill: ["Skill", (input) => `${first(input, ["skill", "command", "name"])} ${text(input, "args")}`],
  SlashCommand: ["Command", of("command")],
  AskUserQuestion: ["Question", questions],
  EnterPlanMode: ["Plan mode", nothing],
  ExitPlanMode: ["Plan", nothing],
  ListMcpResourcesTool: ["Resources", of("server")],
  ReadMcpResourceTool: ["Resource", (input) => `${text(input, "server")} ${text(input, "uri")}`],
};

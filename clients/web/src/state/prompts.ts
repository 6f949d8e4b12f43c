/** What a person writes, until it is in the journal: drafts, what is chosen for them, and prompts on their way. Pure. */

import { isJson, type Json, text } from "../protocol/agent";
import type { Attached, ClientMessage, Options, PermissionMode, PromptDropped } from "../protocol/generated";
import type { Message } from "../protocol/messages";
import type { State } from "./state";

/** What stands in the composer of a project. */
export interface Draft {
  text: string;
  attachments: readonly Attached[];
}

export const BLANK: Draft = { text: "", attachments: [] };

/** What is chosen for the prompts of a project; null: as the server has it. */
export interface Choice {
  model: string | null;
  mode: PermissionMode | null;
}

export const UNCHOSEN: Choice = { model: null, mode: null };

/** How much the agent asks, from most to least. */
export const MODES: readonly PermissionMode[] = [
  "plan",
  "default",
  "acceptEdits",
  "auto",
  "dontAsk",
  "bypassPermissions",
];

/**
 * A prompt that the server has not confirmed yet. `problem`: why it was refused; it is not sent again by itself then.
 * `isSpent`: the server knows its id already and will not run it any more; it can run with a new one only.
 */
export interface Unsent {
  promptId: string;
  projectId: string;
  prompt: string;
  options: Options;
  attachments: readonly Attached[];
  at: string;
  problem: string;
  isSpent: boolean;
}

export function drafted(state: State, id: string, draft: Draft): State {
  return { ...state, drafts: { ...state.drafts, [id]: draft } };
}

/** Put something into the composer of a project, behind what stands there already. */
export function putBack(state: State, id: string, more: Draft): State {
  const before = state.drafts[id] ?? BLANK;
  const others = more.attachments.filter((one) => !before.attachments.some((there) => there.id === one.id));
  const words = [before.text, more.text].filter((one) => one.trim()).join("\n\n");
  return drafted(state, id, { text: words, attachments: [...before.attachments, ...others] });
}

export function chosen(state: State, id: string, choice: Choice): State {
  return { ...state, choices: { ...state.choices, [id]: choice } };
}

/** What was kept of the choices of all projects. */
export function choicesOf(kept: unknown): Readonly<Record<string, Choice>> {
  if (!isJson(kept)) return {};
  const made = Object.entries(kept).filter((pair): pair is [string, Json] => isJson(pair[1]));
  const choice = (one: Json) => ({
    model: text(one, "model") || null,
    mode: MODES.find((mode) => mode === one.mode) ?? null,
  });
  return Object.fromEntries(made.map(([id, one]) => [id, choice(one)]));
}

/** What a choice means for an execution; nothing is said of what nobody has chosen. */
export function optionsOf(choice: Choice): Options {
  return {
    ...(choice.model === null ? {} : { model: choice.model }),
    ...(choice.mode === null ? {} : { permission_mode: choice.mode }),
  };
}

/** Prompts in the order in which they were written; a new version of one stands where that was. */
export function sending(state: State, prompts: readonly Unsent[]): State {
  const kept = state.unsent.filter((one) => !prompts.some((prompt) => prompt.promptId === one.promptId));
  const all = [...kept, ...prompts].toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return { ...state, unsent: all };
}

export function sent(state: State, promptId: string): State {
  return { ...state, unsent: state.unsent.filter((one) => one.promptId !== promptId) };
}

/** The prompt of a project that is to be sent next. */
export function nextOf(state: State, projectId: string): Unsent | undefined {
  return state.unsent.find((one) => one.projectId === projectId && !one.problem);
}

/**
 * A waiting prompt of this device was dropped, and nobody wished that: it can be sent again, as another one. `seq` of the
 * event is that of a moment, so it is told once.
 */
export function dropped(state: State, message: Message, problem: string): State {
  const { execution_id, reason } = message.data as unknown as PromptDropped;
  const id = message.project_id ?? "";
  const prompt: ClientMessage | undefined = state.conversations[id]?.thread.prompts[execution_id];
  const { connection } = state;
  const isOurs = connection.is === "online" && prompt?.by.id === connection.established.device.id;
  if (prompt === undefined || !isOurs || (reason !== "restart" && reason !== "error")) return state;
  const unsent: Unsent = {
    promptId: prompt.prompt_id ?? execution_id,
    projectId: id,
    prompt: prompt.prompt,
    options: optionsOf({
      model: text({ ...prompt.options }, "model") || null,
      mode: prompt.options.permission_mode ?? null,
    }),
    attachments: prompt.attachments ?? [],
    at: message.timestamp,
    problem,
    isSpent: true,
  };
  return sending(state, [unsent]);
}

/** What a device has asked in a project, the newest last, each once; of all devices where ours is not known. */
export function asked(prompts: Readonly<Record<string, ClientMessage>>, deviceId: string | null): readonly string[] {
  const ours = Object.values(prompts).filter((one) => deviceId === null || one.by.id === deviceId);
  const words = ours.map((one) => one.prompt);
  return words.filter((one, index) => words.lastIndexOf(one) === index);
}

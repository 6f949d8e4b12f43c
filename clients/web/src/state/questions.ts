/** The agent's own questions (`AskUserQuestion`): each with options, or an answer of one's own. */

import { type Json, objects, text } from "../protocol/agent";

/** One question. `isMany`: more than one option may be chosen. */
export interface Asked {
  text: string;
  header: string;
  options: readonly { label: string; description: string; preview: string }[];
  isMany: boolean;
}

/** What a person has chosen of a question. `own`: an answer of their own words, empty where there is none. */
export interface Reply {
  labels: readonly string[];
  own: string;
}

export const NO_REPLY: Reply = { labels: [], own: "" };

/** Of one card; the CLI asks up to 4 at a time. The rest are left without an answer. */
const MAX_QUESTIONS = 20;
/** Of one question; the CLI gives up to 4. */
const MAX_OPTIONS = 50;

/** The questions of an input that can be asked; without what is not as it should be. */
export function askedOf(input: Json): readonly Asked[] {
  return objects(input, "questions")
    .slice(0, MAX_QUESTIONS)
    .map((one) => ({
      text: text(one, "question"),
      header: text(one, "header"),
      options: optionsOf(one),
      isMany: one.multiSelect === true,
    }))
    .filter((asked) => asked.text.trim());
}

function optionsOf(question: Json): Asked["options"] {
  const options = objects(question, "options")
    .slice(0, MAX_OPTIONS)
    .map((one) => ({
      label: text(one, "label"),
      description: text(one, "description"),
      preview: text(one, "preview"),
    }));
  return options.filter(
    (one, at) => one.label.trim() && options.findIndex((other) => other.label === one.label) === at,
  );
}

/** A tap on an option. */
export function chosen(asked: Asked, reply: Reply, label: string): Reply {
  if (!asked.isMany) return { labels: [label], own: "" };
  const isThere = reply.labels.includes(label);
  return { ...reply, labels: isThere ? reply.labels.filter((one) => one !== label) : [...reply.labels, label] };
}

/** An answer in one's own words; of a question with one answer it takes the place of an option. */
export function written(asked: Asked, reply: Reply, own: string): Reply {
  return { labels: asked.isMany || !own.trim() ? reply.labels : [], own };
}

export function isAnswered(reply: Reply): boolean {
  return reply.labels.length > 0 || reply.own.trim() !== "";
}

/** The input with the answers, as the CLI takes it. */
export function answered(input: Json, asked: readonly Asked[], replies: readonly Reply[]): Json {
  const answers = asked.map((one, at) => [one.text, answerOf(one, replies[at] ?? NO_REPLY)]);
  return { ...input, answers: Object.fromEntries(answers) };
}

function answerOf(asked: Asked, reply: Reply): string | string[] {
  const own = reply.own.trim();
  if (!asked.isMany) return own || (reply.labels[0] ?? "");
  const labels = asked.options.map((one) => one.label).filter((label) => reply.labels.includes(label));
  return own ? [...labels, own] : labels;
}

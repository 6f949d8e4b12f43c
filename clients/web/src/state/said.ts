/** What stands in one message of the agent. Pure, as all that reads it. */

import { type Json, object, objects, text } from "../protocol/agent";
import { isPicture } from "./attaching";
import type { Image } from "./findings";

/** The blocks of a message of the agent; a text alone is one. */
export function blocksOf(data: Json): readonly Json[] {
  const message = object(data, "message");
  return typeof message.content === "string" ? [{ type: "text", text: message.content }] : objects(message, "content");
}

/** How a turn ended, beside what the agent said: a word for `words.ts`, or nothing. */
export function outcomeOf(result: Json): string {
  switch (text(result, "subtype")) {
    case "error_max_turns":
      return "turns";
    case "error_max_budget_usd":
      return "budget";
    default:
      if (text(result, "terminal_reason").startsWith("aborted")) return "interrupted";
      return result.is_error === true ? "failed" : "";
  }
}

export function textOf(blocks: readonly Json[]): string {
  return blocks
    .map((block) => text(block, "text"))
    .filter(Boolean)
    .join("\n");
}

export function imagesOf(block: Json): Image[] {
  const source = object(block, "source");
  const type = text(source, "media_type");
  const isShown = text(block, "type") === "image" && text(source, "type") === "base64" && isPicture(type);
  return isShown ? [{ type, data: text(source, "data") }] : [];
}

const OUTPUT = /^<local-command-(?:stdout|stderr)>([\s\S]*)<\/local-command-(?:stdout|stderr)>$/;

/** What a command of the CLI's own has printed; nothing of what it tells the model for itself. */
export function commandOutput(said: string): string {
  return OUTPUT.exec(said.trim())?.[1]?.trim() ?? "";
}

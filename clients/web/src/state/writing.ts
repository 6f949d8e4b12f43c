/** What the agent is saying this moment: pieces of a message whose whole has not come yet (docs/protocol.md section 4). */

import { type Json, object, text } from "../protocol/agent";
import { blocksOf } from "./said";

export interface Block {
  kind: "text" | "thinking" | "tool";
  /** What has come of it; of a tool's call its input, in JSON. */
  text: string;
  /** Of a tool. */
  name: string;
}

/** The blocks that are not whole yet, in order. `doing`: what it is busy with besides, a word for `words.ts`. */
export interface Writing {
  blocks: readonly Block[];
  doing: string;
}

export const SILENT: Writing = { blocks: [], doing: "" };

const KINDS: Readonly<Record<string, Block["kind"]>> = { text: "text", thinking: "thinking", tool_use: "tool" };

/** Take in a message of the agent, of the main line or not. */
export function write(writing: Writing, data: Json): Writing {
  if (text(data, "parent_tool_use_id")) return writing;
  switch (text(data, "type")) {
    case "stream_event":
      return piece(writing, object(data, "event"));
    case "assistant":
      return { ...writing, blocks: writing.blocks.slice(blocksOf(data).length) };
    case "result":
      return SILENT;
    case "system":
      return told(writing, data);
    default:
      return writing;
  }
}

function piece(writing: Writing, event: Json): Writing {
  switch (text(event, "type")) {
    case "message_start":
      return SILENT;
    case "content_block_start": {
      const block = object(event, "content_block");
      const kind = KINDS[text(block, "type")];
      if (kind === undefined) return writing;
      return { doing: "", blocks: [...writing.blocks, { kind, text: text(block, "text"), name: text(block, "name") }] };
    }
    case "content_block_delta": {
      const last = writing.blocks.at(-1);
      if (last === undefined) return writing; // joined in mid-message
      const delta = object(event, "delta");
      const more = text(delta, "text") || text(delta, "thinking") || text(delta, "partial_json");
      return more
        ? { ...writing, blocks: [...writing.blocks.slice(0, -1), { ...last, text: last.text + more }] }
        : writing;
    }
    default:
      return writing;
  }
}

function told(writing: Writing, data: Json): Writing {
  switch (text(data, "subtype")) {
    case "status":
      return { ...writing, doing: text(data, "status") === "compacting" ? "compacting" : "" };
    case "api_retry":
      return { ...writing, doing: "retrying" };
    default:
      return writing;
  }
}

/** The envelope of our own protocol (docs/protocol.md): what comes and what is asked. */

import type { Json } from "./agent";
import type { Entry } from "./generated";

/** One message of the server: an event has a `seq`, a reply has a `request_id`. */
export interface Message {
  type: string;
  project_id?: string;
  request_id?: string;
  seq?: number;
  timestamp: string;
  data: Json;
}

/** A live event as the entry of the journal that it is. */
export function entryOf(message: Message & { seq: number }): Entry {
  const { seq, timestamp, type, data } = message;
  return { seq, timestamp, type, direction: "server", message: data };
}

/** A request that was refused: `code` is one of docs/protocol.md section 7, `message` a sentence for a person. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly details: Json = {},
  ) {
    super(message);
  }
}

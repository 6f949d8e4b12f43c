/** A WebSocket whose other end is the test. */

import { Unreachable } from "../src/link/api";
import type { Message } from "../src/protocol/messages";

export class FakeSocket {
  static made: FakeSocket[] = [];

  static get last(): FakeSocket {
    const last = FakeSocket.made.at(-1);
    if (last === undefined) throw new Error("no WebSocket was made");
    return last;
  }

  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  isClosed = false;
  readonly sent: { type: string; request_id?: string; project_id?: string; data: Record<string, unknown> }[] = [];

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    FakeSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.isClosed = true;
  }

  // -- what the other end does

  accept(): void {
    this.onopen?.();
  }

  say(message: Omit<Message, "timestamp">): void {
    this.onmessage?.({ data: JSON.stringify({ timestamp: "2026-01-31T12:00:00.000000Z", ...message }) });
  }

  /** Answer the oldest request of this type that was not answered yet. */
  answer(type: string, with_: string, data: object): void {
    const asked = this.sent.find((one) => one.type === type && one.request_id !== undefined);
    if (asked?.request_id === undefined) throw new Error(`${type} was not asked`);
    const { request_id, project_id } = asked;
    delete asked.request_id;
    this.say({ type: with_, request_id, ...(project_id ? { project_id } : {}), data: data as never });
  }

  end(code: number): void {
    this.onclose?.({ code });
  }
}

/** A server that cannot be reached over HTTP: all that a test hears comes by the socket. */
export const NO_HTTP = {
  isKnown: async () => true,
  listing: async () => {
    throw new Unreachable();
  },
};

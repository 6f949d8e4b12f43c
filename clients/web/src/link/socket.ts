/**
 * The WebSocket to the server that this page came from: comes again by itself, answers requests with promises, and hands
 * on everything else in batches, so that a fast stream is drawn once a frame.
 */

import { isJson, type Json } from "../protocol/agent";
import { type Message, Refused } from "../protocol/messages";
import { words } from "../words";

/** Seconds. After the first failures the next try comes soon, then ever later. */
const FIRST_RETRY = 0.5;
const LAST_RETRY = 30;
/** Seconds that a connection has to last until the next one is tried as soon as the first. */
const STEADY = 10;
/** Seconds for the handshake. */
const OPENING_TIME = 15;
/** Seconds of silence in which a request has failed, and the connection is taken for dead. */
const ANSWER_TIME = 30;
/** So many times as long has a request while other messages come: a long replay may be before its answer. */
const PATIENCE = 4;
/** Seconds without any message after which the server is asked whether it is there; it has half of ANSWER_TIME then. */
const QUIET_TIME = 40;
/** Seconds that the server has to answer when the person or the network comes back. */
const WAKING_TIME = 5;
/** Milliseconds after which messages are handed on also where no frame is drawn, as in a page that is not seen. */
const UNDRAWN = 100;
/** Messages that are handed on at once, frame or not. */
const MAX_BATCH = 1000;
/** How many requests may wait for their answers; more is a mistake of ours. */
const MAX_WAITING = 256;
/** Bytes of a message that servers take where they have not said otherwise (docs/protocol.md section 1). */
const MESSAGE_SIZE = 2 * 2 ** 20;

/** Close codes of the server. */
const SIGNED_OUT = 4401;
const TOO_FAST = 4429;
/** Failures that a close with TOO_FAST counts as: the next try comes after 8 s or more. */
const SLOW_DOWN = 5;

/** The connection was lost before the answer came: whether it was carried out is not known. */
export class Lost extends Error {}

export interface Listener {
  opened(): void;
  heard(messages: readonly Message[]): void;
  /** `isOut`: the credential is no longer good. `retryIn` seconds it is tried again. */
  closed(isOut: boolean, retryIn: number): void;
}

interface Waiting {
  asked: string;
  answer(message: Message): void;
  fail(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

export class Socket {
  /** Bytes of the longest message that the server takes. */
  messageSize = MESSAGE_SIZE;
  readonly #url: string;
  readonly #listener: Listener;
  /** Whether the server still takes this device's credential: a handshake that fails does not tell why. */
  readonly #isKnown: () => Promise<boolean>;
  readonly #waiting = new Map<string, Waiting>();
  #socket: WebSocket | null = null;
  #isOpen = false;
  #isStopped = true;
  #failures = 0;
  #next = 1;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  /** While a connection is made: its deadline; then: when it counts as steady. */
  #settling: ReturnType<typeof setTimeout> | undefined;
  /** When the server was heard last, in milliseconds. */
  #heardAt = 0;
  #batch: Message[] = [];
  #frame: number | undefined;
  #undrawn: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, listener: Listener, isKnown: () => Promise<boolean>) {
    this.#url = url;
    this.#listener = listener;
    this.#isKnown = isKnown;
  }

  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    this.drop();
  }

  /** The person is back, or the network: do not wait for the next try, and do not trust an old connection. */
  wake(): void {
    if (this.#isStopped) return;
    if (this.#isOpen) {
      this.#ask(WAKING_TIME);
    } else if (this.#socket === null) {
      clearTimeout(this.#retry);
      this.#connect();
    } else {
      this.#settle(WAKING_TIME, () => this.drop());
    }
  }

  /** Ask, and wait for the answer. Throws Refused, or Lost. */
  request(type: string, projectId: string | null, data: object = {}, seconds = ANSWER_TIME): Promise<Message> {
    return new Promise((answer, fail) => {
      if (!this.#isOpen || this.#waiting.size >= MAX_WAITING) {
        fail(new Lost(type));
        return;
      }
      const id = `${this.#next++}`;
      const said = JSON.stringify({ type, request_id: id, ...inProject(projectId), data });
      if (new Blob([said]).size > this.messageSize) {
        fail(new Refused("MESSAGE_TOO_LARGE", words.connection.tooLarge, { limit: this.messageSize }));
        return;
      }
      this.#waiting.set(id, { asked: type, answer, fail, timer: this.#deadline(id, seconds, Date.now()) });
      this.#socket?.send(said);
    });
  }

  /** Where nothing at all has come for so long, the connection is dead; other messages win an answer some time. */
  #deadline(id: string, seconds: number, askedAt: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      const now = Date.now();
      const waiting = this.#waiting.get(id);
      const isAlive = now - this.#heardAt < seconds * 1000 && now - askedAt < PATIENCE * seconds * 1000;
      if (waiting !== undefined && isAlive) waiting.timer = this.#deadline(id, seconds, askedAt);
      else this.drop();
    }, seconds * 1000);
  }

  /** Say what has no answer. */
  tell(type: string, projectId: string, data: object): void {
    if (this.#isOpen) this.#socket?.send(JSON.stringify({ type, ...inProject(projectId), data }));
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, "pocketagent.v1");
    this.#socket = socket;
    this.#settle(OPENING_TIME, () => this.drop());
    socket.onopen = () => {
      this.#isOpen = true;
      this.#settle(STEADY, () => {
        this.#failures = 0;
      });
      this.#listen();
      this.#listener.opened();
    };
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  #settle(seconds: number, then: () => void): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(then, seconds * 1000);
  }

  /** Take the connection for dead, now: a browser may need minutes to say so. It is tried again as after any loss. */
  drop(): void {
    const socket = this.#socket;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#lost(socket, 1006);
  }

  #lost(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    const wasOpen = this.#isOpen;
    this.#socket = null;
    this.#isOpen = false;
    this.#flush();
    clearTimeout(this.#quiet);
    clearTimeout(this.#settling);
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.fail(new Lost());
    }
    this.#waiting.clear();
    if (this.#isStopped) return;
    if (code === TOO_FAST) this.#failures = Math.max(this.#failures, SLOW_DOWN);
    if (code === SIGNED_OUT) this.#listener.closed(true, 0);
    else if (wasOpen) this.#again();
    else void this.#judge();
  }

  async #judge(): Promise<void> {
    const isKnown = await this.#isKnown();
    if (this.#isStopped || this.#socket !== null) return;
    if (isKnown) this.#again();
    else this.#listener.closed(true, 0);
  }

  #again(): void {
    const most = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** this.#failures);
    const seconds = most * (0.5 + Math.random() / 2);
    this.#failures += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), seconds * 1000);
    this.#listener.closed(false, seconds);
  }

  #hear(data: unknown): void {
    const message = read(data);
    if (message === null) {
      this.drop(); // something was missed: what comes behind it cannot be understood without
      return;
    }
    this.#listen();
    this.#batch.push(message);
    if (message.request_id !== undefined) {
      this.#flush(); // what came before an answer is known when the answer is
      this.#answered(message.request_id, message);
    } else if (this.#batch.length >= MAX_BATCH) {
      this.#flush();
    } else {
      this.#frame ??= requestAnimationFrame(() => this.#flush());
      this.#undrawn ??= setTimeout(() => this.#flush(), UNDRAWN);
    }
  }

  #flush(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    clearTimeout(this.#undrawn);
    this.#frame = this.#undrawn = undefined;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    try {
      this.#listener.heard(batch);
    } catch (error) {
      this.drop(); // a gap, or a mistake of ours: joining anew mends what can be mended
      reportError(error);
    }
  }

  #answered(id: string, message: Message): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    if (waiting.asked === "project_join" && message.type === "project_state") return; // the second answer counts
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (message.type === "error") {
      const { code, message: said, details } = message.data as { code: string; message: string; details?: Json };
      waiting.fail(new Refused(code, said, details));
    } else {
      waiting.answer(message);
    }
  }

  #listen(): void {
    this.#heardAt = Date.now();
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#ask(ANSWER_TIME / 2), QUIET_TIME * 1000);
  }

  /** Is the server still there? Where no answer comes, the connection is dropped, and comes again. */
  #ask(seconds: number): void {
    this.request("health_check", null, {}, seconds).catch(() => undefined);
  }
}

function inProject(id: string | null): { project_id?: string } {
  return id === null ? {} : { project_id: id };
}

/** A frame -> the message, or null where it is none. */
function read(data: unknown): Message | null {
  if (typeof data !== "string") return null;
  try {
    const message: unknown = JSON.parse(data);
    return isJson(message) && typeof message.type === "string" && isJson(message.data) ? (message as never) : null;
  } catch {
    return null;
  }
}

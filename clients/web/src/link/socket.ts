/**
 * The WebSocket to the server that this page came from: comes again by itself, answers requests with promises, and hands
 * on everything else in batches, so that a fast stream is drawn once a frame.
 */

import type { Json } from "../protocol/agent";
import { type Message, Refused } from "../protocol/messages";

/** Seconds. After the first failures the next try comes soon, then ever later. */
const FIRST_RETRY = 0.5;
const LAST_RETRY = 30;
/** Seconds after which a request has failed, and the connection is taken for dead. */
const ANSWER_TIME = 30;
/** Seconds without any message after which the server is asked whether it is there; it has half of ANSWER_TIME then. */
const QUIET_TIME = 40;
/** How many requests may wait for their answers; more is a mistake of ours. */
const MAX_WAITING = 256;

export const SIGNED_OUT = 4401;

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
  #batch: Message[] = [];
  #isFlushing = false;

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
    this.#drop();
  }

  /** The person is back, or the network: do not wait for the next try, and do not trust an old connection. */
  wake(): void {
    if (this.#isStopped) return;
    if (this.#isOpen) {
      this.#ask(ANSWER_TIME / 6);
    } else if (this.#socket === null) {
      clearTimeout(this.#retry);
      this.#connect();
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
      const timer = setTimeout(() => this.#drop(), seconds * 1000);
      this.#waiting.set(id, { asked: type, answer, fail, timer });
      this.#send({ type, request_id: id, ...(projectId === null ? {} : { project_id: projectId }), data });
    });
  }

  /** Say what has no answer. */
  tell(type: string, projectId: string, data: object): void {
    if (this.#isOpen) this.#send({ type, project_id: projectId, data });
  }

  #send(message: object): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, "pocketagent.v1");
    this.#socket = socket;
    socket.onopen = () => {
      this.#isOpen = true;
      this.#failures = 0;
      this.#listen();
      this.#listener.opened();
    };
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  /** Take the connection for dead, now: a browser may need minutes to say so. */
  #drop(): void {
    const socket = this.#socket;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#lost(socket, 1006);
  }

  #lost(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    const wasOpen = this.#isOpen;
    this.#flush();
    this.#socket = null;
    this.#isOpen = false;
    clearTimeout(this.#quiet);
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.fail(new Lost());
    }
    this.#waiting.clear();
    if (this.#isStopped) return;
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
    if (typeof data !== "string") return;
    const message = JSON.parse(data) as Message;
    this.#listen();
    this.#batch.push(message);
    if (message.request_id !== undefined) {
      this.#flush(); // what came before an answer is known when the answer is
      this.#answered(message.request_id, message);
    } else if (!this.#isFlushing) {
      this.#isFlushing = true;
      // A page that is not seen draws no frames.
      if (document.hidden) setTimeout(() => this.#flush(), 50);
      else requestAnimationFrame(() => this.#flush());
    }
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#listener.heard(batch);
  }

  #answered(id: string, message: Message): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    if (waiting.asked === "project_join" && message.type === "project_state") return; // the second answer counts
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (message.type === "error") {
      const { code, message: words, details } = message.data as { code: string; message: string; details?: Json };
      waiting.fail(new Refused(code, words, details));
    } else {
      waiting.answer(message);
    }
  }

  #listen(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#ask(ANSWER_TIME / 2), QUIET_TIME * 1000);
  }

  /** Is the server still there? Where no answer comes, the connection is dropped, and comes again. */
  #ask(seconds: number): void {
    this.request("agent_info", null, {}, seconds).catch(() => undefined);
  }
}

/**
 * What this client does with its server: it keeps the state in step with what the server says, and asks on behalf of the
 * person. The views call these functions and read the state; they know no socket.
 */

import type { Json } from "../protocol/agent";
import type { Entry, Options, ProjectState } from "../protocol/generated";
import { type Message, Refused } from "../protocol/messages";
import {
  type Connection,
  change,
  connected,
  conversation,
  hear,
  older,
  opened,
  refused,
  type State,
  sending,
  sent,
  type Unsent,
} from "../state/state";
import type { Store } from "../state/store";
import { append, empty } from "../state/thread";
import * as shelf from "./shelf";
import { Lost, Socket } from "./socket";

/** Events of a page of history. */
const PAGE = 100;
/** Where more than these were missed, the newest page is loaded instead of all of them. */
const MAX_MISSED = 500;
/** Seconds between two writes of what is kept of a conversation. */
const KEEP_EVERY = 2;
/** How long a new event is on the screen before it is said to be seen, in seconds. */
const SEEN_AFTER = 1;

export class Server {
  readonly #store: Store;
  readonly #socket: Socket;
  #isStarted = false;
  #keeping: ReturnType<typeof setTimeout> | undefined;
  #seeing: ReturnType<typeof setTimeout> | undefined;
  readonly #acknowledged = new Map<string, number>();
  readonly #stale = new Set<string>();

  constructor(store: Store, url: string, isKnown: () => Promise<boolean>) {
    this.#store = store;
    this.#socket = new Socket(url, this, isKnown);
  }

  /** Begin: first with what is kept, then with what the server says. Once more, where this device was just paired. */
  async start(): Promise<void> {
    if (this.#isStarted) {
      this.again();
      return;
    }
    this.#isStarted = true;
    const [projects, unsent] = await Promise.all([shelf.keptProjects(), shelf.keptUnsent()]);
    this.#set((state) => ({
      ...state,
      projects: state.isListed ? state.projects : Object.fromEntries(projects.map((one) => [one.id, one])),
      unsent,
    }));
    this.#socket.start();
    window.addEventListener("online", () => this.#wake());
    window.addEventListener("offline", () => this.#connection({ is: "offline" }));
    window.addEventListener("pageshow", () => this.#wake());
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake());
  }

  /** This device has been paired: try again. */
  again(): void {
    this.#socket.stop();
    this.#connection({ is: "connecting" });
    this.#socket.start();
  }

  stop(): void {
    this.#socket.stop();
  }

  #set(how: (state: State) => State): void {
    this.#store.setState(how(this.#store.getState()), true);
  }

  #connection(connection: Connection): void {
    this.#set((state) => connected(state, connection));
  }

  #wake(): void {
    if (this.#store.getState().connection.is === "offline") this.#connection({ is: "connecting" });
    this.#socket.wake();
  }

  // -- what the socket says

  opened(): void {
    void this.#arrive();
  }

  closed(isOut: boolean, retryIn: number): void {
    if (isOut) {
      this.#socket.stop();
      this.#connection({ is: "out", why: "" });
    } else if (!navigator.onLine) {
      this.#connection({ is: "offline" });
    } else {
      this.#connection({ is: "waiting", retryAt: Date.now() + retryIn * 1000, why: "" });
    }
  }

  heard(messages: readonly Message[]): void {
    this.#set((state) => {
      const established = messages.find((message) => message.type === "connection_established");
      const next = hear(state, messages);
      if (established === undefined) return next;
      return connected(next, { is: "online", established: established.data as never });
    });
    for (const message of messages) {
      if (message.project_id !== undefined && message.seq !== undefined) this.#stale.add(message.project_id);
      if (message.type === "project_deleted" && message.project_id) void shelf.forgetThread(message.project_id);
    }
    this.#keepSoon();
    this.#seenSoon();
  }

  async #arrive(): Promise<void> {
    try {
      await this.#socket.request("project_list", null, { subscribe: true });
      await Promise.all(Object.keys(this.#store.getState().conversations).map((id) => this.#join(id)));
      for (const prompt of this.#store.getState().unsent) if (!prompt.problem) void this.#deliver(prompt);
      await this.#socket.request("agent_info", null);
    } catch (error) {
      this.#told(error);
    }
  }

  // -- conversations

  /** Show a project: what is kept of it at once, what the server says as soon as it is there. */
  async open(id: string): Promise<void> {
    if (this.#store.getState().conversations[id] !== undefined) return;
    const kept = await shelf.keptThread(id);
    const first = kept?.entries[0];
    let shown = conversation(0, "");
    if (kept !== undefined && first !== undefined) {
      const thread = append(empty(first.seq - 1), kept.entries);
      shown = { ...conversation(first.seq - 1, kept.journalId), thread };
    }
    this.#set((state) => opened(state, id, shown));
    if (this.#store.getState().connection.is === "online") await this.#join(id).catch((error) => this.#told(error));
  }

  /** Joining goes on behind what is known, unless that is too far back: then the newest page is loaded anew. */
  async #join(id: string): Promise<void> {
    const { conversations, projects } = this.#store.getState();
    const open = conversations[id];
    const project = projects[id];
    if (open === undefined) return;
    const isNear =
      open.journalId !== "" &&
      project?.journal_id === open.journalId &&
      project.head_seq - open.thread.last <= MAX_MISSED &&
      project.head_seq >= open.thread.last;
    try {
      await this.#socket.request(
        "project_join",
        id,
        isNear ? { after_seq: open.thread.last, journal_id: open.journalId } : {},
      );
      if (!isNear) await this.#load(id);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#set((state) => change(state, id, (one) => ({ ...one, trouble: error.message })));
    }
  }

  /** Load a page of what came before what is shown. */
  async older(id: string): Promise<void> {
    const open = this.#store.getState().conversations[id];
    if (open === undefined || !open.isJoined || !open.hasOlder || open.isLoading) return;
    await this.#load(id).catch((error) => this.#told(error));
  }

  async #load(id: string): Promise<void> {
    const before = this.#store.getState().conversations[id]?.thread.first;
    if (before === undefined) return;
    this.#set((state) => change(state, id, (open) => ({ ...open, isLoading: true })));
    try {
      const answer = await this.#socket.request("get_messages", id, { before_seq: before, limit: PAGE });
      const found = answer.data.messages as Entry[];
      this.#set((state) => older(state, id, found.toReversed(), answer.data.has_more === true));
      this.#stale.add(id);
      this.#keepSoon();
    } finally {
      this.#set((state) => change(state, id, (open) => ({ ...open, isLoading: false })));
    }
  }

  /** No longer hear of a project. */
  leave(id: string): void {
    this.#keepNow();
    this.#set((state) => {
      const { [id]: _, ...conversations } = state.conversations;
      return { ...state, conversations };
    });
    this.#socket.request("project_leave", id).catch(() => undefined);
  }

  // -- prompts

  /** Send a prompt; without a connection it is kept, and sent once, when there is one. */
  async prompt(
    projectId: string,
    prompt: string,
    options: Options,
    attachments: Unsent["attachments"] = [],
  ): Promise<void> {
    const promptId = crypto.randomUUID();
    const at = new Date().toISOString();
    const unsent: Unsent = { promptId, projectId, prompt, options, attachments, at, problem: "" };
    await shelf.keepUnsent(unsent);
    this.#set((state) => sending(state, unsent));
    await this.#deliver(unsent);
  }

  /** Send again what was refused; its id makes sure that it runs once. */
  async resend(promptId: string): Promise<void> {
    const found = this.#store.getState().unsent.find((one) => one.promptId === promptId);
    if (found === undefined) return;
    this.#set((state) => refused(state, promptId, ""));
    await this.#deliver(found);
  }

  async discard(promptId: string): Promise<void> {
    this.#set((state) => sent(state, promptId));
    await shelf.forgetUnsent(promptId);
  }

  async #deliver(unsent: Unsent): Promise<void> {
    if (this.#store.getState().connection.is !== "online") return;
    const { promptId, projectId, prompt, options, attachments } = unsent;
    const ids = attachments.map((one) => one.id);
    const data = { prompt, options, queue: true, prompt_id: promptId, ...(ids.length ? { attachments: ids } : {}) };
    try {
      await this.#socket.request("execute", projectId, data);
      await this.discard(promptId);
    } catch (error) {
      if (error instanceof Refused) this.#set((state) => refused(state, promptId, error.message));
      else this.#told(error);
    }
  }

  // -- everything else

  /** Ask for a thing and say what went wrong; whether it went well. */
  async ask(type: string, projectId: string | null, data: object = {}): Promise<Json | null> {
    try {
      return (await this.#socket.request(type, projectId, data)).data;
    } catch (error) {
      this.#told(error);
      return null;
    }
  }

  say(text: string): void {
    this.#set((state) => ({ ...state, toast: { text, at: Date.now() } }));
  }

  #told(error: unknown): void {
    if (error instanceof Refused) this.say(error.message);
    else if (!(error instanceof Lost)) throw error; // a lost connection is seen as such
  }

  // -- what is kept

  #keepSoon(): void {
    this.#keeping ??= setTimeout(() => this.#keepNow(), KEEP_EVERY * 1000);
  }

  #keepNow(): void {
    clearTimeout(this.#keeping);
    this.#keeping = undefined;
    const { conversations, projects, isListed } = this.#store.getState();
    if (isListed) void shelf.keepProjects(Object.values(projects).map(withoutQuestions));
    for (const id of this.#stale) {
      const open = conversations[id];
      if (open?.journalId) void shelf.keepThread(id, { journalId: open.journalId, entries: open.thread.tail });
    }
    this.#stale.clear();
  }

  /** What this device has shown a person is no news for it. */
  #seenSoon(): void {
    this.#seeing ??= setTimeout(() => {
      this.#seeing = undefined;
      if (document.hidden) return;
      for (const [id, open] of Object.entries(this.#store.getState().conversations)) {
        const { last } = open.thread;
        if (!open.isJoined || (this.#acknowledged.get(id) ?? 0) >= last) continue;
        this.#acknowledged.set(id, last);
        this.#socket.tell("message_ack", id, { seq: last });
      }
    }, SEEN_AFTER * 1000);
  }
}

function withoutQuestions(project: ProjectState): ProjectState {
  const asked = project.pending_permissions;
  return { ...project, pending_permissions: Array.isArray(asked) ? asked.length : asked };
}

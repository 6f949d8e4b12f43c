/**
 * What this client does with its server: it keeps the state in step with what the server says, and asks on behalf of the
 * person. The views call these functions and read the state; they know no socket.
 */

import type { Json } from "../protocol/agent";
import type {
  AnswerPermission,
  Attached,
  ConnectionEstablished,
  MessagesFound,
  Options,
  ProjectState,
} from "../protocol/generated";
import { type Message, Refused } from "../protocol/messages";
import { type Choice, choicesOf, chosen, type Draft, putBack } from "../state/prompts";
import {
  type Connection,
  change,
  connected,
  conversation,
  hear,
  listed,
  newest,
  older,
  opened,
  type State,
} from "../state/state";
import type { Store } from "../state/store";
import { append, empty } from "../state/thread";
import { words } from "../words";
import { Unreachable } from "./api";
import { Drafts } from "./drafts";
import { Keeping } from "./keeping";
import { keep, kept } from "./local";
import { type Ask, Passages } from "./passages";
import { Prompts } from "./prompts";
import { Seeing } from "./seeing";
import * as shelf from "./shelf";
import { Lost, Socket } from "./socket";

/** Events of a page of history. */
const PAGE = 100;
/** Where much is loaded already, pages are larger: what is joined to much takes longer. */
const MAX_PAGE = 500;
/** Where more than these were missed, the newest page is loaded instead of all of them. */
const MAX_MISSED = 500;
/** Projects that are open at once: the one that is shown, and those before it, to which going back is quick. */
const MAX_OPEN = 6;

/** What a person says to a question of the agent. */
export type PermissionAnswer = Omit<AnswerPermission, "project_id" | "permission_id">;

/** What is asked over HTTP, not by the socket (api.ts). */
export interface Http {
  isKnown(): Promise<boolean>;
  listing(): Promise<readonly ProjectState[]>;
}

export class Server {
  readonly #store: Store;
  readonly #http: Http;
  readonly #socket: Socket;
  #isStarted = false;
  readonly #prompts: Prompts;
  readonly #drafts: Drafts;
  readonly #keeping: Keeping;
  readonly passages: Passages;
  readonly #seeing: Seeing;
  /** The projects that were opened, the last one last. */
  #recent: readonly string[] = [];

  constructor(store: Store, url: string, http: Http) {
    this.#store = store;
    this.#http = http;
    this.#socket = new Socket(url, this, http.isKnown);
    this.#prompts = new Prompts(store, async (id, data) => (await this.#socket.request("execute", id, data)).data);
    this.#drafts = new Drafts(store);
    this.#keeping = new Keeping(store);
    this.#seeing = new Seeing(store, (id, seq) => this.#socket.tell("message_ack", id, { seq }));
    this.passages = new Passages(store, (id, where) => this.ask("get_messages", id, where) as ReturnType<Ask>);
  }

  /** Begin: what is kept is shown until the server says more. Once more, where this device was just paired. */
  async start(): Promise<void> {
    if (this.#isStarted) {
      this.again();
      return;
    }
    this.#isStarted = true;
    window.addEventListener("online", () => this.#wake());
    window.addEventListener("offline", () => this.#gone());
    window.addEventListener("pageshow", (event) => event.persisted && this.#wake());
    window.addEventListener("pagehide", () => this.#rest());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#keepNow() : this.#wake()));
    this.#set((state) => ({ ...state, choices: choicesOf(kept("choices")) }));
    this.#socket.start();
    void this.#lookAhead();
    const [projects] = await Promise.all([shelf.keptProjects(), this.#prompts.takeUp()]);
    this.#set((state) =>
      state.isListed ? state : { ...state, projects: Object.fromEntries(projects.map((one) => [one.id, one])) },
    );
    this.#prompts.deliver();
  }

  /** The list over HTTP: it is there before a new connection for the socket is. What came of it later is told there. */
  async #lookAhead(): Promise<void> {
    try {
      const projects = await this.#http.listing();
      this.#set((state) => (state.isListed ? state : listed(state, projects)));
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error; // the socket says how it stands
    }
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

  /** The network is gone, and with it the connection, though a browser may need minutes to say so. */
  #gone(): void {
    if (this.#store.getState().connection.is === "out") return;
    this.#socket.drop();
    this.#connection({ is: "offline" });
  }

  /** The page may be gone for good, or be frozen and shown again: no connection outlives that. */
  #rest(): void {
    this.#keepNow();
    this.#socket.drop();
  }

  #keepNow(): void {
    this.#keeping.now();
    this.#drafts.keepNow();
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
    const { unsent } = this.#store.getState();
    this.#set((state) => {
      const established = messages.find((message) => message.type === "connection_established");
      const next = hear(state, messages);
      if (established === undefined) return next;
      return connected(next, { is: "online", since: established.timestamp, established: established.data as never });
    });
    void this.#prompts.keepDropped(unsent);
    const changed = new Set<string>();
    for (const message of messages) {
      if (message.type === "connection_established") this.#greeted(message);
      if (message.project_id !== undefined && message.seq !== undefined) changed.add(message.project_id);
      if (message.type === "project_deleted" && message.project_id) void shelf.forgetThread(message.project_id);
    }
    this.#keeping.changed(changed);
    this.#seeing.look();
  }

  #greeted(message: Message): void {
    const { limits } = message.data as unknown as ConnectionEstablished;
    if (limits.message_size !== undefined) this.#socket.messageSize = limits.message_size;
  }

  async #arrive(): Promise<void> {
    try {
      await this.#socket.request("project_list", null, { subscribe: true });
      const { conversations, projects } = this.#store.getState();
      void shelf.forgetOthers(Object.keys(projects));
      await Promise.all(Object.keys(conversations).map((id) => this.#join(id)));
      this.#prompts.deliver();
      if (!this.#store.getState().agent?.commands) await this.#socket.request("agent_info", null);
    } catch (error) {
      this.#told(error);
    }
  }

  // -- conversations

  /** Show a project: what is kept of it at once, what the server says as soon as it is there. */
  async open(id: string): Promise<void> {
    this.#seeing.show(id);
    this.#recent = [...this.#recent.filter((one) => one !== id), id];
    const surplus = this.#recent.slice(0, -MAX_OPEN);
    for (const one of surplus) this.#leave(one);
    this.#recent = this.#recent.slice(-MAX_OPEN);
    if (this.#store.getState().conversations[id] !== undefined) return;
    const [shelved] = await Promise.all([shelf.keptThread(id), this.#drafts.takeUp(id)]);
    const first = shelved?.entries[0];
    let shown = conversation(0, "");
    if (shelved !== undefined && first !== undefined) {
      const thread = append(empty(first.seq - 1), shelved.entries);
      shown = { ...conversation(first.seq - 1, shelved.journalId), thread };
    }
    this.#set((state) => opened(state, id, shown));
    if (this.#store.getState().connection.is === "online") await this.#join(id).catch((error) => this.#told(error));
  }

  /** A project is no longer on the screen: it is heard of for a while, and nothing of it is seen. */
  hide(id: string): void {
    this.#seeing.hide(id);
  }

  /** Joining goes on behind what is known; where that is too far back or another journal, behind the newest page. */
  async #join(id: string): Promise<void> {
    const { conversations, projects } = this.#store.getState();
    const open = conversations[id];
    const project = projects[id];
    if (open === undefined) return;
    const missed = (project?.head_seq ?? 0) - open.thread.last;
    const isNear =
      open.journalId !== "" && project?.journal_id === open.journalId && missed >= 0 && missed <= MAX_MISSED;
    try {
      if (!isNear) await this.#load(id, {}, newest);
      const known = this.#store.getState().conversations[id];
      if (known === undefined) return;
      await this.#socket.request("project_join", id, { after_seq: known.thread.last, journal_id: known.journalId });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#set((state) => change(state, id, (one) => ({ ...one, trouble: error.message })));
    }
  }

  /** Load a page of what came before what is shown. */
  async older(id: string): Promise<void> {
    const open = this.#store.getState().conversations[id];
    if (open === undefined || !open.isJoined || !open.hasOlder || open.isLoading) return;
    const { first, last } = open.thread;
    const limit = Math.min(MAX_PAGE, Math.max(PAGE, Math.floor((last - first) / 10)));
    await this.#load(id, { before_seq: first, limit }, (state, _, found) => older(state, id, first, found)).catch(
      (error) => this.#told(error),
    );
  }

  async #load(id: string, where: object, take: (state: State, id: string, found: MessagesFound) => State) {
    const loading = (isLoading: boolean) => this.#set((state) => change(state, id, (open) => ({ ...open, isLoading })));
    loading(true);
    try {
      const answer = await this.#socket.request("get_messages", id, { limit: PAGE, ...where });
      this.#set((state) => take(state, id, answer.data as unknown as MessagesFound));
      this.#keeping.changed([id]);
    } finally {
      loading(false);
    }
  }

  #leave(id: string): void {
    this.#keeping.now();
    this.#set((state) => {
      const { [id]: _, ...conversations } = state.conversations;
      return { ...state, conversations };
    });
    this.#socket.request("project_leave", id).catch((error) => this.#told(error));
  }

  // -- prompts

  /** Send a prompt; without a connection it is kept, and sent once, when there is one. */
  prompt(projectId: string, prompt: string, options: Options, attachments: readonly Attached[] = []): Promise<void> {
    return this.#prompts.add(projectId, prompt, options, attachments);
  }

  /** Send again what was refused or dropped. */
  resend(promptId: string): Promise<void> {
    return this.#prompts.resend(promptId);
  }

  discard(promptId: string): Promise<void> {
    return this.#prompts.discard(promptId);
  }

  /** What stands in the composer of a project, as a person goes on with it. */
  draft(id: string, draft: Draft): void {
    this.#drafts.change(id, draft);
  }

  /** Put something into the composer of a project, to be changed and sent. */
  putBack(id: string, more: Draft): void {
    this.draft(id, putBack(this.#store.getState(), id, more).drafts[id] ?? more);
  }

  /** From now on the prompts of a project are run so; what runs now, too. */
  choose(id: string, choice: Choice): void {
    const before = this.#store.getState().choices[id];
    this.#set((state) => chosen(state, id, choice));
    // Another page of this browser may have chosen for others meanwhile.
    keep("choices", { ...choicesOf(kept("choices")), [id]: choice });
    const wished = {
      ...(choice.model !== null && choice.model !== before?.model ? { model: choice.model } : {}),
      ...(choice.mode !== null && choice.mode !== before?.mode ? { permission_mode: choice.mode } : {}),
    };
    const isRunning = this.#store.getState().projects[id]?.state === "EXECUTING";
    if (isRunning && Object.keys(wished).length > 0) void this.ask("agent_configure", id, wished);
  }

  // -- everything else

  /** Ask for a thing on behalf of the person, and say what went wrong: the data of the answer, or null. */
  async ask(type: string, projectId: string | null, data: object = {}): Promise<Json | null> {
    if (this.#store.getState().connection.is !== "online") {
      this.say(words.connection.needed);
      return null;
    }
    try {
      return (await this.#socket.request(type, projectId, data)).data;
    } catch (error) {
      this.#told(error);
      return null;
    }
  }

  /** Answer a question of the agent; whether that is settled. Where somebody was faster, that is no error to the person. */
  async answer(projectId: string, permissionId: string, answer: PermissionAnswer): Promise<boolean> {
    try {
      await this.#socket.request("permission_response", projectId, { permission_id: permissionId, ...answer });
      return true;
    } catch (error) {
      if (error instanceof Refused && error.code === "PERMISSION_NOT_FOUND") return true;
      this.#told(error);
      return false;
    }
  }

  say(text: string): void {
    this.#set((state) => ({ ...state, toast: { text, at: Date.now() } }));
  }

  #told(error: unknown): void {
    if (error instanceof Refused) this.say(error.message);
    else if (!(error instanceof Lost)) throw error; // a lost connection is seen as such
  }
}

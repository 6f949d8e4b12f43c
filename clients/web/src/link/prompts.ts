/**
 * Prompts on their way: kept until the server has them, sent as soon as there is a connection, in the order in which they
 * were written, and run once. Each has an id that the server remembers, so that sending one again does no harm.
 */

import { type Json, number, text } from "../protocol/agent";
import type { Attached, Options } from "../protocol/generated";
import { Refused } from "../protocol/messages";
import { nextOf, sending, sent, type Unsent } from "../state/prompts";
import type { State } from "../state/state";
import type { Store } from "../state/store";
import { words } from "../words";
import * as shelf from "./shelf";
import { Lost } from "./socket";

/** Seconds to wait where the server says "too fast" and not for how long. */
const PAUSE = 1;

/** Sends `execute` of a project with this data; the data of the answer. Throws Refused, or Lost. */
type Execute = (projectId: string, data: object) => Promise<Json>;

export class Prompts {
  readonly #store: Store;
  readonly #execute: Execute;
  /** The prompts that are on the shelf, or were until another page of this browser has sent or discarded them. */
  readonly #kept = new Set<string>();
  /** The projects whose prompts are being sent. */
  readonly #busy = new Set<string>();

  constructor(store: Store, execute: Execute) {
    this.#store = store;
    this.#execute = execute;
  }

  /** What was not sent when this browser was closed. */
  async takeUp(): Promise<void> {
    const kept = await shelf.keptUnsent();
    for (const { promptId } of kept) this.#kept.add(promptId);
    this.#set((state) => sending(state, kept));
  }

  async add(projectId: string, prompt: string, options: Options, attachments: readonly Attached[]): Promise<void> {
    await this.#send({
      promptId: crypto.randomUUID(),
      projectId,
      prompt,
      options,
      attachments,
      at: new Date().toISOString(),
      problem: "",
      isSpent: false,
    });
  }

  /** Keep what the server has dropped since `before`, for the person to send it again. */
  async keepDropped(before: readonly Unsent[]): Promise<void> {
    const known = new Set(before.map((one) => one.promptId));
    for (const prompt of this.#store.getState().unsent) if (!known.has(prompt.promptId)) await this.#shelve(prompt);
  }

  /** Send again what was refused: as the same prompt, unless the server will not run that any more. */
  async resend(promptId: string): Promise<void> {
    const found = this.#store.getState().unsent.find((one) => one.promptId === promptId);
    if (found === undefined || (await this.#isGone(promptId))) return;
    if (found.isSpent) await this.discard(promptId);
    const id = found.isSpent ? crypto.randomUUID() : promptId;
    await this.#send({ ...found, promptId: id, problem: "", isSpent: false });
  }

  async discard(promptId: string): Promise<void> {
    this.#set((state) => sent(state, promptId));
    this.#kept.delete(promptId);
    await shelf.forgetUnsent(promptId);
  }

  /** There is a connection: send what waits. */
  deliver(): void {
    for (const id of new Set(this.#store.getState().unsent.map((one) => one.projectId))) void this.#deliver(id);
  }

  #set(how: (state: State) => State): void {
    this.#store.setState(how(this.#store.getState()), true);
  }

  async #send(prompt: Unsent): Promise<void> {
    await this.#keep(prompt);
    await this.#deliver(prompt.projectId);
  }

  /** One after the other, until all are sent or there is no connection. */
  async #deliver(projectId: string): Promise<void> {
    if (this.#busy.has(projectId)) return;
    this.#busy.add(projectId);
    try {
      let next = nextOf(this.#store.getState(), projectId);
      while (next !== undefined) {
        await this.#try(next);
        next = nextOf(this.#store.getState(), projectId);
      }
    } catch (error) {
      if (!(error instanceof Lost)) throw error; // the next connection sends what is left
    } finally {
      this.#busy.delete(projectId);
    }
  }

  async #try(unsent: Unsent): Promise<void> {
    const { promptId, projectId, prompt, options, attachments } = unsent;
    if (await this.#isGone(promptId)) return;
    const ids = attachments.map((one) => one.id);
    const data = { prompt, options, queue: true, prompt_id: promptId, ...(ids.length ? { attachments: ids } : {}) };
    try {
      const answer = await this.#execute(projectId, data);
      const isDropped = answer.duplicate === true && text(answer, "status") === "dropped";
      if (isDropped) await this.#keep({ ...unsent, problem: words.composer.dropped, isSpent: true });
      else await this.discard(promptId);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code !== "RATE_LIMITED") await this.#keep({ ...unsent, problem: error.message });
      else await pause(number(error.details, "retry_after") ?? PAUSE);
    }
  }

  async #keep(prompt: Unsent): Promise<void> {
    this.#set((state) => sending(state, [prompt]));
    await this.#shelve(prompt);
  }

  async #shelve(prompt: Unsent): Promise<void> {
    if (await shelf.keepUnsent(prompt)) this.#kept.add(prompt.promptId);
  }

  /** Whether another page of this browser has sent or discarded a prompt: then it is none of ours any more. */
  async #isGone(promptId: string): Promise<boolean> {
    const isGone = this.#kept.has(promptId) && (await shelf.isForgotten(promptId));
    if (isGone) this.#set((state) => sent(state, promptId));
    return isGone;
  }
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
  });
}

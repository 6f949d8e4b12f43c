/** Loads the parts of conversations that a person looks up: around an event, and on from there in both directions. */

import type { MessagesFound } from "../protocol/generated";
import { BEFORE, begun, earlier, later, left, loading } from "../state/passage";
import type { State } from "../state/state";
import type { Store } from "../state/store";

/** Events of a page. */
const PAGE = 150;

/** Asks for a page of a project's journal; null where that went wrong, which was said to the person. */
export type Ask = (id: string, where: object) => Promise<MessagesFound | null>;

export class Passages {
  readonly #store: Store;
  readonly #ask: Ask;

  constructor(store: Store, ask: Ask) {
    this.#store = store;
    this.#ask = ask;
  }

  /** See to it that an event is loaded, or the one after it that there still is; whether it is. */
  async see(id: string, seq: number): Promise<boolean> {
    const open = this.#store.getState().conversations[id];
    if (open === undefined) return false;
    const { thread, passage } = open;
    if (seq >= thread.first) {
      this.leave(id);
      return true;
    }
    if (passage !== null && seq >= passage.thread.first && seq <= passage.thread.last) return true;
    const after = Math.max(0, seq - BEFORE);
    const found = await this.#ask(id, { after_seq: after, before_seq: thread.first, order: "asc", limit: PAGE });
    if (found === null) return false;
    this.#set((state) => begun(state, id, seq, after, found));
    return true;
  }

  async older(id: string): Promise<void> {
    const passage = this.#store.getState().conversations[id]?.passage;
    if (!passage?.hasOlder || passage.isLoading) return;
    const { first } = passage.thread;
    await this.#load(id, { before_seq: first }, (state, found) => earlier(state, id, first, found));
  }

  async newer(id: string): Promise<void> {
    const open = this.#store.getState().conversations[id];
    const passage = open?.passage;
    if (open === undefined || !passage || passage.isLoading) return;
    const { last } = passage.thread;
    const where = { after_seq: last, before_seq: open.thread.first, order: "asc" };
    await this.#load(id, where, (state, found) => later(state, id, last, found));
  }

  leave(id: string): void {
    this.#set((state) => left(state, id));
  }

  async #load(id: string, where: object, take: (state: State, found: MessagesFound) => State): Promise<void> {
    this.#set((state) => loading(state, id, true));
    const found = await this.#ask(id, { ...where, limit: PAGE });
    if (found !== null) this.#set((state) => take(state, found));
    this.#set((state) => loading(state, id, false));
  }

  #set(how: (state: State) => State): void {
    this.#store.setState(how(this.#store.getState()), true);
  }
}

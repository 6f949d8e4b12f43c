/** What stands in the composers, kept in the browser a moment after each change. */

import { BLANK, type Draft, drafted } from "../state/prompts";
import type { Store } from "../state/store";
import * as shelf from "./shelf";

/** Seconds from a change to the shelf. */
const KEEP_AFTER = 0.5;

export class Drafts {
  readonly #store: Store;
  readonly #changed = new Set<string>();
  #keeping: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** What was kept of a project's, unless something stands there already. */
  async takeUp(id: string): Promise<void> {
    const kept = await shelf.keptDraft(id);
    const state = this.#store.getState();
    if (kept !== undefined && state.drafts[id] === undefined) this.#store.setState(drafted(state, id, kept), true);
  }

  change(id: string, draft: Draft): void {
    this.#store.setState(drafted(this.#store.getState(), id, draft), true);
    this.#changed.add(id);
    this.#keeping ??= setTimeout(() => this.keepNow(), KEEP_AFTER * 1000);
  }

  keepNow(): void {
    clearTimeout(this.#keeping);
    this.#keeping = undefined;
    const { drafts } = this.#store.getState();
    for (const id of this.#changed) void shelf.keepDraft(id, drafts[id] ?? BLANK);
    this.#changed.clear();
  }
}

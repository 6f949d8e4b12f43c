/** Keeps what the server said on the shelf, for the time without it: now and then, and what has changed. */

import type { Entry, ProjectState } from "../protocol/generated";
import type { Store } from "../state/store";
import * as shelf from "./shelf";

/** Seconds between two writes. */
const KEEP_EVERY = 2;
/** Characters of JSON that are kept of a conversation: what a phone reads in a moment. */
const MAX_KEPT = 2 * 2 ** 20;

export class Keeping {
  readonly #store: Store;
  /** Projects of whose conversation something is new. */
  readonly #stale = new Set<string>();
  /** Characters of the entries that were kept: each is measured once. */
  readonly #sizes = new WeakMap<Entry, number>();
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The list of projects may have changed, and the conversations of these have. */
  changed(ids: Iterable<string>): void {
    for (const id of ids) this.#stale.add(id);
    this.#soon ??= setTimeout(() => this.now(), KEEP_EVERY * 1000);
  }

  now(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const { conversations, projects, isListed } = this.#store.getState();
    if (isListed) void shelf.keepProjects(Object.values(projects).map(withoutQuestions));
    for (const id of this.#stale) {
      const open = conversations[id];
      if (open?.journalId)
        void shelf.keepThread(id, { journalId: open.journalId, entries: this.#newest(open.thread.tail) });
    }
    this.#stale.clear();
  }

  /** As many of the newest as there is room for. */
  #newest(entries: readonly Entry[]): readonly Entry[] {
    let room = MAX_KEPT;
    const tooMuch = entries.findLastIndex((entry) => {
      room -= this.#sizeOf(entry);
      return room < 0;
    });
    return entries.slice(tooMuch + 1);
  }

  #sizeOf(entry: Entry): number {
    const known = this.#sizes.get(entry);
    if (known !== undefined) return known;
    const size = JSON.stringify(entry).length;
    this.#sizes.set(entry, size);
    return size;
  }
}

function withoutQuestions(project: ProjectState): ProjectState {
  const asked = project.pending_permissions;
  return { ...project, pending_permissions: Array.isArray(asked) ? asked.length : asked };
}

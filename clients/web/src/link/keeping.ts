/** Keeps what the server said on the shelf, for the time without it: now and then, and what has changed. */

import type { ProjectState } from "../protocol/generated";
import type { Store } from "../state/store";
import * as shelf from "./shelf";

/** Seconds between two writes. */
const KEEP_EVERY = 2;

export class Keeping {
  readonly #store: Store;
  /** Projects of whose conversation something is new. */
  readonly #stale = new Set<string>();
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
      if (open?.journalId) void shelf.keepThread(id, { journalId: open.journalId, entries: open.thread.tail });
    }
    this.#stale.clear();
  }
}

function withoutQuestions(project: ProjectState): ProjectState {
  const asked = project.pending_permissions;
  return { ...project, pending_permissions: Array.isArray(asked) ? asked.length : asked };
}

/** What this device has shown a person is no news for it: that is told to the server, a moment after it was shown. */

import type { Store } from "../state/store";

/** Seconds for which something new is on the screen before it counts as seen. */
const SEEN_AFTER = 1;

export class Seeing {
  readonly #store: Store;
  readonly #tell: (projectId: string, seq: number) => void;
  readonly #told = new Map<string, number>();
  #soon: ReturnType<typeof setTimeout> | undefined;
  /** The project on the screen. */
  #shown: string | null = null;

  constructor(store: Store, tell: (projectId: string, seq: number) => void) {
    this.#store = store;
    this.#tell = tell;
  }

  show(id: string): void {
    this.#shown = id;
    this.look();
  }

  hide(id: string): void {
    if (this.#shown === id) this.#shown = null;
  }

  /** Something may be new. */
  look(): void {
    this.#soon ??= setTimeout(() => this.#seen(), SEEN_AFTER * 1000);
  }

  #seen(): void {
    this.#soon = undefined;
    const id = this.#shown;
    const open = id === null ? undefined : this.#store.getState().conversations[id];
    if (document.hidden || id === null || !open?.isJoined) return;
    const { last } = open.thread;
    if ((this.#told.get(id) ?? 0) >= last) return;
    this.#told.set(id, last);
    this.#tell(id, last);
  }
}

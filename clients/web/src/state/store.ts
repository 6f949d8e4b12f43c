/** The one place in which the state lives while the page is open. */

import { useStore } from "zustand";
import { createStore, type StoreApi } from "zustand/vanilla";
import { INITIAL, type State } from "./state";

export type Store = StoreApi<State>;

export function newStore(): Store {
  return createStore<State>()(() => INITIAL);
}

export const store: Store = newStore();

/** What a view shows of the state; it is drawn again when that is another value. */
export function useKnown<T>(pick: (state: State) => T): T {
  return useStore(store, pick);
}

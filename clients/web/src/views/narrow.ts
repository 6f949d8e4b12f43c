import { useSyncExternalStore } from "react";

/** Where the list and a page do not fit side by side; styles/app.css has the same bound. */
const NARROW = window.matchMedia("(max-width: 799px)");

function subscribe(changed: () => void): () => void {
  NARROW.addEventListener("change", changed);
  return () => NARROW.removeEventListener("change", changed);
}

/** Whether the window shows the list or a page, but not both. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => NARROW.matches);
}

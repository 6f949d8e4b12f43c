import { useEffect } from "react";
import { keep } from "../link/local";
import type { ProjectState } from "../protocol/generated";
import { seenNow } from "../state/seen";
import { store, useKnown } from "../state/store";

/** Seconds without a change after which what is on the screen is seen: while an agent speaks there are many changes. */
const SETTLED = 0.3;

/** What this person has changed here is no news here. */
export function saw({ id, head_seq }: ProjectState): void {
  const seen = { ...store.getState().seen, [id]: head_seq };
  store.setState({ seen });
  keep("seen", seen);
}

/** What is on the screen, while somebody looks at it, is no news. */
export function useSeen(current: string): void {
  const projects = useKnown((state) => state.projects);
  const isListed = useKnown((state) => state.isListed);
  useEffect(() => {
    function look() {
      if (!isListed || document.hidden) return;
      const seen = seenNow(store.getState().seen, Object.values(projects), current);
      store.setState({ seen });
      keep("seen", seen);
    }
    const timer = setTimeout(look, SETTLED * 1000);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [projects, isListed, current]);
}

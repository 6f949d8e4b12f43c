import { useEffect, useRef } from "react";

/** Milliseconds within which a key is pressed twice. */
const WITHIN = 600;

/** Do something when a key is pressed twice. A dialog's keys are its own. */
export function useTwice(key: string, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    let last = Number.NEGATIVE_INFINITY;
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== key || event.repeat || document.querySelector("dialog[open]")) return;
      if (event.timeStamp - last < WITHIN) latest.current();
      last = event.timeStamp;
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [key]);
}

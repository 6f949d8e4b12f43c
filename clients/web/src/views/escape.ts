import type { KeyboardEvent } from "react";

/** Esc closes what is open here, and means nothing more: twice it would interrupt the agent. */
export function onEscape(event: KeyboardEvent, close: () => void): void {
  if (event.key !== "Escape") return;
  event.stopPropagation();
  close();
}

import { useEffect, useState } from "react";

/** Whether the search is open: Ctrl or Cmd F opens it; once it is, that is the browser's own. */
export function useSearching(): [boolean, (isOpen: boolean) => void] {
  const [isOpen, open] = useState(false);
  useEffect(() => {
    if (isOpen) return;
    const pressed = (event: KeyboardEvent) => {
      const isMeant = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key === "f";
      if (!isMeant || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      open(true);
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [isOpen]);
  return [isOpen, open];
}

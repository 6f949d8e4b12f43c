import { useEffect } from "react";
import { questions } from "../state/listing";
import { useKnown } from "../state/store";
import { words } from "../words";

/** The title of the window, its picture and the app's badge tell where one is, and how many questions wait. */
export function useSigns(current: string): void {
  const count = useKnown((state) => questions(state.projects));
  const name = useKnown((state) => state.projects[current]?.name ?? "");

  useEffect(() => {
    document.title = words.windowTitle(name, count);
  }, [name, count]);

  useEffect(() => {
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (icon) icon.href = count > 0 ? "/icons/icon-asks.svg" : "/icons/icon.svg";
    if (!("setAppBadge" in navigator)) return;
    const done = count > 0 ? navigator.setAppBadge(count) : navigator.clearAppBadge();
    done.catch(() => undefined); // not installed, or not allowed: then there is no badge
  }, [count]);
}

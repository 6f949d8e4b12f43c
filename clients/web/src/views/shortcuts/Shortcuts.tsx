import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { listing } from "../../state/listing";
import { go, useRoute } from "../../state/route";
import { useKnown } from "../../state/store";
import { focusComposer } from "../composer/focusing";

const ShortcutList = lazy(async () => ({ default: (await import("./ShortcutList")).ShortcutList }));
const Switcher = lazy(async () => ({ default: (await import("./Switcher")).Switcher }));

/** The keys of the whole client, and what they open. */
export function Shortcuts() {
  const route = useRoute();
  const projects = useKnown((state) => state.projects);
  const [opened, open] = useState<"list" | "switcher" | null>(null);
  const current = route.page === "project" ? route.id : "";

  function neighbour(step: number) {
    const { active } = listing(Object.values(projects), "");
    const at = active.findIndex((one) => one.id === current);
    const next = active[at < 0 ? 0 : (at + step + active.length) % active.length];
    if (next) go(`#/projects/${next.id}`);
  }

  /** Whether a key was one of ours. */
  function pressed(event: KeyboardEvent): boolean {
    const isOften = event.ctrlKey || event.metaKey;
    if (isOften && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      open((before) => (before === "switcher" ? null : "switcher"));
      return true;
    }
    if (document.querySelector("dialog[open]")) return false;
    if (event.altKey && !isOften && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      neighbour(event.key === "ArrowUp" ? -1 : 1);
      return true;
    }
    if (isOften || event.altKey || isWriting(event.target)) return false;
    if (event.key === "?") open("list");
    else if (event.key === "/") return focusComposer();
    else return false;
    return true;
  }

  const latest = useRef(pressed);
  latest.current = pressed;
  useEffect(() => {
    const heard = (event: KeyboardEvent) => latest.current(event) && event.preventDefault();
    window.addEventListener("keydown", heard);
    return () => window.removeEventListener("keydown", heard);
  }, []);

  const close = () => open(null);
  return (
    <Suspense>
      {opened === "list" && <ShortcutList onClose={close} />}
      {opened === "switcher" && <Switcher current={current} onClose={close} />}
    </Suspense>
  );
}

function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

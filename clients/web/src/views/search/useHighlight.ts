import { useEffect } from "react";

/** Places that are marked at most. */
const MAX_PLACES = 500;

/** Marks what is looked for wherever it stands in the conversation, without changing what stands there. */
export function useHighlight(query: string): void {
  useEffect(() => {
    const log = document.querySelector<HTMLElement>(".conversation");
    const wanted = query.toLowerCase();
    if (log === null || wanted.length < 2 || typeof Highlight === "undefined") return;
    let frame = 0;
    const mark = () => CSS.highlights.set("found", new Highlight(...placesOf(log, wanted)));
    const soon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(mark);
    };
    const observer = new MutationObserver(soon);
    observer.observe(log, { subtree: true, childList: true, characterData: true });
    mark();
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
      CSS.highlights.delete("found");
    };
  }, [query]);
}

function placesOf(within: HTMLElement, wanted: string): Range[] {
  const found: Range[] = [];
  const walker = document.createTreeWalker(within, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null && found.length < MAX_PLACES; node = walker.nextNode()) {
    const text = (node.nodeValue ?? "").toLowerCase();
    // A letter that is longer in lower case moves the places: such a text is left.
    if (text.length !== node.nodeValue?.length) continue;
    for (let at = text.indexOf(wanted); at >= 0 && found.length < MAX_PLACES; at = text.indexOf(wanted, at + 1)) {
      const place = document.createRange();
      place.setStart(node, at);
      place.setEnd(node, at + wanted.length);
      found.push(place);
    }
  }
  return found;
}

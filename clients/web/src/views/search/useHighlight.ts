import { useEffect } from "react";

/** Places that are marked at most. */
const MAX_PLACES = 500;

/** Milliseconds after which the rows around a hit have their sizes. */
const DRAWN = 200;

/**
 * Marks what is looked for wherever it stands in the conversation, without changing what stands there. `at`: the event
 * that was chosen; the place in it is brought into sight, since what it stands in may be longer than the window.
 */
export function useHighlight(query: string, at: number | null): void {
  useEffect(() => {
    // The conversation itself is another element where another part of it is shown.
    const page = document.querySelector("main");
    const wanted = query.toLowerCase();
    if (page === null || wanted.length < 2 || typeof Highlight === "undefined") return;
    let frame = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const mark = () => {
      const log = page.querySelector(".conversation");
      if (log === null) return;
      const places = placesOf(log, wanted);
      CSS.highlights.set("found", new Highlight(...places));
      const chosen = log.querySelector(".entry.marked");
      if (timer !== undefined || at === null || chosen === null) return;
      timer = setTimeout(() => reveal(placesOf(chosen, wanted)[0], log), DRAWN);
    };
    const soon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(mark);
    };
    const observer = new MutationObserver(soon);
    observer.observe(page, { subtree: true, childList: true, characterData: true });
    mark();
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      CSS.highlights.delete("found");
    };
  }, [query, at]);
}

/** Bring a place into the window, if it is not there. */
function reveal(place: Range | undefined, log: Element): void {
  const scroller = log.querySelector(".scroll");
  if (place === undefined || scroller === null) return;
  const window = scroller.getBoundingClientRect();
  const { top, bottom } = place.getBoundingClientRect();
  if (top < window.top || bottom > window.bottom) scroller.scrollBy(0, top - window.top - window.height / 3);
}

function placesOf(within: Element, wanted: string): Range[] {
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

/** Where a person is in the conversation: at its end, which is followed; or further up, where nothing moves. */

import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { VirtualizerHandle } from "virtua";

/** Pixels from the end at which it counts as reached. */
const NEAR = 80;
/** Pixels before an end of what is loaded at which more is asked for. */
const AHEAD = 2500;
/** Pixels of the line above the first row. */
export const HEAD = 40;

/** What is loaded: the events from `first` to `last`, in `count` rows. */
interface Loaded {
  first: number;
  last: number;
  count: number;
}

interface Following {
  scroller: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  list: RefObject<VirtualizerHandle | null>;
  isAtEnd: boolean;
  /** Whether rows are put in front in this drawing: the list keeps the place then. */
  isPrepending: boolean;
  /** Rows that have come since the person left the end. */
  news: number;
  scrolled: () => void;
  toEnd: () => void;
}

/**
 * `start`: the row that is shown first, null for the end. `older` asks for what comes before, `newer` for what comes
 * behind: null where that is the end, which is followed.
 */
export function useFollowing(
  loaded: Loaded,
  start: number | null,
  older: () => void,
  newer: (() => void) | null,
): Following {
  const { first, last, count } = loaded;
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const top = useRef(0);
  const follows = useRef(start === null);
  const ask = useRef({ older, newer });
  const began = useRef(start);
  const [isAtEnd, setAtEnd] = useState(start === null);
  const [known, setKnown] = useState(loaded);
  const [news, setNews] = useState(0);
  ask.current = { older, newer };

  const isPrepending = first < known.first && last === known.last;

  useLayoutEffect(() => {
    if (first === known.first && last === known.last && count === known.count) return;
    if (last > known.last && newer === null && !follows.current) setNews((so) => so + Math.max(0, count - known.count));
    setKnown({ first, last, count });
  }, [first, last, count, known, newer]);

  useLayoutEffect(() => {
    if (began.current !== null) list.current?.scrollToIndex(began.current, { align: "center" });
  }, []);

  const follow = useCallback(() => {
    const element = scroller.current;
    if (!follows.current || element === null) return;
    element.scrollTop = element.scrollHeight;
    top.current = element.scrollTop;
  }, []);

  useLayoutEffect(follow);

  /** More is asked for where an end of what is loaded is near: also of what does not fill the page. */
  const fill = useCallback(() => {
    const element = scroller.current;
    if (element === null) return;
    if (element.scrollTop < AHEAD) ask.current.older();
    if (element.scrollHeight - element.scrollTop - element.clientHeight < AHEAD) ask.current.newer?.();
  }, []);

  useEffect(fill);

  // What is drawn gets its size later: pictures, colours, rows that were only guessed.
  useEffect(() => {
    const element = content.current;
    const outside = scroller.current;
    if (element === null || outside === null) return;
    const observer = new ResizeObserver(follow);
    observer.observe(element);
    observer.observe(outside);
    return () => observer.disconnect();
  }, [follow]);

  const scrolled = useCallback(() => {
    const element = scroller.current;
    if (element === null) return;
    const left = element.scrollHeight - element.scrollTop - element.clientHeight;
    // Only who goes up leaves the end: what grows meanwhile does not take a person away from it.
    if (left < NEAR && ask.current.newer === null) follows.current = true;
    else if (element.scrollTop < top.current) follows.current = false;
    top.current = element.scrollTop;
    setAtEnd(follows.current);
    if (follows.current) setNews(0);
    fill();
  }, [fill]);

  const toEnd = useCallback(() => {
    follows.current = true;
    setAtEnd(true);
    setNews(0);
    follow();
  }, [follow]);

  return { scroller, content, list, isAtEnd, isPrepending, news, scrolled, toEnd };
}

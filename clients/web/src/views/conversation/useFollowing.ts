/** Where a person is in the conversation: at its end, which is followed; or further up, where nothing moves. */

import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { VirtualizerHandle } from "virtua";

/** Pixels from the end at which it counts as reached. */
const NEAR = 80;
/** Pixels before the first loaded row at which what came before is asked for. */
const AHEAD = 2500;
/** Pixels of the line above the first row. */
export const HEAD = 40;

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

/** `first` and `last`: the events that are loaded, in `count` rows. `older` asks for those before. */
export function useFollowing(first: number, last: number, count: number, older: () => void): Following {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const top = useRef(0);
  const follows = useRef(true);
  const ask = useRef(older);
  const [isAtEnd, setAtEnd] = useState(true);
  const [known, setKnown] = useState({ first, last, count });
  const [news, setNews] = useState(0);
  ask.current = older;

  const isPrepending = first < known.first && last === known.last;

  useLayoutEffect(() => {
    setKnown((before) => {
      if (before.first === first && before.last === last && before.count === count) return before;
      return { first, last, count };
    });
  }, [first, last, count]);

  useLayoutEffect(() => {
    if (last !== known.last && first === known.first && count > known.count && !follows.current) {
      setNews((before) => before + count - known.count);
    }
  }, [first, last, count, known]);

  const follow = useCallback(() => {
    const element = scroller.current;
    if (!follows.current || element === null) return;
    element.scrollTop = element.scrollHeight;
    top.current = element.scrollTop;
  }, []);

  useLayoutEffect(follow);

  // What is drawn may not fill the page, and nobody can scroll it then.
  useEffect(() => {
    if ((scroller.current?.scrollTop ?? AHEAD) < AHEAD) ask.current();
  });

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
    if (left < NEAR) follows.current = true;
    else if (element.scrollTop < top.current) follows.current = false;
    top.current = element.scrollTop;
    setAtEnd(follows.current);
    if (follows.current) setNews(0);
    if (element.scrollTop < AHEAD) ask.current();
  }, []);

  const toEnd = useCallback(() => {
    follows.current = true;
    setAtEnd(true);
    setNews(0);
    follow();
  }, [follow]);

  return { scroller, content, list, isAtEnd, isPrepending, news, scrolled, toEnd };
}

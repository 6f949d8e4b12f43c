import { useEffect, useRef, useState } from "react";
import { get, Unreachable } from "../../link/api";
import type { Hit, Hits } from "../../protocol/generated";
import { Refused } from "../../protocol/messages";
import { words } from "../../words";

/** Milliseconds without another letter after which it is asked. */
const PAUSE = 250;
/** Characters of the shortest query. */
const SHORTEST = 2;
/** Hits of an answer. */
const PAGE = 30;

interface Search {
  hits: readonly Hit[];
  /** The event to which was searched, the newest first; null before the first answer. */
  searchedTo: number | null;
  hasMore: boolean;
  isBusy: boolean;
  problem: string;
}

const NOTHING: Search = { hits: [], searchedTo: null, hasMore: false, isBusy: false, problem: "" };

/** What is found in a conversation, as a person types; `more` searches further back. The last question counts. */
export function useSearch(id: string, query: string): Search & { more: () => void } {
  const [search, setSearch] = useState(NOTHING);
  const asked = useRef(0);
  const wanted = query.trim();

  async function ask(before: number | null): Promise<void> {
    asked.current += 1;
    const number = asked.current;
    setSearch((so) => ({ ...(before === null ? NOTHING : so), isBusy: true, problem: "" }));
    // An answer looks at so much; where nothing was there, it goes on by itself.
    for (let from = before, isOver = false; !isOver; ) {
      const next = await answer(id, wanted, from);
      if (number !== asked.current) return;
      isOver = typeof next === "string" || !next.has_more || next.hits.length > 0;
      if (typeof next !== "string") from = next.searched_to;
      setSearch((so) => grown(so, next, !isOver));
    }
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: it asks when the question changes, and at no other time
  useEffect(() => {
    asked.current += 1;
    setSearch(NOTHING);
    if (wanted.length < SHORTEST) return;
    const timer = setTimeout(() => void ask(null), PAUSE);
    return () => clearTimeout(timer);
  }, [id, wanted]);

  return { ...search, more: () => void ask(search.searchedTo) };
}

function grown(so: Search, next: Hits | string, isBusy: boolean): Search {
  if (typeof next === "string") return { ...so, isBusy, problem: next };
  const hits = [...so.hits, ...next.hits];
  return { hits, searchedTo: next.searched_to, hasMore: next.has_more, isBusy, problem: "" };
}

/** An answer of the server, or what went wrong, for the person. */
async function answer(id: string, query: string, before: number | null): Promise<Hits | string> {
  const asked = { query, limit: `${PAGE}`, ...(before === null ? {} : { before_seq: `${before}` }) };
  try {
    return await get<Hits>(`/projects/${id}/search?${new URLSearchParams(asked)}`);
  } catch (error) {
    if (error instanceof Unreachable) return words.search.unreachable;
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

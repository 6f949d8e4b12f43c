/** A part of a conversation away from its end: around an event that somebody wants to see. Pure. */

import type { MessagesFound } from "../protocol/generated";
import { change, type State } from "./state";
import { append, bridge, empty, prepend, type Thread } from "./thread";

/** What is loaded around event `target`; `isLoading`: more of it is on its way. */
export interface Passage {
  target: number;
  thread: Thread;
  hasOlder: boolean;
  isLoading: boolean;
}

/** Events that are loaded before the one that is wanted. */
export const BEFORE = 40;

/** A passage begins: the page behind event `after`, oldest first. */
export function begun(state: State, id: string, target: number, after: number, found: MessagesFound): State {
  return change(state, id, (open) => {
    if (open.journalId !== found.journal_id) return open;
    const first = found.messages[0]?.seq ?? after + 1;
    const thread = append(empty(first - 1), found.messages);
    return bridged({ ...open, passage: { target, thread, hasOlder: first > found.first_seq, isLoading: false } });
  });
}

/** The page before the passage, newest first. */
export function earlier(state: State, id: string, before: number, found: MessagesFound): State {
  return changed(state, id, found, (passage) => {
    if (passage.thread.first !== before) return passage;
    return { ...passage, thread: prepend(passage.thread, found.messages.toReversed()), hasOlder: found.has_more };
  });
}

/** The page behind the passage, oldest first. Where it reaches what is loaded of the end, both are one conversation. */
export function later(state: State, id: string, after: number, found: MessagesFound): State {
  const next = changed(state, id, found, (passage) =>
    passage.thread.last === after ? { ...passage, thread: append(passage.thread, found.messages) } : passage,
  );
  return change(next, id, bridged);
}

/** Whether more of the passage is on its way. */
export function loading(state: State, id: string, isLoading: boolean): State {
  return change(state, id, (open) =>
    open.passage === null ? open : { ...open, passage: { ...open.passage, isLoading } },
  );
}

/** The person goes back to the end. */
export function left(state: State, id: string): State {
  return change(state, id, (open) => (open.passage === null ? open : { ...open, passage: null }));
}

function changed(state: State, id: string, found: MessagesFound, how: (passage: Passage) => Passage): State {
  return change(state, id, (open) => {
    if (open.passage === null || open.journalId !== found.journal_id) return open;
    return { ...open, passage: how(open.passage) };
  });
}

function bridged<T extends { thread: Thread; hasOlder: boolean; passage: Passage | null }>(open: T): T {
  const { passage } = open;
  if (passage === null || passage.thread.last < open.thread.first - 1) return open;
  return { ...open, thread: bridge(passage.thread, open.thread), hasOlder: passage.hasOlder, passage: null };
}

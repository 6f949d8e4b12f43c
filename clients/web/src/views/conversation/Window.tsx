import { useEffect, useMemo, useState } from "react";
import { Virtualizer } from "virtua";
import { useServer } from "../../context";
import { progressOf } from "../../state/calls";
import { dayOf } from "../../state/days";
import type { Item } from "../../state/findings";
import { harmless } from "../../state/harmless";
import { type Row, rowAt, rowsOf } from "../../state/rows";
import type { Conversation as Open } from "../../state/state";
import { useKnown } from "../../state/store";
import type { Thread } from "../../state/thread";
import { words } from "../../words";
import { UnsentPrompt } from "../UnsentPrompt";
import type { Surroundings } from "./ItemView";
import { RowView } from "./RowView";
import { HEAD, useFollowing } from "./useFollowing";
import { WritingView } from "./WritingView";

/**
 * A window on a conversation that draws only what is seen. It follows the end until the person scrolls away; with `at` it
 * begins at that event. `leave` goes back to the end.
 */
export function Window(props: { id: string; open: Open; at: number | null; leave: () => void }) {
  const { id, open, at, leave } = props;
  const load = useLoading(id);
  const told = words.conversation;
  const isWorking = useKnown((state) => state.projects[id]?.state === "EXECUTING");
  const root = useKnown((state) => state.projects[id]?.path ?? "");
  const { thread, hasOlder } = open.passage ?? open;
  const isEnd = open.passage === null;
  const around = useSurroundings(id, root, thread, isWorking && isEnd);
  const rows = useMemo(() => rowsOf(thread.items, thread, dayOf), [thread]);
  const marked = at === null ? null : Math.max(0, rowAt(rows, at));
  const { scroller, content, list, isAtEnd, isPrepending, news, scrolled, toEnd } = useFollowing(
    { first: thread.first, last: thread.last, count: rows.length },
    marked,
    isEnd ? load.older : load.earlier,
    isEnd ? null : load.later,
  );

  return (
    <div className="conversation">
      <h2 className="hidden-label">{told.label}</h2>
      <div
        className="scroll"
        ref={scroller}
        onScroll={scrolled}
        role="log"
        aria-live="off"
        aria-label={told.label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        tabIndex={0}
      >
        <div ref={content}>
          <p className="head" style={{ height: HEAD }}>
            {hasOlder ? told.loading : thread.last > 0 ? told.beginning : told.empty}
          </p>
          <Virtualizer ref={list} scrollRef={scroller} startMargin={HEAD} shift={isPrepending} data={rows}>
            {(row: Row, index: number) => (
              <RowView key={row.key} row={row} around={around} isMarked={index === marked} />
            )}
          </Virtualizer>
          {isEnd ? <End id={id} open={open} isWorking={isWorking} /> : <p className="head">{told.loading}</p>}
        </div>
      </div>
      <Announcement thread={thread} isWorking={isWorking} />
      {!isAtEnd && (
        <button type="button" className="button newest" onClick={isEnd ? toEnd : leave}>
          ↓ {news > 0 ? told.news(news) : told.newest}
        </button>
      )}
    </div>
  );
}

/** What comes behind the last row: what is being said, and what is not sent yet. */
function End({ id, open, isWorking }: { id: string; open: Open; isWorking: boolean }) {
  const unsent = useKnown((state) => state.unsent);
  return (
    <>
      <WritingView writing={open.writing} isWorking={isWorking} isAsking={open.permissions.length > 0} />
      {unsent
        .filter((prompt) => prompt.projectId === id)
        .map((prompt) => (
          <UnsentPrompt key={prompt.promptId} prompt={prompt} />
        ))}
    </>
  );
}

/** How more of a project is asked for. */
function useLoading(id: string) {
  const server = useServer();
  return useMemo(
    () => ({
      older: () => void server.older(id),
      earlier: () => void server.passages.older(id),
      later: () => void server.passages.newer(id),
    }),
    [server, id],
  );
}

/** What the rows are read with. */
function useSurroundings(projectId: string, root: string, thread: Thread, isWorking: boolean): Surroundings {
  return useMemo(
    () => ({ projectId, root, found: thread, progress: progressOf(thread.items, isWorking) }),
    [projectId, root, thread, isWorking],
  );
}

/** Characters of an answer that are read out. */
const READ_OUT = 500;

/** For who does not see it: what the agent said last, or why it failed, when its turn is over. */
function Announcement({ thread, isWorking }: { thread: Thread; isWorking: boolean }) {
  const [worked, setWorked] = useState(false);
  useEffect(() => {
    if (isWorking) setWorked(true);
  }, [isWorking]);
  const last = worked && !isWorking ? thread.items.findLast(isRead) : undefined;
  const said = last?.kind === "text" ? last.text : last?.kind === "failed" ? last.message : "";
  return (
    <p className="hidden-label" role="status">
      {harmless(said.slice(0, READ_OUT))}
    </p>
  );
}

function isRead(item: Item): boolean {
  return item.kind === "text" || item.kind === "failed";
}

import { useMemo, useState } from "react";
import { Virtualizer } from "virtua";
import { useServer } from "../../context";
import { dayOf } from "../../state/days";
import { type Row, rowsOf } from "../../state/rows";
import type { Conversation as Open } from "../../state/state";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import "../../styles/conversation.css";
import "../../styles/markdown.css";
import { UnsentPrompt } from "../UnsentPrompt";
import { FoldingContext } from "./folding";
import type { Surroundings } from "./ItemView";
import { RowView } from "./RowView";
import { HEAD, useFollowing } from "./useFollowing";
import { WritingView } from "./WritingView";

/** What was said, in a window that draws only what is seen; it follows the newest until the person scrolls away. */
export function Conversation({ id, open }: { id: string; open: Open }) {
  const server = useServer();
  const told = words.conversation;
  const unsent = useKnown((state) => state.unsent);
  const project = useKnown((state) => state.projects[id]);
  const isWorking = project?.state === "EXECUTING";
  const root = project?.path ?? "";
  const { thread } = open;
  const around = useSurroundings(id, root, open, isWorking);
  const rows = useMemo(() => rowsOf(thread.items, thread, dayOf), [thread]);
  const [folding] = useState(() => new Map<string, boolean>());
  const { scroller, content, list, isAtEnd, isPrepending, news, scrolled, toEnd } = useFollowing(
    thread.first,
    thread.last,
    rows.length,
    () => void server.older(id),
  );

  return (
    <FoldingContext value={folding}>
      <div className="conversation">
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
              {open.hasOlder ? told.loading : thread.last > 0 ? told.beginning : told.empty}
            </p>
            <Virtualizer ref={list} scrollRef={scroller} startMargin={HEAD} shift={isPrepending} data={rows}>
              {(row: Row) => <RowView key={row.key} row={row} around={around} isMarked={false} />}
            </Virtualizer>
            <WritingView writing={open.writing} isWorking={isWorking} isAsking={open.permissions.length > 0} />
            {unsent
              .filter((prompt) => prompt.projectId === id)
              .map((prompt) => (
                <UnsentPrompt key={prompt.promptId} prompt={prompt} />
              ))}
          </div>
        </div>
        {!isAtEnd && (
          <button type="button" className="button newest" onClick={toEnd}>
            ↓ {news > 0 ? told.news(news) : told.newest}
          </button>
        )}
      </div>
    </FoldingContext>
  );
}

/** What the rows are read with. The turn that goes on began behind the last one that ended. */
function useSurroundings(projectId: string, root: string, open: Open, isWorking: boolean): Surroundings {
  const { thread } = open;
  return useMemo(() => {
    const ended = thread.items.findLast((item) => item.kind === "ended" || item.kind === "failed");
    const since = ended?.seq ?? 0;
    return { projectId, root, found: thread, isLive: (seq) => isWorking && seq > since };
  }, [projectId, root, thread, isWorking]);
}

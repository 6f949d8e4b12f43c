import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { useServer } from "../context";
import type { Conversation as Open } from "../state/state";
import { useKnown } from "../state/store";
import { words } from "../words";
import "../styles/conversation.css";
import { ItemView } from "./ItemView";
import { UnsentPrompt } from "./UnsentPrompt";
import { WritingView } from "./WritingView";

/** Pixels from an end at which it counts as reached. */
const NEAR = 80;
/** Pixels before the first loaded item at which what came before is asked for. */
const AHEAD = 1500;

/** What was said, in a window that draws only what is seen; it follows the newest until the person scrolls away. */
export function Conversation({ id, open }: { id: string; open: Open }) {
  const server = useServer();
  const unsent = useKnown((state) => state.unsent).filter((prompt) => prompt.projectId === id);
  const list = useRef<VirtualizerHandle>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const { items, first } = open.thread;
  const [isAtEnd, setAtEnd] = useState(true);
  const [before, setBefore] = useState(first);
  // virtua keeps the place while items are put in front, if it is told in the same drawing.
  const isPrepending = first < before;

  useLayoutEffect(() => setBefore(first), [first]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (isAtEnd && element) element.scrollTop = element.scrollHeight;
  });

  useEffect(() => {
    const element = scroller.current;
    if (element && element.scrollTop < AHEAD) void server.older(id);
  }, [server, id]);

  function scrolled() {
    const element = scroller.current;
    if (element === null) return;
    setAtEnd(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR);
    if (element.scrollTop < AHEAD) void server.older(id);
  }

  return (
    <div className="conversation">
      <div className="scroll" ref={scroller} onScroll={scrolled} role="log" aria-label={words.conversation.empty}>
        <p className="entry entry-end">{open.hasOlder ? words.conversation.loading : words.conversation.beginning}</p>
        <Virtualizer ref={list} scrollRef={scroller} shift={isPrepending}>
          {items.map((item) => (
            <div key={item.key} className="entry">
              <ItemView item={item} thread={open.thread} />
            </div>
          ))}
        </Virtualizer>
        <WritingView writing={open.writing} />
        {unsent.map((prompt) => (
          <UnsentPrompt key={prompt.promptId} prompt={prompt} />
        ))}
      </div>
      {!isAtEnd && (
        <button type="button" className="button newest" onClick={() => setAtEnd(true)}>
          ↓ {words.conversation.newest}
        </button>
      )}
    </div>
  );
}

import type { Writing } from "../state/writing";
import { words } from "../words";

/** What the agent is saying this moment. */
export function WritingView({ writing }: { writing: Writing }) {
  const told = words.conversation;
  return (
    <>
      {writing.blocks.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only added at the end
        <div key={index} className="entry" aria-live="off">
          {block.kind === "tool" ? told.preparing(block.name) : block.text}
        </div>
      ))}
      {writing.doing && (
        <p className="entry faint">{writing.doing === "compacting" ? told.compacting : told.retrying}</p>
      )}
    </>
  );
}

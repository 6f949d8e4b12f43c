import { memo, useDeferredValue } from "react";
import { harmless } from "../../state/harmless";
import type { Block, Writing } from "../../state/writing";
import { words } from "../../words";
import { Markdown } from "./Markdown";
import { Thought } from "./Thought";

/** What the agent is saying this moment. `isWorking`: a turn goes on, also where nothing is said; `isAsking`: it waits. */
export function WritingView(props: { writing: Writing; isWorking: boolean; isAsking: boolean }) {
  const { writing, isWorking, isAsking } = props;
  const told = words.conversation;
  const doing = { compacting: told.compacting, retrying: told.retrying }[writing.doing] ?? "";
  return (
    <>
      {writing.blocks.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only added at the end
        <div key={index} className="entry writing">
          <BlockView block={block} />
        </div>
      ))}
      {isWorking && !isAsking && (
        <p className="entry working">
          <span className="beat" aria-hidden="true" />
          {doing || (writing.blocks.length === 0 ? told.working : "")}
        </p>
      )}
    </>
  );
}

const BlockView = memo(function BlockView(props: { block: Block }) {
  // What a person does goes first: where drawing takes long, pieces are drawn together.
  const block = useDeferredValue(props.block);
  switch (block.kind) {
    case "text":
      return <Markdown text={block.text} />;
    case "thinking":
      return <Thought id="now" text={block.text} isNow />;
    case "tool":
      return <p className="faint">{harmless(words.conversation.preparing(block.name))}</p>;
  }
});

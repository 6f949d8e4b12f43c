import { memo } from "react";
import type { Progress } from "../../state/calls";
import type { Findings, Item } from "../../state/findings";
import { harmless, printed } from "../../state/harmless";
import { words } from "../../words";
import { CallCard } from "./CallCard";
import { FailureView } from "./FailureView";
import { Markdown } from "./Markdown";
import { Printed } from "./Printed";
import { PromptView } from "./PromptView";
import { Thought } from "./Thought";

/** What an item is read with: what was found by id, the project's directory, and how far the agent is. */
export interface Surroundings {
  projectId: string;
  root: string;
  found: Findings;
  progress: Progress;
}

/** One thing that was said or happened. */
export const ItemView = memo(function ItemView({ item, around }: { item: Item; around: Surroundings }) {
  const told = words.conversation;
  switch (item.kind) {
    case "prompt":
      return <PromptView projectId={around.projectId} text={item.text} by={item.by} attachments={item.attachments} />;
    case "begun": {
      const waited = around.found.prompts[item.executionId];
      return waited?.queued ? (
        <PromptView
          projectId={around.projectId}
          text={waited.prompt}
          by={waited.by.name}
          attachments={waited.attachments ?? []}
        />
      ) : null;
    }
    case "text":
      return <Markdown text={item.text} />;
    case "thought":
      return <Thought id={item.key} text={item.text} />;
    case "call":
      return <CallCard call={item} around={around} />;
    case "notice":
      return <NoticeView item={item} />;
    case "answered":
      return (
        <p className="notice">
          {harmless(item.answer.behavior === "allow" ? told.allowedBy(item.answer.by) : told.deniedBy(item.answer.by))}
        </p>
      );
    case "ended":
      return <EndedView item={item} />;
    case "failed":
      return <FailureView item={item} around={around} />;
  }
});

/** Something that happened beside the talk. */
function NoticeView({ item }: { item: Extract<Item, { kind: "notice" }> }) {
  const told = words.conversation.notices[item.text] ?? harmless(item.text);
  const isLong = item.detail.includes("\n") || item.detail.length > 200;
  return (
    <div className={`notice ${item.tone}`}>
      <p>
        {told}
        {item.detail && !isLong && `: ${printed(item.detail)}`}
      </p>
      {isLong && <Printed id={item.key} label={told} text={item.detail} />}
    </div>
  );
}

/** How a turn ended, how long it took and what it cost. */
function EndedView({ item }: { item: Extract<Item, { kind: "ended" }> }) {
  const told = words.conversation;
  const parts = [
    told.ended[item.outcome] ?? item.outcome,
    item.seconds === null ? "" : told.seconds(item.seconds),
    item.cost ? told.cost(item.cost) : "",
    item.tokens ? told.tokens(item.tokens) : "",
  ];
  return <p className={`ended ${item.outcome || "done"}`}>{parts.filter(Boolean).join(" · ")}</p>;
}

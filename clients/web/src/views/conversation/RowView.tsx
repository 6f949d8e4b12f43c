import { memo } from "react";
import { callState } from "../../state/calls";
import type { Item } from "../../state/findings";
import type { Row } from "../../state/rows";
import { headlineOf } from "../../state/tools";
import { words } from "../../words";
import { SoughtContext, useFolding } from "./folding";
import { ItemView, type Surroundings } from "./ItemView";

/** One row of the conversation, with the line of its day where that begins, and its time for who points at it. */
export const RowView = memo(function RowView(props: { row: Row; around: Surroundings; isMarked: boolean }) {
  const { row, around, isMarked } = props;
  const first = row.items[0];
  return (
    <div className={isMarked ? "entry marked" : "entry"} data-seq={row.seq}>
      {row.day !== null && <h2 className="day">{words.conversation.day(row.at)}</h2>}
      <time dateTime={row.at}>{words.conversation.time(row.at)}</time>
      <SoughtContext value={isMarked}>
        {row.items.length > 1 ? (
          <Run id={row.key} items={row.items} around={around} />
        ) : (
          first !== undefined && <ItemView item={first} around={around} />
        )}
      </SoughtContext>
    </div>
  );
});

/** Several calls that only look, in one line: how many of each, and what the last one looks at while it does. */
function Run({ id, items, around }: { id: string; items: readonly Item[]; around: Surroundings }) {
  const [isOpen, open] = useFolding(`${id} run`);
  const calls = items.filter((item) => item.kind === "call");
  const counts = new Map<string, number>();
  for (const call of calls) {
    const { title } = headlineOf(call.name, call.input, around.root);
    counts.set(title, (counts.get(title) ?? 0) + 1);
  }
  const states = calls.map((call) => callState(call, around.found, around.progress));
  const failed = states.filter((state) => state.status === "failed" || state.status === "denied").length;
  const working = calls.findLast((_, at) => states[at]?.status === "running" || states[at]?.status === "waiting");
  return (
    <details
      className={working === undefined ? "call run done" : "call run running"}
      open={isOpen}
      onToggle={(event) => {
        if (event.currentTarget.open !== isOpen) open(event.currentTarget.open);
      }}
    >
      <summary>
        <span className="sign" aria-hidden="true">
          {working === undefined ? "✓" : ""}
        </span>
        <span className="headline">
          <b>{[...counts].map(([title, count]) => words.conversation.run(title, count)).join(", ")}</b>{" "}
          <span className="subject">
            {working !== undefined && headlineOf(working.name, working.input, around.root).subject}
          </span>
        </span>
        <span className="outcome">{failed > 0 && words.conversation.failures(failed)}</span>
      </summary>
      {isOpen && (
        <div className="inner">
          {items.map((item) => (
            <ItemView key={item.key} item={item} around={around} />
          ))}
        </div>
      )}
    </details>
  );
}

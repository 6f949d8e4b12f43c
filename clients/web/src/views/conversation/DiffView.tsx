import { useMemo } from "react";
import type { Json } from "../../protocol/agent";
import { type Diff, diffOf, type Line } from "../../state/diff";
import { words } from "../../words";
import { useFolding } from "./folding";

/** Lines of a diff that are shown where nobody has asked for all of them. */
const SHOWN_LINES = 40;
const NAMES = { "+": words.conversation.added, "-": words.conversation.removed, " ": "" };

/** What an edit changes. `isAll`: nothing is folded, as before it is allowed. Made for a chunk of its own. */
export default function DiffView(props: { id: string; name: string; input: Json; details: Json; isAll?: boolean }) {
  const { id, name, input, details, isAll = false } = props;
  const diff = useMemo(() => diffOf(name, input, details), [name, input, details]);
  return diff === null ? null : <DiffLines id={id} diff={diff} isAll={isAll} />;
}

export function DiffLines({ id, diff, isAll }: { id: string; diff: Diff; isAll: boolean }) {
  const [isOpen, open] = useFolding(`${id} diff`);
  const total = diff.hunks.reduce((sum, hunk) => sum + hunk.length, 0);
  const isLong = !isAll && total > SHOWN_LINES + 8;
  let room = isLong && !isOpen ? SHOWN_LINES : Number.POSITIVE_INFINITY;
  return (
    <div className="diff">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <div className="lines" tabIndex={0}>
        {diff.hunks.map((hunk, index) => {
          const shown = hunk.slice(0, Math.max(0, room));
          room -= shown.length;
          if (shown.length === 0) return null;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: hunks have no names
            <div key={index} className="hunk">
              {shown.map((line, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: lines have no names
                <DiffLine key={at} line={line} />
              ))}
            </div>
          );
        })}
      </div>
      {isLong && (
        <button type="button" className="button bare more" aria-expanded={isOpen} onClick={() => open(!isOpen)}>
          {isOpen ? words.conversation.less : words.conversation.all(total)}
        </button>
      )}
      {diff.left > 0 && <p className="faint small">{words.conversation.more(diff.left)}</p>}
    </div>
  );
}

function DiffLine({ line }: { line: Line }) {
  const kind = { "+": "added", "-": "removed", " ": "" }[line.sign];
  return (
    <div className={`line ${kind}`}>
      <span className="number" aria-hidden="true">
        {line.number ?? ""}
      </span>
      {kind ? (
        <span className="change" role="img" aria-label={NAMES[line.sign]}>
          {line.sign}
        </span>
      ) : (
        <span className="change" />
      )}
      <span className="words">
        {line.pieces.map((piece, index) =>
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no names
          piece.isMarked ? <mark key={index}>{piece.text}</mark> : piece.text,
        )}
      </span>
    </div>
  );
}

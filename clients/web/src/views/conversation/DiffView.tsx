import { useMemo } from "react";
import type { Json } from "../../protocol/agent";
import { coloured, languageOf, type Piece, sizeOf } from "../../state/colours";
import { type Diff, diffOf, type Line } from "../../state/diff";
import { words } from "../../words";
import { useFolding } from "./folding";
import { useHighlighting } from "./useHighlighting";

/** Lines of a diff that are shown where nobody has asked for all of them. */
const SHOWN_LINES = 40;
const NAMES = { "+": words.conversation.added, "-": words.conversation.removed, " ": "" };

/** What an edit changes. `isAll`: nothing is folded, as before it is allowed. Made for a chunk of its own. */
export default function DiffView(props: { id: string; name: string; input: Json; details: Json; isAll?: boolean }) {
  const { id, name, input, details, isAll = false } = props;
  const diff = useMemo(() => diffOf(name, input, details), [name, input, details]);
  return diff === null ? null : <DiffLines id={id} diff={diff} language={languageOf(name, input)} isAll={isAll} />;
}

/** `language`: of the file, as `languageOf` says. */
export function DiffLines(props: { id: string; diff: Diff; language: string; isAll: boolean }) {
  const { id, diff, language, isAll } = props;
  const pieces = useColours(diff, language);
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
                <DiffLine key={at} line={line} pieces={pieces?.[index]?.[at] ?? line.pieces} />
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

/** The pieces of each line in the colours of the language; null as long as there are none. */
function useColours(diff: Diff, language: string) {
  const size = useMemo(() => sizeOf(diff), [diff]);
  const highlight = useHighlighting(language, size);
  return useMemo(() => (highlight === null ? null : coloured(diff, highlight)), [diff, highlight]);
}

function DiffLine({ line, pieces }: { line: Line; pieces: readonly (Piece | Line["pieces"][number])[] }) {
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
        {pieces.map((piece, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no names
          <PieceView key={index} piece={piece} />
        ))}
      </span>
    </div>
  );
}

function PieceView({ piece }: { piece: Piece | Line["pieces"][number] }) {
  if (piece.isMarked) return <mark>{piece.text}</mark>;
  const names = "names" in piece ? piece.names : "";
  return names ? <span className={names}>{piece.text}</span> : piece.text;
}

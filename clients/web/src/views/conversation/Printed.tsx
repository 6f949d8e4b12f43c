import { useMemo } from "react";
import { printed } from "../../state/harmless";
import { words } from "../../words";
import { useFolding } from "./folding";

/** Lines, and characters, of an output that are shown where nobody has asked for all of them. */
const SHOWN_LINES = 16;
const SHOWN_CHARACTERS = 4000;
/** Characters of an output that are drawn at all. */
const MAX_CHARACTERS = 500_000;

/** What a program has printed, or what it is given: as it stands, the end of what is long folded away. */
export function Printed({ id, text, label }: { id: string; text: string; label: string }) {
  const [isOpen, open] = useFolding(`${id} ${label}`);
  const whole = useMemo(() => printed(text.slice(0, MAX_CHARACTERS)).trimEnd(), [text]);
  const lines = useMemo(() => whole.split("\n"), [whole]);
  const isLong = lines.length > SHOWN_LINES + 4 || whole.length > SHOWN_CHARACTERS * 1.25;
  const shown = isLong && !isOpen ? lines.slice(0, SHOWN_LINES).join("\n").slice(0, SHOWN_CHARACTERS) : whole;
  return (
    <section className="printed" aria-label={label}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre tabIndex={0}>{shown}</pre>
      {isLong && (
        <button type="button" className="button bare more" aria-expanded={isOpen} onClick={() => open(!isOpen)}>
          {isOpen ? words.conversation.less : words.conversation.all(lines.length)}
        </button>
      )}
      {text.length > MAX_CHARACTERS && <p className="faint small">{words.conversation.cut}</p>}
    </section>
  );
}

import type { Attached } from "../../protocol/generated";
import { harmless } from "../../state/harmless";
import { words } from "../../words";
import { AttachedFiles } from "./AttachedFiles";
import { useFolding } from "./folding";

/** Lines, and characters, of a prompt that are shown where nobody has asked for all of them. */
const SHOWN_LINES = 20;
const SHOWN_CHARACTERS = 2000;

/** What a person has said. `by`: on which device, said aloud only: it is mostly the same. */
export function PromptView(props: { projectId: string; text: string; by: string; attachments: readonly Attached[] }) {
  const { projectId, text, attachments } = props;
  const by = harmless(props.by);
  const [isOpen, open] = useFolding(text);
  const lines = text.split("\n");
  const isLong = lines.length > SHOWN_LINES + 4 || text.length > SHOWN_CHARACTERS * 1.25;
  const shown = isLong && !isOpen ? `${lines.slice(0, SHOWN_LINES).join("\n").slice(0, SHOWN_CHARACTERS)} …` : text;
  return (
    <article className="prompt" title={by} aria-label={words.conversation.saidBy(by)}>
      <p>{harmless(shown)}</p>
      <AttachedFiles projectId={projectId} attached={attachments} />
      {isLong && (
        <button type="button" className="button bare more" aria-expanded={isOpen} onClick={() => open(!isOpen)}>
          {isOpen ? words.conversation.less : words.conversation.all(lines.length)}
        </button>
      )}
    </article>
  );
}

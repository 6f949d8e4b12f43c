import { harmless } from "../../state/harmless";
import { words } from "../../words";
import { useFolding } from "./folding";

/** What the agent thought, folded; what it is thinking this moment says so. */
export function Thought({ id, text, isNow = false }: { id: string; text: string; isNow?: boolean }) {
  const [isOpen, open] = useFolding(id);
  const told = words.conversation;
  return (
    <details
      className="thought"
      open={isOpen}
      onToggle={(event) => {
        if (event.currentTarget.open !== isOpen) open(event.currentTarget.open);
      }}
    >
      <summary>
        {isNow ? told.thinking : told.thought} <span className="outcome">{told.words(countWords(text))}</span>
      </summary>
      <p className="verbatim">{harmless(text)}</p>
    </details>
  );
}

function countWords(text: string): number {
  return text.split(/\s+/).filter(Boolean).length;
}

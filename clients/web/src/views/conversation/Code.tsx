import { Fragment, memo, type ReactNode } from "react";
import type { Node } from "../../state/colours";
import { words } from "../../words";
import { CopyButton } from "./CopyButton";
import { useFolding } from "./folding";
import { useHighlighting } from "./useHighlighting";

/** Lines of code that are shown where nobody has asked for all of them. */
export const SHOWN_LINES = 24;
/** Lines beyond those at which folding is worth it. */
const WORTH = 6;
/** How deep spans are drawn within one another. */
const MAX_DEPTH = 30;

/** A block of code with its language, a button to copy it, and colours as soon as they are there. */
export const Code = memo(function Code({ text, language }: { text: string; language: string }) {
  const name = /^[\w+#.-]{1,30}/.exec(language)?.[0]?.toLowerCase() ?? "";
  const lines = text.split("\n");
  const isLong = lines.length > SHOWN_LINES + WORTH;
  const [isOpen, open] = useFolding(text);
  const shown = isLong && !isOpen ? lines.slice(0, SHOWN_LINES).join("\n") : text;
  return (
    <figure className="code">
      <figcaption>
        <span>{name}</span>
        <CopyButton text={text} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre tabIndex={0}>
        <code>
          <Coloured text={shown} language={name} />
        </code>
      </pre>
      {isLong && (
        <button type="button" className="button bare more" aria-expanded={isOpen} onClick={() => open(!isOpen)}>
          {isOpen ? words.conversation.less : words.conversation.all(lines.length)}
        </button>
      )}
    </figure>
  );
});

/** A text in the colours of its language; plain until they are loaded, and where it has none. */
export function Coloured({ text, language }: { text: string; language: string }) {
  const highlight = useHighlighting(language, text.length);
  return highlight === null ? text : drawn(highlight(text), 0);
}

function drawn(nodes: readonly Node[], depth: number): ReactNode {
  return nodes.map((node, index) => {
    const children = depth < MAX_DEPTH ? drawn(node.children ?? [], depth + 1) : null;
    const names = node.properties?.className;
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of code have no names
    if (node.type === "text") return <Fragment key={index}>{node.value}</Fragment>;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces of code have no names
      <span key={index} className={Array.isArray(names) ? names.join(" ") : undefined}>
        {children}
      </span>
    );
  });
}

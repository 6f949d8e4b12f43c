import { useEffect, useState } from "react";
import { words } from "../../words";

/** Seconds for which it says that it has copied. */
const SAYS = 2;

/** Puts a text on the clipboard. */
export function CopyButton({ text }: { text: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), SAYS * 1000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  return (
    <button type="button" className="button bare copy" onClick={() => void copy()}>
      {isCopied ? words.conversation.copied : words.conversation.copy}
    </button>
  );
}

import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import "../styles/dialog.css";

/**
 * A question or a form in front of the page. Escape and a tap beside it close it; the focus stays in it, and goes back.
 * `at`: where on the screen it opens, on a wide one; else in the middle, and on a phone from below. `isLarge`: as large as
 * what is in it.
 */
export function Dialog(of: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  at?: DOMRect | null;
  isLarge?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const { at } = of;

  useLayoutEffect(() => {
    const element = dialog.current;
    if (element === null) return;
    element.showModal();
    if (at) {
      const { width, height } = element.getBoundingClientRect();
      element.style.setProperty("--left", `${Math.max(8, Math.min(at.left, window.innerWidth - width - 8))}px`);
      element.style.setProperty("--top", `${Math.max(8, Math.min(at.bottom + 4, window.innerHeight - height - 8))}px`);
    }
    return () => element.close(); // so that the focus goes back to where it was
  }, [at]);

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a tap beside it closes it; by keyboard that is Escape
    <dialog
      ref={dialog}
      className={["dialog", at ? "at" : "", of.isLarge ? "large" : ""].filter(Boolean).join(" ")}
      aria-labelledby={id}
      onClose={() => dialog.current?.open === false && of.onClose()}
      onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
    >
      <div className="body">
        <h2 id={id}>{of.title}</h2>
        {of.children}
      </div>
    </dialog>
  );
}

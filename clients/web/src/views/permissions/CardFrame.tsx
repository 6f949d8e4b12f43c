import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import type { PermissionRequest, ProjectState, Scope } from "../../protocol/generated";
import { words } from "../../words";

/**
 * What every card is given. `whyNot`: why it cannot be answered here and now, null where it can. `isFirst`: it is the
 * oldest, and the one that takes the focus.
 */
export interface CardProps {
  asked: PermissionRequest;
  project: ProjectState;
  scopes: readonly Scope[];
  whyNot: string | null;
  isFirst: boolean;
}

/** Milliseconds after which a card that has come under a person's finger takes a tap. */
const SETTLES = 500;
/** Minutes before its end at which a question says how long it waits. */
const SHORT = 60;

/**
 * A card: its title, what it is about, and how it is answered. A new one is said aloud once, and takes the focus unless
 * the person is writing. `keys`: what a key does while the card itself has the focus.
 */
export function CardFrame(props: {
  card: CardProps;
  title: string;
  children: ReactNode;
  buttons: ReactNode;
  keys?: Readonly<Record<string, () => void>>;
}) {
  const { card, title, children, buttons, keys = {} } = props;
  const mayAnswer = card.whyNot === null;
  const element = useRef<HTMLElement>(null);
  const heading = useId();
  const isSettled = useSettled(card.isFirst);

  useEffect(() => {
    if (card.isFirst && mayAnswer && !isWriting()) element.current?.focus({ preventScroll: true });
  }, [card.isFirst, mayAnswer]);

  function pressed(event: KeyboardEvent) {
    if (event.target !== element.current || event.ctrlKey || event.metaKey || event.altKey || !isSettled) return;
    const does = keys[event.key.toLowerCase()];
    if (does === undefined || !mayAnswer) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  }

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes the focus when it comes
    <article className="card" ref={element} tabIndex={0} aria-labelledby={heading} onKeyDown={pressed}>
      <p className="hidden-label" role="alert">
        {title}
      </p>
      <header>
        <h3 id={heading}>{title}</h3>
        <TimeLeft until={card.asked.expires_at} />
      </header>
      <div className="about">{children}</div>
      {mayAnswer ? (
        <fieldset className="answers" disabled={!isSettled}>
          <legend className="hidden-label">{words.permissions.answer}</legend>
          {buttons}
        </fieldset>
      ) : (
        <p className="faint small">{card.whyNot}</p>
      )}
    </article>
  );
}

/** Whether the person has a field in hand: nothing takes it away. */
function isWriting(): boolean {
  const focused = document.activeElement;
  return focused instanceof HTMLTextAreaElement || focused instanceof HTMLInputElement;
}

/** False for a moment after the card has come to its place, where a tap may have been meant for another. */
function useSettled(isFirst: boolean): boolean {
  const [settled, setSettled] = useState<boolean | null>(null);
  useEffect(() => {
    setSettled(null);
    const timer = setTimeout(() => setSettled(isFirst), SETTLES);
    return () => clearTimeout(timer);
  }, [isFirst]);
  return settled !== null;
}

/** How long the question still waits, where that is not long. */
function TimeLeft({ until }: { until: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  const minutes = Math.ceil((Date.parse(until) - now) / 60_000);
  if (!(minutes < SHORT)) return null;
  return <span className="left small">{words.permissions.left(Math.max(0, minutes))}</span>;
}

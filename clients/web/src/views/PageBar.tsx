import type { ReactNode } from "react";
import { words } from "../words";

/** The head of a page: the way back to the list on a phone, what the page is, and what can be done. */
export function PageBar({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <header className="bar">
      <a className="button bare icon back" href="#/" aria-label={words.back}>
        ‹
      </a>
      <div className="heading">
        <h1>{title}</h1>
      </div>
      {children}
    </header>
  );
}

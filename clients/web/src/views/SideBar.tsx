import type { ReactNode } from "react";
import { useKnown } from "../state/store";
import { words } from "../words";

/** The list of projects, with what leads elsewhere below it: within reach of a thumb. `isAlone`: there is no page beside it. */
export function SideBar({ isAlone, children }: { isAlone: boolean; children: ReactNode }) {
  const connection = useKnown((state) => state.connection.is);
  const Part = isAlone ? "main" : "div";
  return (
    <Part className="side">
      <header className="bar">
        <h1 className="heading">{words.projects.title}</h1>
      </header>
      <nav aria-label={words.projects.title}>{children}</nav>
      <footer className="foot">
        <a className="button grow" href="#/new">
          {words.projects.create}
        </a>
        <a className="button bare" href="#/status">
          <span className={`dot ${connection}`} /> {words.status.title}
        </a>
      </footer>
    </Part>
  );
}

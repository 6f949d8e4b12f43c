import type { ReactNode } from "react";
import { useKnown } from "../state/store";
import { words } from "../words";

/** The list of projects, with what leads elsewhere below it: within reach of a thumb. */
export function SideBar({ children }: { children: ReactNode }) {
  const connection = useKnown((state) => state.connection.is);
  return (
    <div className="side">
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
    </div>
  );
}

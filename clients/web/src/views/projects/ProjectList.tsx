import { useEffect, useState } from "react";
import { listing, MANY } from "../../state/listing";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { FindField } from "../FindField";
import { ProjectRow } from "./ProjectRow";
import "../../styles/projects.css";

/** Seconds between two looks at the clock. */
const CLOCK = 30;
/** All projects with their live state, the one that was at work last first; archived ones folded away. */
export function ProjectList({ current }: { current: string }) {
  const projects = useKnown((state) => state.projects);
  const isListed = useKnown((state) => state.isListed);
  const [wanted, setWanted] = useState("");
  const now = useClock();
  const told = words.projects;
  const all = Object.values(projects);
  const { active, archived } = listing(all, wanted);
  const row = (project: (typeof all)[number]) => (
    <ProjectRow key={project.id} project={project} isCurrent={project.id === current} now={now} />
  );
  return (
    <div className="projects">
      {all.length > MANY && <FindField label={told.search} value={wanted} onChange={setWanted} />}
      {isListed && all.length === 0 && <p className="faint none">{told.none}</p>}
      {all.length > 0 && active.length === 0 && archived.length === 0 && <p className="faint none">{told.noneFound}</p>}
      <ul>{active.map(row)}</ul>
      {archived.length > 0 && (
        <details open={wanted !== ""}>
          <summary>{told.archived(archived.length)}</summary>
          <ul>{archived.map(row)}</ul>
        </details>
      )}
    </div>
  );
}

function useClock(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), CLOCK * 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

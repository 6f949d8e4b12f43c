import type { ProjectState } from "../protocol/generated";
import { useKnown } from "../state/store";
import { words } from "../words";
import "../styles/projects.css";

/** All projects with their live state, the one that was at work last first. */
export function ProjectList({ current }: { current: string }) {
  const projects = useKnown((state) => state.projects);
  const shown = Object.values(projects)
    .filter((project) => !project.archived)
    .toSorted((a, b) => (a.last_active < b.last_active ? 1 : -1));
  return (
    <>
      <header className="bar">
        <div className="heading">
          <h1>{words.projects.title}</h1>
        </div>
        <a className="button bare icon" href="#/new" aria-label={words.projects.create} title={words.projects.create}>
          +
        </a>
      </header>
      {shown.length === 0 && <p className="sheet faint">{words.projects.none}</p>}
      <ul className="projects">
        {shown.map((project) => (
          <li key={project.id}>
            <a
              className="project"
              href={`#/projects/${project.id}`}
              aria-current={project.id === current ? "page" : undefined}
            >
              <span className="name">{project.name}</span>
              <ProjectCondition project={project} />
              <span className="last faint small">{project.path}</span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

/** How a project stands, in a word and a colour. */
export function ProjectCondition({ project }: { project: ProjectState }) {
  const asked = project.pending_permissions;
  const count = typeof asked === "number" ? asked : asked.length;
  if (count > 0) return <span className="state asks">{words.projects.asks(count)}</span>;
  const told = { IDLE: words.projects.idle, EXECUTING: words.projects.executing, ERROR: words.projects.error };
  return <span className={`state ${project.state}`}>{told[project.state]}</span>;
}

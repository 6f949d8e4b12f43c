import type { ProjectState } from "../../protocol/generated";
import { asked } from "../../state/listing";
import { words } from "../../words";

/** How a project stands, in a word and a colour. */
export function ProjectCondition({ project }: { project: ProjectState }) {
  const told = words.projects;
  const count = asked(project);
  if (count > 0) return <span className="state asks">{told.asks(count)}</span>;
  const states = { IDLE: told.idle, EXECUTING: told.executing, ERROR: told.error };
  return <span className={`state ${project.state}`}>{states[project.state]}</span>;
}

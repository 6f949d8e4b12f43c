import { type MouseEvent, memo, useRef } from "react";
import type { ProjectState } from "../../protocol/generated";
import { isNews } from "../../state/seen";
import { useKnown } from "../../state/store";
import { unmarked } from "../../state/unmarked";
import { words } from "../../words";
import { ProjectCondition } from "./ProjectCondition";
import { ProjectMenu } from "./ProjectMenu";

interface Shown {
  project: ProjectState;
  isCurrent: boolean;
  now: number;
}

/** One project in the list: how it stands, what was said last, and whether that is news here. */
export const ProjectRow = memo(function ProjectRow({ project, isCurrent, now }: Shown) {
  const hasNews = useKnown((state) => isNews(state.seen, project)) && !isCurrent;
  const menu = useRef<HTMLButtonElement>(null);
  const told = words.projects;

  function openMenu(event: MouseEvent) {
    event.preventDefault(); // also a long press
    menu.current?.click();
  }

  return (
    <li className="row" onContextMenu={openMenu}>
      <a
        className="project"
        href={`#/projects/${project.id}`}
        title={project.path}
        aria-current={isCurrent ? "page" : undefined}
      >
        <span className="name">
          {hasNews && <span className="news" role="img" aria-label={told.news} />}
          {project.name}
        </span>
        <ProjectCondition project={project} />
        <span className="last faint small">{project.last_words ? unmarked(project.last_words) : project.path}</span>
        <span className="faint small">
          {project.cost_usd ? `${words.dollars(project.cost_usd)} · ` : ""}
          {told.ago((now - Date.parse(project.last_active)) / 1000)}
        </span>
      </a>
      <ProjectMenu project={project} button={menu} />
    </li>
  );
});

import { type Ref, useState } from "react";
import { useServer } from "../../context";
import { send } from "../../link/api";
import type { ProjectState } from "../../protocol/generated";
import { may } from "../../state/device";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { type Choice, Menu } from "../Menu";
import { saw } from "../seen";
import { DeleteProject } from "./DeleteProject";
import { RenameProject } from "./RenameProject";

/** What can be done with a project, behind three dots. */
export function ProjectMenu({ project, button }: { project: ProjectState; button: Ref<HTMLButtonElement> }) {
  const server = useServer();
  const isAdmin = useKnown((state) => may(state, "admin"));
  const [asking, setAsking] = useState<"rename" | "delete" | null>(null);
  const told = words.projects;

  async function archive() {
    try {
      saw(await send<ProjectState>("PATCH", `/projects/${project.id}`, { archived: !project.archived }));
    } catch (error) {
      server.say(error instanceof Error ? error.message : String(error));
    }
  }

  const choices: Choice[] = isAdmin
    ? [
        { label: told.rename, choose: () => setAsking("rename") },
        { label: project.archived ? told.unarchive : told.archive, choose: () => void archive() },
        { label: told.remove, choose: () => setAsking("delete"), isGrave: true },
      ]
    : [];
  const close = () => setAsking(null);
  return (
    <>
      <Menu
        label={told.menu(project.name)}
        choices={choices}
        button={button}
        head={
          <p className="faint small path">
            {project.path}
            {!isAdmin && <br />}
            {!isAdmin && told.notAdmin}
          </p>
        }
      />
      {asking === "rename" && <RenameProject project={project} onClose={close} />}
      {asking === "delete" && <DeleteProject project={project} onClose={close} />}
    </>
  );
}

import { useEffect } from "react";
import { useServer } from "../context";
import { useKnown } from "../state/store";
import { words } from "../words";
import { Composer } from "./Composer";
import { Conversation } from "./conversation/Conversation";
import { Permissions } from "./permissions/Permissions";
import { ProjectCondition } from "./projects/ProjectCondition";

/** One project: what was said, what is asked, and where one answers. `at`: an event that is to be seen. */
export function ProjectPage({ id, at }: { id: string; at: number | null }) {
  const server = useServer();
  const project = useKnown((state) => state.projects[id]);
  const open = useKnown((state) => state.conversations[id]);
  useEffect(() => {
    void server.open(id);
  }, [server, id]);
  return (
    <>
      <header className="bar">
        <a className="button bare icon back" href="#/" aria-label={words.back}>
          ‹
        </a>
        <div className="heading">
          <h1>{project?.name ?? " "}</h1>
        </div>
        {project && <ProjectCondition project={project} />}
      </header>
      {open && <Conversation id={id} open={open} at={at} />}
      {project && open && <Permissions project={project} open={open} />}
      {project && <Composer project={project} />}
    </>
  );
}

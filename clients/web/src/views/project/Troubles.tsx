import { useServer } from "../../context";
import type { ProjectState } from "../../protocol/generated";
import { words } from "../../words";

/** What is wrong with a project: its last execution failed, or it cannot be read. */
export function Troubles({ project, trouble }: { project: ProjectState; trouble: string }) {
  const server = useServer();
  const { error } = project;
  return (
    <>
      {trouble && (
        <p className="trouble" role="alert">
          {trouble}
        </p>
      )}
      {project.state === "ERROR" && error && (
        <div className="trouble" role="alert">
          <span>{error.message}</span>
          <button
            type="button"
            className="button bare"
            onClick={() => void server.ask("error_acknowledge", project.id)}
          >
            {words.project.dismiss}
          </button>
        </div>
      )}
    </>
  );
}

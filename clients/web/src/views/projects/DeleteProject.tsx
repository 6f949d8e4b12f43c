import { send } from "../../link/api";
import type { ProjectState } from "../../protocol/generated";
import { words } from "../../words";
import { useAttempt } from "../attempt";
import { Dialog } from "../Dialog";

/** Asks before a project is deleted, and says what goes and what stays. */
export function DeleteProject({ project, onClose }: { project: ProjectState; onClose: () => void }) {
  const { isBusy, problem, attempt } = useAttempt();
  const told = words.projects;
  const isWorking = project.state === "EXECUTING";
  return (
    <Dialog title={told.removeTitle(project.name)} onClose={onClose}>
      <p>{told.goes}</p>
      <p>
        {told.stays} <code className="path">{project.path}</code>
      </p>
      {isWorking && <p className="problem">{told.works}</p>}
      {problem && <p className="problem">{problem.message}</p>}
      <div className="buttons">
        <button type="button" className="button" onClick={onClose}>
          {words.cancel}
        </button>
        <button
          type="button"
          className="button danger"
          disabled={isBusy || isWorking}
          onClick={() => void attempt(() => send("DELETE", `/projects/${project.id}`))}
        >
          {told.remove}
        </button>
      </div>
    </Dialog>
  );
}

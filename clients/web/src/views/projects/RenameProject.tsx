import { type FormEvent, useState } from "react";
import { send } from "../../link/api";
import type { ProjectState } from "../../protocol/generated";
import { words } from "../../words";
import { useAttempt } from "../attempt";
import { Dialog } from "../Dialog";
import { saw } from "../seen";

/** Give a project another name; its directory keeps its own. */
export function RenameProject({ project, onClose }: { project: ProjectState; onClose: () => void }) {
  const [name, setName] = useState(project.name);
  const { isBusy, problem, attempt } = useAttempt();
  const told = words.projects;

  function rename(event: FormEvent) {
    event.preventDefault();
    void attempt(async () => {
      saw(await send<ProjectState>("PATCH", `/projects/${project.id}`, { name: name.trim() }));
      onClose();
    });
  }

  return (
    <Dialog title={told.rename} onClose={onClose}>
      <form className="form" onSubmit={rename}>
        <label className="field">
          {told.name}
          <input value={name} onChange={(event) => setName(event.target.value)} required maxLength={128} />
        </label>
        {problem && <p className="problem">{problem.message}</p>}
        <div className="buttons">
          <button type="button" className="button" onClick={onClose}>
            {words.cancel}
          </button>
          <button type="submit" className="button primary" disabled={isBusy || !name.trim()}>
            {words.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

import { type FormEvent, useState } from "react";
import { send } from "../../link/api";
import { text } from "../../protocol/agent";
import type { ProjectState, Prospect } from "../../protocol/generated";
import { Refused } from "../../protocol/messages";
import { go } from "../../state/route";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { useAnswer } from "../answer";
import { useAttempt } from "../attempt";

/** Make this directory a project. What in it could run without a question is shown first, and trusted only by a tick. */
export function CreateProject({ path }: { path: string }) {
  const existing = useKnown((state) => Object.values(state.projects).find((one) => one.path === path));
  const { answer: trust } = useAnswer<Prospect>(
    existing ? null : `/directories/trust?${new URLSearchParams({ path })}`,
  );
  const [name, setName] = useState(path.split("/").at(-1) ?? path);
  const [isTrusted, setTrusted] = useState(false);
  const { isBusy, problem, attempt } = useAttempt();
  const told = words.browsing;

  if (existing) {
    return (
      <p className="create">
        {told.already} <a href={`#/projects/${existing.id}`}>{existing.name}</a>
      </p>
    );
  }

  if (trust?.problem) {
    return <p className="create faint">{trust.problem}</p>;
  }

  function create(event: FormEvent) {
    event.preventDefault();
    void attempt(async () => {
      const approved = isTrusted && trust ? { trust: trust.fingerprint } : {};
      const made = await send<ProjectState>("POST", "/projects", { path, name: name.trim(), ...approved });
      go(`#/projects/${made.id}`);
    });
  }

  return (
    <form className="create form" onSubmit={create}>
      <label className="field">
        {words.projects.name}
        <input value={name} onChange={(event) => setName(event.target.value)} required maxLength={128} />
      </label>
      {trust && trust.files.length > 0 && trust.state === "untrusted" && (
        <fieldset className="trust">
          <legend>{told.trust.title}</legend>
          <p className="small">{told.trust.explain}</p>
          <ul className="path small">
            {trust.files.map((file) => (
              <li key={file}>
                <code>{file}</code>
              </li>
            ))}
          </ul>
          {trust.fingerprint ? (
            <label className="tick">
              <input type="checkbox" checked={isTrusted} onChange={(event) => setTrusted(event.target.checked)} />
              {told.trust.approve}
            </label>
          ) : (
            <p className="small">{told.trust.impossible}</p>
          )}
          <p className="faint small">{told.trust.otherwise}</p>
        </fieldset>
      )}
      {problem && <Problem problem={problem} />}
      <button type="submit" className="button primary" disabled={isBusy || !name.trim()}>
        {told.create}
      </button>
    </form>
  );
}

/** Why it was not made; where another project is in the way, the way to that one. */
function Problem({ problem }: { problem: Error }) {
  const id = problem instanceof Refused ? text(problem.details, "project_id") : "";
  return (
    <p className="problem" role="alert">
      {problem.message} {id && <a href={`#/projects/${id}`}>{words.browsing.toIt}</a>}
    </p>
  );
}

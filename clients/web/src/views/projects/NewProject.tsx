import { useEffect, useState } from "react";
import type { Candidate, Candidates } from "../../protocol/generated";
import { may } from "../../state/device";
import { directoryLink } from "../../state/route";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { useAnswer } from "../answer";
import { FindField } from "../FindField";
import { PageBar } from "../PageBar";
import { CreateProject } from "./CreateProject";
import "../../styles/browsing.css";

/** How many directories are easily overseen; beyond it there is a field to find one. */
const MANY = 12;

/** Make a directory of the server's machine a project: look for it in the allowed roots. */
export function NewProject({ path }: { path: string }) {
  const isOnline = useKnown((state) => state.connection.is === "online");
  const isAdmin = useKnown((state) => may(state, "admin"));
  const [isHidden, setHidden] = useState(false);
  const query = new URLSearchParams({ ...(path && { path }), ...(isHidden && { hidden: "true" }) });
  const { answer, problem, again } = useAnswer<Candidates>(
    isAdmin ? `/directories${query.size ? `?${query}` : ""}` : null,
  );
  const roots = useAnswer<Candidates>(isAdmin ? "/directories" : null);
  const told = words.browsing;

  // With one root only there is nothing to choose first.
  const only = answer?.path === null && answer.directories.length === 1 ? answer.directories[0] : undefined;
  useEffect(() => {
    if (only !== undefined) window.location.replace(directoryLink(only.path));
  }, [only]);

  return (
    <>
      <PageBar title={words.projects.create} />
      <div className="sheet browsing">
        {isOnline && !isAdmin && <p className="faint">{words.projects.notAdmin}</p>}
        {!isOnline && <p className="faint">{told.offline}</p>}
        {isAdmin && <Breadcrumbs path={path} roots={roots.answer?.directories.map((one) => one.path) ?? []} />}
        {problem && (
          <div className="problem" role="alert">
            <p>{problem.message}</p>
            {path && (
              <a className="button" href="#/new">
                {told.roots}
              </a>
            )}{" "}
            <button type="button" className="button" onClick={again}>
              {words.again}
            </button>
          </div>
        )}
        {isAdmin && answer && only === undefined && <Directories key={path} found={answer} />}
        {isAdmin && path && (
          <label className="tick small">
            <input type="checkbox" checked={isHidden} onChange={(event) => setHidden(event.target.checked)} />
            {told.hidden}
          </label>
        )}
      </div>
      {isAdmin && path && answer && <CreateProject key={path} path={path} />}
    </>
  );
}

/** Where one looks, and the way back up to the root that it is in. */
function Breadcrumbs({ path, roots }: { path: string; roots: readonly string[] }) {
  const told = words.browsing;
  const root = roots.find((one) => path === one || path.startsWith(one === "/" ? one : `${one}/`));
  const names = path.slice(root === undefined ? 0 : root.length).split("/");
  const steps = names.filter(Boolean).map((name, index, all) => ({
    name,
    path: `${root === "/" ? "" : (root ?? "")}/${all.slice(0, index + 1).join("/")}`,
  }));
  if (root !== undefined) steps.unshift({ name: root, path: root });
  return (
    <nav aria-label={told.where}>
      <ol className="crumbs">
        {roots.length > 1 && <li>{path ? <a href="#/new">{told.roots}</a> : <span>{told.choose}</span>}</li>}
        {steps.map((step) => (
          <li key={step.path}>
            {step.path === path ? (
              <span aria-current="page">{step.name}</span>
            ) : (
              <a href={directoryLink(step.path)}>{step.name}</a>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}

function Directories({ found }: { found: Candidates }) {
  const [wanted, setWanted] = useState("");
  const told = words.browsing;
  const shown = found.directories.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
  return (
    <>
      {found.directories.length > MANY && <FindField label={told.find} value={wanted} onChange={setWanted} />}
      {found.directories.length === 0 && <p className="faint none">{told.empty}</p>}
      <ul className="directories" aria-label={told.inside}>
        {shown.map((one) => (
          <Directory key={one.path} one={one} isRoot={found.path === null} />
        ))}
      </ul>
      {found.truncated && <p className="faint small">{told.truncated}</p>}
    </>
  );
}

/** A directory, and what it is already. */
function Directory({ one, isRoot }: { one: Candidate; isRoot: boolean }) {
  const told = words.browsing;
  return (
    <li>
      <a className="directory" href={directoryLink(one.path)}>
        <span className="name">{isRoot ? one.path : one.name}</span>
        {one.git && <span className="mark">{told.git}</span>}
        {one.nesting && <span className="mark">{told.nesting}</span>}
      </a>
      {one.project_id !== null && (
        <a className="mark" href={`#/projects/${one.project_id}`}>
          {told.isProject}
        </a>
      )}
    </li>
  );
}

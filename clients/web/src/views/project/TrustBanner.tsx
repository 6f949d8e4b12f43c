import { useState } from "react";
import { useServer } from "../../context";
import { keep, kept } from "../../link/local";
import { isJson } from "../../protocol/agent";
import type { ProjectState } from "../../protocol/generated";
import { may } from "../../state/device";
import { harmless } from "../../state/harmless";
import { useKnown } from "../../state/store";
import { relative } from "../../state/tools";
import { words } from "../../words";

/** Where it is kept what a person has left untrusted: by project, what it was. */
const LEFT = "untrusted";

/** A project has files that could run by themselves, and nobody has approved them: which, and what to do about it. */
export function TrustBanner({ project }: { project: ProjectState }) {
  const server = useServer();
  const told = words.project.trust;
  const { state, fingerprint, files } = project.trust;
  const isAdmin = useKnown((known) => may(known, "admin"));
  const [left, setLeft] = useState(() => leftOnes()[project.id]);
  if (state === "trusted" || left === (fingerprint || "none")) return null;

  function leave() {
    const isNow = fingerprint || "none";
    keep(LEFT, { ...leftOnes(), [project.id]: isNow });
    setLeft(isNow);
  }

  return (
    <section className="untrusted" aria-label={told.title}>
      <details>
        <summary>{told.title}</summary>
        <ul>
          {files.map((file) => (
            <li key={file}>
              <code>{harmless(relative(file, project.path))}</code>
            </li>
          ))}
        </ul>
        <p>{fingerprint === "" ? words.browsing.trust.impossible : told.meaning}</p>
      </details>
      <div className="buttons">
        {isAdmin && fingerprint !== "" && (
          <button
            type="button"
            className="button"
            onClick={() => void server.ask("project_trust", project.id, { fingerprint })}
          >
            {told.approve}
          </button>
        )}
        <button type="button" className="button bare" onClick={leave}>
          {told.leave}
        </button>
      </div>
    </section>
  );
}

function leftOnes(): Readonly<Record<string, unknown>> {
  const found = kept(LEFT);
  return isJson(found) ? found : {};
}

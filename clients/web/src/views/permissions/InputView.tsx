import { useMemo } from "react";
import { type Json, text } from "../../protocol/agent";
import type { PermissionRequest } from "../../protocol/generated";
import { languageOf } from "../../state/colours";
import { besides, diffOf } from "../../state/diff";
import { harmless } from "../../state/harmless";
import { Coloured } from "../conversation/Code";
import { DiffLines } from "../conversation/DiffView";

/** The field that the title of a card says already. */
const TITLED = new Set(["file_path", "notebook_path", "url", "query"]);
/** The tools whose title says one. */
const SAYS = new Set(["Edit", "MultiEdit", "NotebookEdit", "Write", "Read", "WebFetch", "WebSearch"]);

/** What a tool would be given, all of it: the command, the diff, and every field besides. */
export function InputView({ asked }: { asked: PermissionRequest }) {
  const { tool_name: name, input, permission_id: id } = asked;
  const diff = useMemo(() => diffOf(name, input, {}), [name, input]);
  const command = name === "Bash" || name === "PowerShell" ? text(input, "command") : "";
  const rest = useMemo(
    () => restOf(name, besides(name, input, diff), command, asked.description ?? ""),
    [name, input, diff, command, asked.description],
  );
  return (
    <>
      {command && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        <pre className="command" tabIndex={0}>
          <Coloured text={harmless(command)} language="bash" />
        </pre>
      )}
      {diff !== null && diff.hunks.length > 0 && (
        <DiffLines id={id} diff={diff} language={languageOf(name, input)} isAll />
      )}
      {Object.keys(rest).length > 0 && (
        <dl className="fields">
          {Object.entries(rest).map(([field, value]) => (
            <div key={field}>
              <dt>{harmless(field)}</dt>
              <dd>
                <pre>{harmless(typeof value === "string" ? value : JSON.stringify(value, null, 2))}</pre>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

/** What is not said elsewhere on the card. */
function restOf(name: string, input: Json, command: string, description: string): Json {
  return Object.fromEntries(
    Object.entries(input).filter(([field, value]) => {
      if (field === "command" && command) return false;
      if (field === "description" && value === description) return false;
      if (field === "replace_all" && value === false) return false; // as every edit is
      return !(SAYS.has(name) && TITLED.has(field));
    }),
  );
}

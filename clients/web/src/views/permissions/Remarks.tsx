import { type Json, text } from "../../protocol/agent";
import type { PermissionRequest } from "../../protocol/generated";
import { harmless } from "../../state/harmless";
import { words } from "../../words";

/** Characters of a remark: nothing that is said about a question may push what would run out of sight. */
const MAX_REMARK = 300;

/** What the agent and its CLI say about a question, beside its `title`. */
export function Remarks({ asked, title }: { asked: PermissionRequest; title: string }) {
  const { request } = asked;
  const told = words.permissions;
  const said = asked.description ?? text(asked.input, "description");
  const reasons = [
    [told.reason, "decision_reason"],
    [told.blocked, "blocked_path"],
    [told.rule, "matched_ask_rule"],
    [told.mcp, "mcp_server"],
  ] as const;
  const isRepeated = said === text(asked.input, "command") || title.includes(said);
  return (
    <>
      {said && !isRepeated && <p className="faint">{cut(said)}</p>}
      {reasons.map(
        ([label, field]) =>
          wordsOf(request, field) && (
            <p key={field} className="small">
              <span className="faint">{label}</span> {cut(wordsOf(request, field))}
            </p>
          ),
      )}
      {text(request, "agent_id") && <p className="small faint">{told.subagent}</p>}
    </>
  );
}

function wordsOf(request: Json, field: string): string {
  const found = request[field];
  if (found === undefined || found === null) return "";
  return typeof found === "string" ? found : JSON.stringify(found);
}

/** A text as one line that is not too long; of a long one the beginning and the end. */
function cut(said: string): string {
  const line = harmless(said).split(/\s+/).join(" ").trim();
  if (line.length <= MAX_REMARK) return line;
  return `${line.slice(0, MAX_REMARK / 2)} … ${line.slice(-MAX_REMARK / 2)}`;
}

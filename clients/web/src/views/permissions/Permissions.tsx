import { lazy, Suspense, useEffect, useRef } from "react";
import { useServer } from "../../context";
import type { Json } from "../../protocol/agent";
import type { PermissionRequest, ProjectState, Scope } from "../../protocol/generated";
import type { Conversation } from "../../state/state";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import "../../styles/permissions.css";
import "../../styles/markdown.css";
import { askedOf } from "../../state/questions";
import { PlanCard } from "./PlanCard";
import { QuestionCard } from "./QuestionCard";

// With what shows an edit, of a chunk of its own: what cannot be seen yet cannot be allowed.
const PermissionCard = lazy(async () => ({ default: (await import("./PermissionCard")).PermissionCard }));

const NO_SCOPES: readonly Scope[] = [];

/** What the agent asks in this project, the oldest first, above the place where one writes. */
export function Permissions({ project, open }: { project: ProjectState; open: Conversation }) {
  const scopes = useKnown((state) =>
    state.connection.is === "online" ? state.connection.established.device.scopes : NO_SCOPES,
  );
  const { permissions } = open;
  useAnsweredElsewhere(open);
  if (permissions.length === 0) return null;
  const waits = scopes === NO_SCOPES ? words.permissions.offline : words.permissions.waits;
  const why = scopes.includes("execute") ? null : waits;
  return (
    <section className="permissions" aria-label={words.permissions.title}>
      {permissions.length > 1 && <h2 className="count">{words.projects.asks(permissions.length)}</h2>}
      {permissions.map((asked, at) => {
        const given = { asked, project, scopes, whyNot: why, isFirst: at === 0 };
        if (asked.tool_name === "AskUserQuestion" && askedOf(asked.input).length > 0) {
          return <QuestionCard key={asked.permission_id} {...given} />;
        }
        if (asked.tool_name === "ExitPlanMode") {
          return <PlanCard key={asked.permission_id} {...given} call={callOf(open, asked)} />;
        }
        return (
          <Suspense key={asked.permission_id} fallback={<p className="faint">{words.conversation.loading}</p>}>
            <PermissionCard {...given} />
          </Suspense>
        );
      })}
    </section>
  );
}

/** What the agent said when it began what it asks about now: newer CLIs leave a plan out of the question. */
function callOf(open: Conversation, asked: PermissionRequest): Json {
  const call = open.thread.items.findLast((item) => item.kind === "call" && item.id === asked.tool_use_id);
  return call?.kind === "call" ? call.input : {};
}

/** Says who has answered what stood here a moment ago, where it was not this device. */
function useAnsweredElsewhere(open: Conversation): void {
  const server = useServer();
  const shown = useRef(open.permissions);
  const own = useKnown((state) => (state.connection.is === "online" ? state.connection.established.device.id : ""));
  const { permissions, thread } = open;
  useEffect(() => {
    const gone = shown.current.filter((one) => !permissions.some((now) => now.permission_id === one.permission_id));
    shown.current = permissions;
    for (const one of gone) {
      const answer = thread.answers[one.permission_id];
      if (answer === undefined || answer.deviceId === own) continue;
      server.say(words.permissions.answered(answer.behavior, answer.by, answer.reason));
    }
  }, [permissions, thread, own, server]);
}

import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { type Json, objects, text } from "../../protocol/agent";
import { type Call, type CallState, callState, isBackground, within } from "../../state/calls";
import type { Result } from "../../state/findings";
import { harmless } from "../../state/harmless";
import { outcomeOf } from "../../state/outcome";
import { headlineOf } from "../../state/tools";
import { words } from "../../words";
import { Coloured } from "./Code";
import { useFolding } from "./folding";
import { ItemView, type Surroundings } from "./ItemView";
import { Markdown } from "./Markdown";
import { Pictures } from "./Pictures";
import { Printed } from "./Printed";
import { Todos } from "./Todos";

const DiffView = lazy(() => import("./DiffView"));

const EDITS = new Set(["Edit", "MultiEdit", "Write", "NotebookEdit"]);
const AGENTS = new Set(["Task", "Agent"]);
/** Whose headline says all of their input. */
const SAID = new Set(["Read", "NotebookRead", "LS", "TodoRead", "TaskList", "TaskGet"]);
/** What is shown unfolded: what a person follows the agent for. */
const OPEN = new Set(["Edit", "MultiEdit", "Write", "NotebookEdit", "TodoWrite", "ExitPlanMode"]);
/** Seconds from which on it is said how long a call took. */
const TELLING = 0.1;

/** A call of a tool: what is done, how it stands, and, unfolded, what went in and what came out. */
export function CallCard({ call, around }: { call: Call; around: Surroundings }) {
  const state = callState(call, around.found, around.progress);
  const { title, subject } = headlineOf(call.name, call.input, around.root);
  const isOver = state.status !== "running" && state.status !== "waiting";
  const [isOpen, open] = useFolding(call.key, isOver && OPEN.has(call.name));
  const isAgentAtWork = AGENTS.has(call.name) && state.status === "running";
  return (
    <details
      className={`call ${state.status}`}
      open={isOpen || isAgentAtWork}
      onToggle={(event) => {
        if (!isAgentAtWork && event.currentTarget.open !== isOpen) open(event.currentTarget.open);
      }}
    >
      <summary>
        <CallSign status={state.status} />
        <span className="headline">
          <b>{title}</b> <span className="subject">{subject}</span>
        </span>
        <CallOutcome call={call} state={state} around={around} />
      </summary>
      {(isOpen || isAgentAtWork) && <CallInside call={call} state={state} around={around} />}
    </details>
  );
}

function CallSign({ status }: { status: CallState["status"] }) {
  const signs = { running: "", waiting: "?", background: "…", done: "✓", failed: "✕", denied: "⊘", lost: "–" };
  return (
    <span className="sign" role="img" aria-label={words.conversation.calls[status]}>
      {signs[status]}
    </span>
  );
}

function CallOutcome({ call, state, around }: { call: Call; state: CallState; around: Surroundings }) {
  const { status, result, seconds } = state;
  const told = words.conversation;
  if (status === "running") return <Elapsed since={state.since} />;
  if (status === "waiting" || status === "background" || status === "lost")
    return <span className="outcome">{told.calls[status]}</span>;
  const inner = (around.found.inner[call.id] ?? []).filter((item) => item.kind === "call").length;
  const came = result === null ? "" : outcomeOf(call.name, call.input, result, status === "denied", inner);
  const denied = status === "denied" ? told.calls.denied : "";
  const took = seconds !== null && seconds >= TELLING && status !== "denied" ? told.seconds(seconds) : "";
  return <span className="outcome">{[denied, came, took].filter(Boolean).join(" · ")}</span>;
}

/** How long it runs already. */
function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.floor((now - since) / 1000);
  return <span className="outcome">{seconds > 0 && words.conversation.wholeSeconds(seconds)}</span>;
}

function CallInside({ call, state, around }: { call: Call; state: CallState; around: Surroundings }) {
  const { result } = state;
  const told = words.conversation;
  const inner = around.found.inner[call.id] ?? [];
  const aroundInner = useMemo(
    () => (state.status === "running" && result !== null ? { ...around, progress: within(around.progress) } : around),
    [state.status, result, around],
  );
  const isEdit = EDITS.has(call.name) && !result?.isError;
  return (
    <div className="inside">
      {isEdit ? (
        <Suspense fallback={null}>
          <DiffView id={call.key} name={call.name} input={call.input} details={result?.details ?? {}} />
        </Suspense>
      ) : (
        <CallInput call={call} />
      )}
      {inner.length > 0 && (
        <div className="inner">
          {inner.map((item) => (
            <ItemView key={item.key} item={item} around={aroundInner} />
          ))}
        </div>
      )}
      {result !== null && !isEdit && !isSilent(call.name, result) && result.text.trim() && (
        <CallOutput call={call} text={result.text} isMarkdown={AGENTS.has(call.name) && !result.isError} />
      )}
      {result !== null && result.images.length > 0 && <Pictures images={result.images} />}
      {state.answer?.behavior === "allow" && <p className="faint small">{harmless(told.allowedBy(state.answer.by))}</p>}
      {state.answer?.behavior === "deny" && <p className="faint small">{harmless(told.deniedBy(state.answer.by))}</p>}
    </div>
  );
}

/** What the CLI says to the model here, a person has seen already, or is not to see. */
function isSilent(name: string, result: Result): boolean {
  if (result.isError) return false;
  return name === "TodoWrite" || name === "ExitPlanMode" || (AGENTS.has(name) && isBackground(result));
}

function CallInput({ call }: { call: Call }) {
  const { name, input } = call;
  const told = words.conversation;
  if (name === "TodoWrite") return <Todos todos={objects(input, "todos")} />;
  if (name === "ExitPlanMode") return <Markdown text={text(input, "plan")} />;
  if (name === "Bash" || name === "PowerShell") {
    return (
      <>
        {text(input, "description") && <p className="faint small">{harmless(text(input, "description"))}</p>}
        <pre className="command">
          <Coloured text={harmless(text(input, "command"))} language="bash" />
        </pre>
      </>
    );
  }
  if (AGENTS.has(name)) return <Printed id={call.key} label={told.input} text={text(input, "prompt")} />;
  if (SAID.has(name) || Object.keys(input).length === 0) return null;
  return <Printed id={call.key} label={told.input} text={asText(input)} />;
}

function CallOutput({ call, text: output, isMarkdown }: { call: Call; text: string; isMarkdown: boolean }) {
  if (isMarkdown) return <Markdown text={output} />;
  return <Printed id={call.key} label={words.conversation.output} text={output} />;
}

/** An input as a person reads it: a field on a line, texts as they are. */
export function asText(input: Json): string {
  return Object.entries(input)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value, null, 2)}`)
    .join("\n");
}

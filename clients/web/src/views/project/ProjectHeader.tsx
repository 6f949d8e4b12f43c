import type { ProjectState } from "../../protocol/generated";
import type { Conversation } from "../../state/state";
import { words } from "../../words";
import type { Wish } from "../composer/Composer";
import { type Choice, Menu } from "../Menu";
import { useNarrow } from "../narrow";
import { PageBar } from "../PageBar";
import { ProjectCondition } from "../projects/ProjectCondition";
import { ContextMeter } from "./ContextMeter";
import { Elapsed } from "./Elapsed";
import { useBegan } from "./useBegan";

/** What project this is, what it does and for how long, how full its context is, and what can be done with it. */
export function ProjectHeader(of: {
  project: ProjectState;
  open: Conversation | undefined;
  mayExecute: boolean;
  onWish: (wish: Wish) => void;
  onSearch: () => void;
}) {
  const { project, open } = of;
  const told = words.project;
  const { cost_usd: cost } = project;
  const isRunning = project.state === "EXECUTING";
  const began = useBegan(project, open);
  const isNarrow = useNarrow();
  const choices: Choice[] = [
    ...(isNarrow ? [{ label: words.search.label, choose: of.onSearch }] : []),
    ...(of.mayExecute ? changes() : []),
  ];

  function changes(): Choice[] {
    return isRunning
      ? [{ label: told.kill, choose: () => of.onWish("kill"), isGrave: true }]
      : [{ label: told.newConversation, choose: () => of.onWish("new") }];
  }

  return (
    <PageBar title={project.name}>
      <span className="standing">
        <ProjectCondition project={project} />
        {isRunning && began && <Elapsed since={began} />}
      </span>
      {cost > 0 && (
        <span className="cost faint small" title={told.costTitle}>
          {words.conversation.cost(cost)}
        </span>
      )}
      <ContextMeter context={open?.context ?? null} cost={open?.context?.cost_usd ?? null} />
      {!isNarrow && (
        <button type="button" className="button bare icon" aria-label={words.search.label} onClick={of.onSearch}>
          <Magnifier />
        </button>
      )}
      {choices.length > 0 && (
        <Menu label={told.menu} choices={choices} head={<p className="faint small path">{project.path}</p>} />
      )}
    </PageBar>
  );
}

function Magnifier() {
  return (
    <svg
      width="18"
      height="18"
      viewBox="0 0 18 18"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      aria-hidden="true"
    >
      <circle cx="7.5" cy="7.5" r="5" />
      <path d="m11.5 11.5 4.5 4.5" strokeLinecap="round" />
    </svg>
  );
}

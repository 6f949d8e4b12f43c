import type { ProjectState } from "../../protocol/generated";
import type { Conversation } from "../../state/state";
import { words } from "../../words";
import type { Wish } from "../composer/Composer";
import { type Choice, Menu } from "../Menu";
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
}) {
  const { project, open } = of;
  const told = words.project;
  const { cost_usd: cost } = project;
  const isRunning = project.state === "EXECUTING";
  const began = useBegan(project, open);
  const choices: Choice[] = [
    ...(isRunning ? [] : [{ label: told.newConversation, choose: () => of.onWish("new") }]),
    ...(isRunning ? [{ label: told.kill, choose: () => of.onWish("kill"), isGrave: true }] : []),
  ];
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
      {of.mayExecute && (
        <Menu label={told.menu} choices={choices} head={<p className="faint small path">{project.path}</p>} />
      )}
    </PageBar>
  );
}

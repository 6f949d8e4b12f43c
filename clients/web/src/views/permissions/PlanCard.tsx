import { useState } from "react";
import { type Json, text } from "../../protocol/agent";
import type { PermissionMode, PermissionUpdate } from "../../protocol/generated";
import { words } from "../../words";
import { Markdown } from "../conversation/Markdown";
import { CardFrame, type CardProps } from "./CardFrame";
import { Denial } from "./Denial";
import { useAnswer } from "./useAnswer";

/** The agent has planned: shall it go on, and how much may it do then without asking? `call`: the input of its call. */
export function PlanCard(card: CardProps & { call: Json }) {
  const { asked, project } = card;
  const told = words.permissions;
  const [isRefusing, setRefusing] = useState(false);
  const answer = useAnswer(project.id, asked.permission_id);
  const plan = text(asked.input, "plan") || text(card.call, "plan");
  const go = (mode: PermissionMode) => {
    const update = { type: "setMode", destination: "session", mode } as PermissionUpdate;
    answer({ behavior: "allow", updated_permissions: [update] });
  };
  const back = () => setRefusing(false);
  return (
    <CardFrame
      card={card}
      title={told.plan}
      keys={
        isRefusing
          ? { escape: back }
          : { y: () => go("default"), a: () => go("acceptEdits"), n: () => setRefusing(true) }
      }
      buttons={
        isRefusing ? (
          <Denial label={told.whatInstead} yes={told.keepPlanning} back={back} answer={answer} />
        ) : (
          <>
            <button type="button" className="button primary" onClick={() => go("default")}>
              {told.goOn}
            </button>
            <button type="button" className="button" onClick={() => go("acceptEdits")}>
              {told.goOnEdits}
            </button>
            <button type="button" className="button" onClick={() => setRefusing(true)}>
              {told.keepPlanning}
            </button>
          </>
        )
      }
    >
      {plan.trim() ? <Markdown text={plan} /> : <p className="faint">{told.noPlan}</p>}
    </CardFrame>
  );
}

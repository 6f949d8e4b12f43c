import { useMemo, useState } from "react";
import { type Json, text } from "../../protocol/agent";
import type { PermissionUpdate } from "../../protocol/generated";
import { harmless } from "../../state/harmless";
import { edited, editOf } from "../../state/inputs";
import { offersOf } from "../../state/offers";
import { relative } from "../../state/tools";
import { words } from "../../words";
import { CardFrame, type CardProps } from "./CardFrame";
import { Denial } from "./Denial";
import { InputEditor } from "./InputEditor";
import { InputView } from "./InputView";
import { Remarks } from "./Remarks";
import { useAnswer } from "./useAnswer";

type Step = "asked" | "denying" | "editing" | "offers";

/** May the agent use this tool, in this way? */
export function PermissionCard(card: CardProps) {
  const { asked, project, scopes } = card;
  const told = words.permissions;
  const [step, setStep] = useState<Step>("asked");
  const answer = useAnswer(project.id, asked.permission_id);
  const mayRule = asked.request.suppress_always_allow_rule !== true;
  const offers = useMemo(
    () => offersOf(asked.suggestions, project.path, scopes, mayRule),
    [asked.suggestions, project.path, scopes, mayRule],
  );
  const title = titleOf(asked.tool_name, asked.display_name, asked.input, project.path);
  const edit = useMemo(() => editOf(asked.tool_name, asked.input), [asked]);

  const allow = (input?: Json) =>
    answer({ behavior: "allow", ...(input === undefined ? {} : { updated_input: input }) });
  const grant = (update: PermissionUpdate) => answer({ behavior: "allow", updated_permissions: [update] });
  const back = () => setStep("asked");

  const buttons = {
    asked: (
      <>
        <button type="button" className="button primary" onClick={() => allow()}>
          {told.allow}
        </button>
        {offers.length > 0 && (
          <button type="button" className="button" onClick={() => setStep("offers")}>
            {told.always}
          </button>
        )}
        {edit !== null && (
          <button type="button" className="button" onClick={() => setStep("editing")}>
            {told.edit}
          </button>
        )}
        <button type="button" className="button danger" onClick={() => setStep("denying")}>
          {told.deny}
        </button>
      </>
    ),
    offers: (
      <div className="offers">
        <p>{told.offers}</p>
        {offers.map((offer) => (
          <button key={offer.words} type="button" className="button offer" onClick={() => grant(offer.update)}>
            {offer.words}
          </button>
        ))}
        <button type="button" className="button bare" onClick={back}>
          {words.back}
        </button>
      </div>
    ),
    denying: <Denial label={told.why} back={back} answer={answer} />,
    editing: edit !== null && (
      <InputEditor edit={edit} back={back} allow={allow} changed={(said) => edited(asked.input, edit, said)} />
    ),
  };

  return (
    <CardFrame
      card={card}
      title={title}
      keys={
        step === "asked"
          ? {
              y: () => allow(),
              n: () => setStep("denying"),
              ...(edit === null ? {} : { e: () => setStep("editing") }),
              ...(offers.length === 0 ? {} : { a: () => setStep("offers") }),
            }
          : { escape: back }
      }
      buttons={buttons[step]}
    >
      <Remarks asked={asked} title={title} />
      <InputView asked={asked} />
    </CardFrame>
  );
}

const ASKS: Readonly<Record<string, readonly [string, string]>> = {
  Bash: ["run", ""],
  Edit: ["edit", "file_path"],
  MultiEdit: ["edit", "file_path"],
  NotebookEdit: ["edit", "notebook_path"],
  Write: ["write", "file_path"],
  Read: ["read", "file_path"],
  WebFetch: ["fetch", "url"],
  WebSearch: ["search", "query"],
};

/** What is asked, of the tools that everybody knows in a sentence. */
function titleOf(name: string, shown: string | null, input: Json, root: string): string {
  const known = Object.hasOwn(ASKS, name) ? ASKS[name] : undefined;
  const asks = known === undefined ? undefined : words.permissions.asks[known[0]];
  const subject = known?.[1] ? relative(text(input, known[1]), root) : "";
  if (asks !== undefined && known !== undefined && (subject || !known[1])) return harmless(asks(subject));
  return harmless(words.permissions.uses(name, shown !== null && shown !== name ? shown : ""));
}

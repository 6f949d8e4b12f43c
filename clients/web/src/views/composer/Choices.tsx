import { useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { useServer } from "../../context";
import type { ProjectState } from "../../protocol/generated";
import { modelsOf } from "../../state/completion";
import { agentOf, modesOf } from "../../state/device";
import { MODES, UNCHOSEN } from "../../state/prompts";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { Dialog } from "../Dialog";

/** How the prompts of this project are run: which model answers, and how much the agent asks. */
export function Choices({ project }: { project: ProjectState }) {
  const server = useServer();
  const choice = useKnown((state) => state.choices[project.id]) ?? UNCHOSEN;
  const works = useKnown((state) => state.conversations[project.id]?.thread.carry);
  const agent = useKnown((state) => agentOf(state, project.id));
  const modes = useKnown(useShallow((state) => modesOf(state)));
  const told = words.choices;

  const models = modelsOf(agent?.models ?? null);
  const runsOn = models.find((one) => works?.model && one.resolved === works.model && one.value !== "default")?.name;
  const model = models.find((one) => one.value === choice.model)?.name ?? choice.model ?? runsOn;
  const runs = MODES.find((mode) => mode === works?.mode);
  const mode = choice.mode ?? runs;
  return (
    <>
      <Picker
        title={told.model}
        shown={model ?? told.model}
        now={choice.model}
        offered={[
          { value: null, label: told.unchosen, detail: told.unchosenDetail },
          ...models.map(({ value, name, detail }) => ({ value, label: name, detail })),
        ]}
        note={models.length === 0 ? told.noModels : ""}
        choose={(value) => server.choose(project.id, { ...choice, model: value })}
      />
      <Picker
        title={told.mode}
        shown={mode ? words.modes[mode].name : told.unknownMode}
        isGrave={mode === "bypassPermissions"}
        now={choice.mode}
        offered={[
          { value: null, label: told.unchosen, detail: told.unchosenDetail },
          ...modes.map((one) => ({
            value: one,
            label: words.modes[one].name,
            detail: words.modes[one].detail,
            isGrave: one === "bypassPermissions",
          })),
        ]}
        note=""
        choose={(value) => server.choose(project.id, { ...choice, mode: value })}
      />
    </>
  );
}

interface Offer<T> {
  value: T | null;
  label: string;
  detail: string;
  isGrave?: boolean;
}

/** A chip that says what is chosen, and a list of what can be. */
function Picker<T extends string>(of: {
  title: string;
  shown: string;
  now: T | null;
  offered: readonly Offer<T>[];
  note: string;
  isGrave?: boolean;
  choose: (value: T | null) => void;
}) {
  const [at, setAt] = useState<DOMRect | null>(null);
  return (
    <>
      <button
        type="button"
        className={of.isGrave ? "chip grave" : "chip"}
        aria-haspopup="dialog"
        aria-label={`${of.title}: ${of.shown}`}
        title={of.title}
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      >
        <span>{of.shown}</span>
      </button>
      {at && (
        <Dialog title={of.title} at={at} onClose={() => setAt(null)}>
          {of.note && <p className="faint small">{of.note}</p>}
          <ul className="kinds">
            {of.offered.map(({ value, label, detail, isGrave }) => (
              <li key={label}>
                <button
                  type="button"
                  className={isGrave ? "offer grave" : "offer"}
                  aria-pressed={value === of.now}
                  onClick={() => {
                    setAt(null);
                    of.choose(value);
                  }}
                >
                  {label}
                  <span className="detail faint small">{detail}</span>
                </button>
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </>
  );
}

import { type KeyboardEvent, useId, useState } from "react";
import { listing } from "../../state/listing";
import { go } from "../../state/route";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { Dialog } from "../Dialog";
import { ProjectCondition } from "../projects/ProjectCondition";

/** Projects that are offered at once. */
const MAX_OFFERED = 12;

/** Goes to a project by a part of its name. The one where one was before is the first, so Enter goes back to it. */
export function Switcher({ current, onClose }: { current: string; onClose: () => void }) {
  const projects = useKnown((state) => state.projects);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const told = words.shortcuts;
  const { active, archived } = listing(Object.values(projects), query);
  const others = [...active, ...archived].filter((one) => one.id !== current);
  const offered = others.slice(0, MAX_OFFERED);
  const chosen = Math.min(at, offered.length - 1);

  function choose(id: string) {
    onClose();
    go(`#/projects/${id}`);
  }

  function key(event: KeyboardEvent) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const one = offered[chosen];
    if (step !== 0 && offered.length > 0) setAt((chosen + step + offered.length) % offered.length);
    else if (event.key === "Enter" && one) choose(one.id);
    else return;
    event.preventDefault();
  }

  return (
    <Dialog title={told.switch} onClose={onClose}>
      <input
        className="find"
        role="combobox"
        aria-label={words.projects.search}
        aria-expanded={offered.length > 0}
        aria-controls={list}
        aria-activedescendant={offered.length > 0 ? `${list}-${chosen}` : undefined}
        placeholder={words.projects.search}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setAt(0);
        }}
        onKeyDown={key}
        autoFocus
      />
      <div className="switcher" id={list} role="listbox" aria-label={words.projects.title}>
        {offered.map((project, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's
          <div
            key={project.id}
            id={`${list}-${index}`}
            className="suggestion"
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onClick={() => choose(project.id)}
          >
            <span className="what">{project.name}</span>
            <ProjectCondition project={project} />
          </div>
        ))}
        {offered.length === 0 && <p className="faint small">{told.nothing}</p>}
      </div>
    </Dialog>
  );
}

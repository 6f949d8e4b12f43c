import { useEffect, useRef } from "react";
import type { Suggestion } from "../../state/completion";

/** What fits what is being typed; the text field keeps the focus (a combobox's list). */
export function Suggestions(of: {
  id: string;
  label: string;
  all: readonly Suggestion[];
  current: number;
  take: (one: Suggestion) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  const { current } = of;
  useEffect(() => {
    list.current?.children[current]?.scrollIntoView({ block: "nearest" });
  }, [current]);
  return (
    <div className="suggestions" id={of.id} role="listbox" aria-label={of.label} ref={list} tabIndex={-1}>
      {of.all.map((one, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the text field's
        <div
          key={one.key}
          id={optionId(of.id, index)}
          className="suggestion"
          role="option"
          tabIndex={-1}
          aria-selected={index === current}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => of.take(one)}
        >
          <span className="what">{one.label}</span>
          {one.detail && <span className="detail faint small">{one.detail}</span>}
        </div>
      ))}
    </div>
  );
}

export function optionId(list: string, index: number): string {
  return `${list}-${index}`;
}

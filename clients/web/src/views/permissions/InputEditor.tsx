import { type FormEvent, useState } from "react";
import type { Json } from "../../protocol/agent";
import type { Edit } from "../../state/inputs";
import { words } from "../../words";
import { onEscape } from "../escape";

/** Changes what a tool is given before it is allowed. `changed`: the whole input of what was written, null if it is none. */
export function InputEditor(props: {
  edit: Edit;
  changed: (written: string) => Json | null;
  allow: (input: Json) => void;
  back: () => void;
}) {
  const { edit, changed, allow, back } = props;
  const told = words.permissions;
  const [written, setWritten] = useState(edit.text);
  const [problem, setProblem] = useState("");

  function submit(event: FormEvent) {
    event.preventDefault();
    const input = changed(written);
    if (input !== null) allow(input);
    else setProblem(edit.field === null ? told.noObject : told.noCommand);
  }

  return (
    <form className="entry-form" onSubmit={submit}>
      <label className="field">
        {told.fields[edit.field ?? ""] ?? told.fields[""]}
        <textarea
          className="code-field"
          rows={Math.min(12, Math.max(2, written.split("\n").length))}
          value={written}
          spellCheck={false}
          autoCapitalize="off"
          autoCorrect="off"
          // biome-ignore lint/a11y/noAutofocus: the person has just asked for it
          autoFocus
          aria-invalid={problem !== ""}
          onChange={(event) => setWritten(event.target.value)}
          onKeyDown={(event) => onEscape(event, back)}
        />
      </label>
      {problem && (
        <p className="problem small" role="alert">
          {problem}
        </p>
      )}
      <div className="buttons">
        <button type="submit" className="button primary">
          {told.allowChanged}
        </button>
        <button type="button" className="button bare" onClick={back}>
          {words.back}
        </button>
      </div>
    </form>
  );
}

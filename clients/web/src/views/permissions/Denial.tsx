import { type FormEvent, useState } from "react";
import type { PermissionAnswer } from "../../link/server";
import { words } from "../../words";
import { onEscape } from "../escape";

/** Says no, with a reason that the agent reads, if there is one; and ends the turn, if that is wanted. */
export function Denial(props: {
  label: string;
  back: () => void;
  answer: (answer: PermissionAnswer) => void;
  yes?: string;
}) {
  const { label, back, answer, yes = words.permissions.deny } = props;
  const [reason, setReason] = useState("");
  const deny = (interrupt: boolean) => answer({ behavior: "deny", message: reason.trim(), interrupt });
  function submit(event: FormEvent) {
    event.preventDefault();
    deny(false);
  }
  return (
    <form className="entry-form" onSubmit={submit}>
      <label className="field">
        {label}
        <textarea
          rows={2}
          value={reason}
          // biome-ignore lint/a11y/noAutofocus: the person has just asked for it
          autoFocus
          onChange={(event) => setReason(event.target.value)}
          onKeyDown={(event) => {
            onEscape(event, back);
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) deny(false);
          }}
        />
      </label>
      <div className="buttons">
        <button type="submit" className="button danger">
          {yes}
        </button>
        <button type="button" className="button danger" onClick={() => deny(true)}>
          {words.permissions.stop}
        </button>
        <button type="button" className="button bare" onClick={back}>
          {words.back}
        </button>
      </div>
    </form>
  );
}

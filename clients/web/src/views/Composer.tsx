import { type FormEvent, type KeyboardEvent, useState } from "react";
import { useServer } from "../context";
import type { ProjectState } from "../protocol/generated";
import { words } from "../words";
import "../styles/composer.css";

/** Where a person writes what is to be done. */
export function Composer({ project }: { project: ProjectState }) {
  const server = useServer();
  const told = words.composer;
  const [text, setText] = useState("");

  function send(event?: FormEvent) {
    event?.preventDefault();
    if (!text.trim()) return;
    void server.prompt(project.id, text, {});
    setText("");
  }

  function key(event: KeyboardEvent) {
    const isFine = window.matchMedia("(pointer: fine)").matches;
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing && isFine) {
      event.preventDefault();
      send();
    }
  }

  return (
    <footer className="composer">
      <form onSubmit={send}>
        <textarea
          rows={1}
          aria-label={told.label}
          placeholder={told.placeholder}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={key}
        />
        {project.state === "EXECUTING" && (
          <button type="button" className="button" onClick={() => void server.ask("agent_interrupt", project.id)}>
            {told.interrupt}
          </button>
        )}
        <button type="submit" className="button primary" disabled={!text.trim()}>
          {told.send}
        </button>
      </form>
    </footer>
  );
}

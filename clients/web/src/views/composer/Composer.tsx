import { type FormEvent, type KeyboardEvent, useId, useLayoutEffect, useRef, useState } from "react";
import { useServer } from "../../context";
import type { ProjectState } from "../../protocol/generated";
import { ACCEPTED } from "../../state/attaching";
import { completed, modelsOf, ownCommand, type Suggestion, tokenAt } from "../../state/completion";
import { agentOf } from "../../state/device";
import { asked, BLANK, MODES, optionsOf, UNCHOSEN } from "../../state/prompts";
import type { Conversation } from "../../state/state";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import "../../styles/composer.css";
import { Icon } from "../Icon";
import type { Stopping } from "../project/useStopping";
import { Attachments } from "./Attachments";
import { Choices } from "./Choices";
import { COMPOSER } from "./focusing";
import { Queue } from "./Queue";
import { StopButton } from "./StopButton";
import { optionId, Suggestions } from "./Suggestions";
import { useAttaching } from "./useAttaching";
import { useDictation } from "./useDictation";
import { useDropping } from "./useDropping";
import { useSuggestions } from "./useSuggestions";

/** What a person may wish besides a prompt. */
export type Wish = "new" | "kill" | "search";

/** Where a person writes what is to be done. */
export function Composer(of: {
  project: ProjectState;
  open: Conversation;
  stopping: Stopping;
  onWish: (wish: Wish) => void;
}) {
  const { project, open, stopping } = of;
  const server = useServer();
  const told = words.composer;
  const list = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const draft = useKnown((state) => state.drafts[project.id]) ?? BLANK;
  const choice = useKnown((state) => state.choices[project.id]) ?? UNCHOSEN;
  const device = useKnown((state) => (state.connection.is === "online" ? state.connection.established.device : null));
  const agent = useKnown((state) => agentOf(state, project.id));
  const { text } = draft;
  const [cursor, setCursor] = useState(text.length);
  const [current, setCurrent] = useState(0);
  // A draft that was kept offers nothing before somebody goes on with it.
  const [isDismissed, setDismissed] = useState(true);
  const attaching = useAttaching(project.id, draft.attachments);
  const isOver = useDropping((dropped) => void attaching.add(dropped));
  const dictation = useDictation(insert, (why) => server.say(told.deaf(why)));

  const token = isDismissed ? null : tokenAt(text, cursor);
  const suggestions = useSuggestions(project, token);
  const isOffering = suggestions.length > 0;
  const chosen = Math.min(current, suggestions.length - 1);
  const isBusy = attaching.sending.some((one) => !one.problem);
  const isEmpty = text.trim() === "";
  const isRunning = project.state === "EXECUTING";

  useGrowing(field, text);

  function write(next: string, at: number) {
    server.draft(project.id, { ...draft, text: next });
    place(at);
  }

  /** Put the cursor somewhere, once the text is drawn. */
  function place(at: number) {
    setCursor(at);
    requestAnimationFrame(() => field.current?.setSelectionRange(at, at));
  }

  function insert(spoken: string) {
    const at = field.current?.selectionStart ?? text.length;
    const gap = at > 0 && !/\s$/.test(text.slice(0, at)) ? " " : "";
    write(text.slice(0, at) + gap + spoken + text.slice(at), at + gap.length + spoken.length);
  }

  function take(one: Suggestion) {
    if (token === null) return;
    const next = completed(text, token, one);
    setCurrent(0);
    const isComplete = token.kind === "model" || token.kind === "mode" || !hasArgument(one.key);
    if (isComplete && obey(next.words)) return;
    write(next.words, next.cursor);
    field.current?.focus();
  }

  /** Carry out a command of ours; whether it was one. */
  function obey(said: string): boolean {
    const own = ownCommand(said);
    if (own === null) return false;
    const { name, argument } = own;
    if (name === "model") {
      const models = modelsOf(agent?.models ?? null);
      server.choose(project.id, {
        ...choice,
        model: models.find((one) => one.value === argument)?.value ?? (argument || null),
      });
    } else if (name === "mode") {
      const mode = MODES.find((one) => one === argument);
      if (argument && mode === undefined) return false;
      server.choose(project.id, { ...choice, mode: mode ?? null });
    } else if (name === "stop") {
      stopping.interrupt();
    } else {
      of.onWish(name);
    }
    server.draft(project.id, { ...draft, text: "" });
    return true;
  }

  function send(event?: FormEvent) {
    event?.preventDefault();
    if (isEmpty || isBusy || obey(text)) return;
    void server.prompt(project.id, text, optionsOf(choice), draft.attachments);
    server.draft(project.id, BLANK);
    attaching.tidy();
    setCursor(0);
  }

  function key(event: KeyboardEvent) {
    if (isComposing(event)) return;
    if (isOffering && offered(event)) event.preventDefault();
    else if (event.key === "Enter" && isSending(event)) {
      event.preventDefault();
      send();
    } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && recalled(event.key === "ArrowUp" ? -1 : 1)) {
      event.preventDefault();
    }
  }

  /** The keys of the list of what fits; whether this was one. */
  function offered(event: KeyboardEvent): boolean {
    const one = suggestions[chosen];
    switch (event.key) {
      case "ArrowDown":
        setCurrent((chosen + 1) % suggestions.length);
        return true;
      case "ArrowUp":
        setCurrent((chosen - 1 + suggestions.length) % suggestions.length);
        return true;
      case "Escape":
        setDismissed(true);
        event.stopPropagation();
        return true;
      case "Tab":
      case "Enter":
        if (event.shiftKey || event.ctrlKey || event.metaKey || one === undefined) return false;
        if (event.key === "Enter" && one.insert === text.trim() && token?.kind === "command") return false;
        take(one);
        return true;
      default:
        return false;
    }
  }

  /** Up and down go through what was asked here before, from an empty composer on; whether they did. */
  function recalled(step: number): boolean {
    const before = asked(open.thread.prompts, device?.id ?? null);
    const at = isEmpty ? before.length : before.indexOf(text);
    if (at < 0 || (step > 0 && isEmpty)) return false;
    const next = before[at + step] ?? (step > 0 ? "" : undefined);
    if (next === undefined) return false;
    setDismissed(true);
    write(next, next.length);
    return true;
  }

  if (device !== null && !device.scopes.includes("execute")) {
    return <footer className="composer readonly faint small">{told.readOnly}</footer>;
  }
  return (
    <footer className="composer">
      <Queue project={project} open={open} />
      <form onSubmit={send} className={isOver ? "box over" : "box"}>
        {isOver && <p className="drop">{words.attaching.drop}</p>}
        <Attachments projectId={project.id} draft={draft} sending={attaching.sending} drop={attaching.drop} />
        <textarea
          ref={field}
          id={COMPOSER}
          rows={1}
          aria-label={told.label}
          aria-controls={isOffering ? list : undefined}
          aria-activedescendant={isOffering ? optionId(list, chosen) : undefined}
          aria-autocomplete="list"
          placeholder={isRunning ? told.placeholderRunning : told.placeholder}
          value={text}
          onChange={(event) => {
            setDismissed(false);
            setCurrent(0);
            setCursor(event.target.selectionStart);
            server.draft(project.id, { ...draft, text: event.target.value });
          }}
          onSelect={(event) => setCursor(event.currentTarget.selectionStart)}
          onBlur={() => setDismissed(true)}
          onKeyDown={key}
          onPaste={(event) => {
            if (event.clipboardData.files.length === 0) return;
            event.preventDefault();
            void attaching.add(event.clipboardData.files);
          }}
        />
        {dictation.heard && <p className="heard faint">{dictation.heard}</p>}
        <p className="hidden-label" role="status">
          {isOffering && told.offered(suggestions.length)}
        </p>
        {isOffering && (
          <Suggestions id={list} label={told.suggestions} all={suggestions} current={chosen} take={take} />
        )}
        <div className="tools">
          <button
            type="button"
            className="button bare icon"
            aria-label={words.attaching.add}
            title={device === null ? words.attaching.offline : words.attaching.add}
            disabled={device === null}
            onClick={() => files.current?.click()}
          >
            <Icon name="attach" />
          </button>
          <input
            ref={files}
            type="file"
            multiple
            hidden
            accept={ACCEPTED}
            onChange={(event) => {
              void attaching.add([...(event.target.files ?? [])]);
              event.target.value = "";
            }}
          />
          {dictation.toggle && (
            <button
              type="button"
              className={dictation.isListening ? "button bare icon listening" : "button bare icon"}
              aria-label={told.dictate}
              aria-pressed={dictation.isListening}
              title={dictation.isListening ? told.listening : told.dictate}
              onClick={dictation.toggle}
            >
              <Icon name="voice" />
            </button>
          )}
          <Choices project={project} />
          <span className="grow" />
          {isRunning && <StopButton stopping={stopping} onKill={() => of.onWish("kill")} />}
          <button
            type="submit"
            className="button round primary"
            aria-label={told.send}
            title={isRunning ? told.sendWaits : told.send}
            disabled={isEmpty || isBusy}
          >
            <Icon name="send" />
          </button>
        </div>
      </form>
    </footer>
  );
}

/** Whether the key belongs to an input method. Safari tells so of the Enter that ends it by its code alone. */
function isComposing({ nativeEvent }: KeyboardEvent): boolean {
  return nativeEvent.isComposing || nativeEvent.keyCode === 229;
}

function hasArgument(command: string): boolean {
  return command === "model" || command === "mode";
}

/** Enter sends where there is a keyboard; on a touch screen it is a line, as everywhere there. With Ctrl it always sends. */
function isSending(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey) return true;
  return !event.shiftKey && !event.altKey && window.matchMedia("(pointer: fine)").matches;
}

/** The field is as high as its text, where the browser does not do that by itself (styles/composer.css). */
function useGrowing(field: { current: HTMLTextAreaElement | null }, text: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text is another height
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null || CSS.supports("field-sizing", "content")) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [field, text]);
}

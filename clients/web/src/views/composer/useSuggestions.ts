import { useEffect, useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { get } from "../../link/api";
import type { ProjectState } from "../../protocol/generated";
import { commandsOf, fitting, modelsOf, OWN, type Suggestion, type Token } from "../../state/completion";
import { agentOf, modesOf } from "../../state/device";
import { useKnown } from "../../state/store";
import { words } from "../../words";

/** Milliseconds of rest in typing after which the server is asked for files. */
const REST = 120;
/** Files that are asked for. */
const MAX_FILES = 20;

/** What fits the word at the cursor. */
export function useSuggestions(project: ProjectState, token: Token | null): readonly Suggestion[] {
  const agent = useKnown((state) => agentOf(state, project.id));
  const modes = useKnown(useShallow((state) => modesOf(state)));
  const files = useFiles(project.id, token?.kind === "file" ? token.query : null);
  if (token === null) return [];
  const { kind, query } = token;
  if (kind === "file") return files;
  if (kind === "model") {
    const models = modelsOf(agent?.models ?? null);
    return fitting(
      models.map(({ value, detail }) => choice(value, detail)),
      query,
    );
  }
  if (kind === "mode") {
    return fitting(
      modes.map((mode) => choice(mode, words.modes[mode].detail)),
      query,
    );
  }
  const own = OWN.map((name) => command(name, words.commands[name]));
  const theirs = commandsOf(agent?.commands ?? null).filter(({ name }) => !OWN.some((one) => one === name));
  return fitting([...own, ...theirs.map(({ name, detail, argument }) => command(name, detail, argument))], query);
}

function choice(value: string, detail: string): Suggestion {
  return { key: value, label: value, detail, insert: value, isWhole: true };
}

function command(name: string, detail: string, argument = ""): Suggestion {
  const told = [argument, detail].filter(Boolean).join(" · ");
  return { key: name, label: `/${name}`, detail: told, insert: `/${name}`, isWhole: true };
}

/** Files of the project by a part of their names; the answer to what was typed last is the one that counts. */
function useFiles(id: string, query: string | null): readonly Suggestion[] {
  const isOnline = useKnown((state) => state.connection.is === "online");
  const [found, setFound] = useState<readonly Suggestion[]>([]);
  useEffect(() => {
    if (query === null || !isOnline) {
      setFound([]);
      return;
    }
    let isWanted = true;
    const timer = setTimeout(async () => {
      try {
        const answer = await get<Files>(`/projects/${id}/files?query=${encodeURIComponent(query)}&limit=${MAX_FILES}`);
        if (isWanted) setFound(answer.files.map(file));
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        if (isWanted) setFound([]); // a suggestion that is not there is no trouble to speak of
      }
    }, REST);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [id, query, isOnline]);
  return found;
}

interface Files {
  files: readonly { path: string; directory: boolean }[];
}

function file({ path, directory }: Files["files"][number]): Suggestion {
  const shown = directory ? `${path.replace(/\/$/, "")}/` : path;
  return { key: path, label: shown, detail: "", insert: `@${shown}`, isWhole: !directory };
}

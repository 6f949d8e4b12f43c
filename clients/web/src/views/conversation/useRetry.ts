import { useRef } from "react";
import { useServer } from "../../context";
import type { ClientMessage, Entry } from "../../protocol/generated";
import { optionsOf, UNCHOSEN } from "../../state/prompts";
import { useKnown } from "../../state/store";
import { words } from "../../words";

/** Prompts of the journal that are looked through for the one that failed. */
const LOOKED_THROUGH = 50;

/** Sends the prompt of an execution again, once, with what is chosen now; where it is not loaded, it is asked for. */
export function useRetry(projectId: string, executionId: string): () => void {
  const server = useServer();
  const prompts = useKnown((state) => state.conversations[projectId]?.thread.prompts);
  const choice = useKnown((state) => state.choices[projectId]) ?? UNCHOSEN;
  const isSent = useRef(false);

  async function asked(): Promise<ClientMessage | undefined> {
    const answer = await server.ask("get_messages", projectId, { types: ["client_message"], limit: LOOKED_THROUGH });
    const found = (answer?.messages ?? []) as readonly Entry[];
    return found
      .map((entry) => entry.message as unknown as ClientMessage)
      .find((prompt) => prompt.execution_id === executionId);
  }

  async function retry() {
    if (isSent.current) return;
    isSent.current = true;
    const prompt = prompts?.[executionId] ?? (await asked());
    if (prompt === undefined) {
      isSent.current = false;
      server.say(words.conversation.noPrompt);
    } else await server.prompt(projectId, prompt.prompt, optionsOf(choice), prompt.attachments ?? []);
  }

  return () => void retry();
}

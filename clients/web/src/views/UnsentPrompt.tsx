import { useServer } from "../context";
import type { Unsent } from "../state/prompts";
import { words } from "../words";
import { focusComposer } from "./composer/focusing";
import { AttachedFiles } from "./conversation/AttachedFiles";

/** A prompt that the server has not confirmed yet, or has refused. */
export function UnsentPrompt({ prompt }: { prompt: Unsent }) {
  const server = useServer();
  const told = words.conversation;

  async function edit() {
    await server.discard(prompt.promptId);
    server.putBack(prompt.projectId, { text: prompt.prompt, attachments: prompt.attachments });
    focusComposer();
  }

  return (
    <div className="entry">
      <div className="prompt">
        <p>{prompt.prompt}</p>
        <AttachedFiles projectId={prompt.projectId} attached={prompt.attachments} />
      </div>
      {prompt.problem ? (
        <div className="small" role="alert">
          <span className="problem">{prompt.problem}</span>
          <button type="button" className="button bare" onClick={() => void server.resend(prompt.promptId)}>
            {told.resend}
          </button>
          <button type="button" className="button bare" onClick={() => void edit()}>
            {words.composer.edit}
          </button>
          <button type="button" className="button bare" onClick={() => void server.discard(prompt.promptId)}>
            {told.discard}
          </button>
        </div>
      ) : (
        <p className="faint small">{told.unsent}</p>
      )}
    </div>
  );
}

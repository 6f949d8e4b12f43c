import { type Json, text } from "../../protocol/agent";
import { harmless } from "../../state/harmless";
import { words } from "../../words";

const SIGNS = { completed: "☑", in_progress: "◐", pending: "☐" };

/** The agent's own list of what is to be done. */
export function Todos({ todos }: { todos: readonly Json[] }) {
  return (
    <ul className="todos">
      {todos.map((todo, index) => {
        const status = statusOf(todo);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: todos have no names
          <li key={index} className={status}>
            <span role="img" aria-label={words.conversation.todos[status]}>
              {SIGNS[status]}
            </span>{" "}
            {harmless((status === "in_progress" && text(todo, "activeForm")) || text(todo, "content"))}
          </li>
        );
      })}
    </ul>
  );
}

function statusOf(todo: Json): keyof typeof SIGNS {
  const status = text(todo, "status");
  return status === "completed" || status === "in_progress" ? status : "pending";
}

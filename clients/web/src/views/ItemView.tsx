import type { Findings, Item } from "../state/reading";
import { words } from "../words";

/** One thing that was said or happened. */
export function ItemView({ item, thread }: { item: Item; thread: Findings }) {
  const told = words.conversation;
  switch (item.kind) {
    case "prompt":
      return <div className="prompt">{item.text}</div>;
    case "begun": {
      const waited = thread.prompts[item.executionId];
      return waited?.queued ? <div className="prompt">{waited.prompt}</div> : null;
    }
    case "text":
      return <div>{item.text}</div>;
    case "thought":
      return (
        <details className="faint">
          <summary>{told.thought}</summary>
          {item.text}
        </details>
      );
    case "call":
      return (
        <div>
          {item.name} <pre>{JSON.stringify(item.input)}</pre>
          <pre>{thread.results[item.id]?.text}</pre>
        </div>
      );
    case "notice":
      return (
        <p className="faint">
          {told.notices[item.text] ?? item.text} {item.detail}
        </p>
      );
    case "answered":
      return (
        <p className="faint">
          {item.behavior} {item.by}
        </p>
      );
    case "ended":
      return (
        <p className="faint small">
          {told.ended[item.outcome]} {item.seconds !== null && told.seconds(item.seconds)}
        </p>
      );
    case "failed":
      return <p className="problem">{item.message}</p>;
  }
}

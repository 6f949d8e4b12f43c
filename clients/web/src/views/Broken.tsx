import { Component, type ReactNode } from "react";
import { words } from "../words";

/** Where a view fails by a mistake of ours, it says so, and the rest of the client goes on. */
export class Broken extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <div className="sheet" role="alert">
        <h2>{words.broken.title}</h2>
        <p>{words.broken.explain}</p>
        <pre className="path small">{error.stack ?? error.message}</pre>
        <button type="button" className="button primary" onClick={() => window.location.reload()}>
          {words.reload}
        </button>
      </div>
    );
  }
}

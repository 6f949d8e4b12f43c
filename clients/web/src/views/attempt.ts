import { useState } from "react";

/** Do one thing at a time for the person, and keep what went wrong, for the view to show it in its place. */
export function useAttempt() {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);
  async function attempt(what: () => Promise<unknown>): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      await what();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return { isBusy, problem, attempt };
}

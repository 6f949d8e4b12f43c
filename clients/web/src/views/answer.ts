import { useCallback, useEffect, useState } from "react";
import { get } from "../link/api";

/** What the server answers to a GET of `path`, as long as the view asks for it; null asks nothing. `again` asks anew. */
export function useAnswer<T>(path: string | null) {
  const [found, setFound] = useState<{ path: string; answer: T } | null>(null);
  const [problem, setProblem] = useState<Error | null>(null);
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another turn is another question
  useEffect(() => {
    if (path === null) return;
    let isWanted = true;
    setProblem(null);
    get<T>(path).then(
      (answer) => isWanted && setFound({ path, answer }),
      (error) => isWanted && setProblem(error instanceof Error ? error : new Error(String(error))),
    );
    return () => {
      isWanted = false;
    };
  }, [path, turn]);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  return { answer: found !== null && found.path === path ? found.answer : null, problem, again };
}

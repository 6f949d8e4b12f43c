import { useEffect, useState } from "react";
import { useServer } from "../../context";
import type { HealthStatus } from "../../protocol/generated";
import { words } from "../../words";
import { Card } from "./Card";

/** Whether the server is well, and what is wrong where it is not. */
export function Health() {
  const server = useServer();
  const [health, setHealth] = useState<HealthStatus | null>(null);
  const [turn, setTurn] = useState(0);
  const told = words.status.health;

  // biome-ignore lint/correctness/useExhaustiveDependencies: another turn is another question
  useEffect(() => {
    let isWanted = true;
    void server.ask("health_check", null).then((answer) => {
      if (isWanted && answer !== null) setHealth(answer as unknown as HealthStatus);
    });
    return () => {
      isWanted = false;
    };
  }, [server, turn]);

  return (
    <Card title={told.title}>
      <ul className="checks" aria-busy={health === null}>
        {Object.entries(health?.checks ?? {}).map(([name, found]) => (
          <li key={name}>
            <span className={`state ${found.status}`}>{told.conditions[found.status]}</span>
            <span>
              {told.checks[name] ?? name} <span className="faint">{found.detail}</span>
              {found.reason && <span className="small"> {found.reason}</span>}
            </span>
          </li>
        ))}
      </ul>
      <button type="button" className="button" onClick={() => setTurn(turn + 1)}>
        {told.again}
      </button>
    </Card>
  );
}

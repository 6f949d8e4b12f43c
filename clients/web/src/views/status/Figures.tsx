import { useEffect } from "react";
import { useServer } from "../../context";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { Card, Facts } from "./Card";

/** Figures of the server, told every few seconds while somebody looks. */
export function Figures() {
  const server = useServer();
  const stats = useKnown((state) => state.stats);
  const told = words.status.figures;
  useEffect(() => {
    void server.ask("server_stats", null, { subscribe: true });
    return () => void server.ask("server_stats", null, { subscribe: false });
  }, [server]);
  return (
    <Card title={told.title}>
      <Facts
        of={[
          [told.uptime, stats ? words.lasts(stats.uptime) : "…"],
          [told.working, stats ? `${stats.projects.executing ?? 0}` : "…"],
          [told.queued, stats ? `${stats.queued}` : "…"],
          [told.connections, stats ? `${stats.connections}` : "…"],
          [told.memory, stats ? words.bytes(stats.memory_bytes) : "…"],
          [told.journals, stats ? words.bytes(stats.journal_bytes) : "…"],
          [told.delay, stats ? `${stats.reactor_delay_ms.toFixed(1)} ms` : "…"],
        ]}
      />
    </Card>
  );
}

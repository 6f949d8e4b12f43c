import { useKnown } from "../../state/store";
import { words } from "../../words";
import { Card, Facts } from "./Card";

/** The connection, and who this device is to the server. */
export function ConnectionCard() {
  const connection = useKnown((state) => state.connection);
  const told = words.status.connection;
  if (connection.is !== "online") {
    return (
      <Card title={told.title}>
        <p>
          <span className="state asks">{told.not}</span>
        </p>
        <p className="faint small">{told.kept}</p>
      </Card>
    );
  }
  const { established, since } = connection;
  const scope = (["admin", "execute", "read"] as const).find((one) => established.device.scopes.includes(one));
  return (
    <Card title={told.title}>
      <Facts
        of={[
          [told.server, window.location.host],
          [told.since, words.time(since)],
          [told.version, established.server_version],
          [told.device, `${established.device.name}: ${scope ? words.scopes[scope] : ""}`],
        ]}
      />
    </Card>
  );
}

import { useState } from "react";
import { useServer } from "../../context";
import type { DeviceList, DeviceState } from "../../protocol/generated";
import { may } from "../../state/device";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { useAnswer } from "../answer";
import { type Choice, Menu } from "../Menu";
import { Card } from "./Card";
import { EndDevice, RenameDevice, RevokeDevice } from "./DeviceDialogs";

/** Who may use the server; a device without `admin` sees itself. */
export function Devices() {
  const isAdmin = useKnown((state) => may(state, "admin"));
  const own = useKnown((state) => (state.connection.is === "online" ? state.connection.established.device.id : ""));
  const all = useAnswer<DeviceList>(isAdmin ? "/devices" : null);
  const one = useAnswer<DeviceState>(isAdmin ? null : `/devices/${own}`);
  const told = words.status.devices;
  const problem = all.problem ?? one.problem;
  const devices = isAdmin ? (all.answer?.devices ?? []) : one.answer ? [one.answer] : [];
  const again = isAdmin ? all.again : one.again;
  return (
    <Card title={isAdmin ? told.title : told.own} isWide={isAdmin}>
      {problem && <p className="problem">{problem.message}</p>}
      <ul className="devices">
        {devices.map((device) => (
          <Device key={device.id} device={device} isOwn={device.id === own} isAdmin={isAdmin} changed={again} />
        ))}
      </ul>
    </Card>
  );
}

interface Shown {
  device: DeviceState;
  isOwn: boolean;
  isAdmin: boolean;
  changed: () => void;
}

function Device({ device, isOwn, isAdmin, changed }: Shown) {
  const server = useServer();
  const [asking, setAsking] = useState<"rename" | "end" | "revoke" | null>(null);
  const told = words.status.devices;
  const seen =
    device.connections > 0 ? told.here : device.last_seen ? told.seen(words.time(device.last_seen)) : told.never;
  const choices: Choice[] = [{ label: told.rename, choose: () => setAsking("rename") }];
  if (isAdmin && !device.over) choices.push({ label: told.end, choose: () => setAsking("end") });
  if (isAdmin && !isOwn) choices.push({ label: told.revoke, choose: () => setAsking("revoke"), isGrave: true });

  function close(isChanged: boolean) {
    setAsking(null);
    if (isChanged) changed();
  }

  return (
    <li>
      <div>
        <span className="name">
          {device.name} {isOwn && <span className="mark">{told.this}</span>}
        </span>
        <span className="faint small">
          {words.scopes[device.scope]} · {seen}
          {device.over && <span className="problem"> · {told.over}</span>}
          {!device.over && device.expires_at && ` · ${told.until(words.time(device.expires_at))}`}
        </span>
      </div>
      <Menu label={told.menu(device.name)} choices={choices} />
      {asking === "rename" && <RenameDevice device={device} onClose={close} />}
      {asking === "end" && <EndDevice device={device} onClose={close} />}
      {asking === "revoke" && (
        <RevokeDevice
          device={device}
          onClose={(isChanged) => {
            close(isChanged);
            if (isChanged) server.say(told.revoked(device.name));
          }}
        />
      )}
    </li>
  );
}

import { type FormEvent, type ReactNode, useState } from "react";
import { send } from "../../link/api";
import type { DeviceState } from "../../protocol/generated";
import { Refused } from "../../protocol/messages";
import { words } from "../../words";
import { useAttempt } from "../attempt";
import { Dialog } from "../Dialog";

interface Asking {
  device: DeviceState;
  /** Whether something was changed. */
  onClose: (isChanged: boolean) => void;
}

/** Days after which a device may end, counted from now; 0 for never. */
const SPANS = [1, 7, 30, 90, 365, 0] as const;

export function RenameDevice({ device, onClose }: Asking) {
  const [name, setName] = useState(device.name);
  const told = words.status.devices;
  return (
    <Change
      title={told.rename}
      device={device}
      onClose={onClose}
      does={words.save}
      change={() => send("PATCH", `/devices/${device.id}`, { name: name.trim() })}
    >
      <label className="field">
        {words.projects.name}
        <input value={name} onChange={(event) => setName(event.target.value)} required maxLength={64} />
      </label>
    </Change>
  );
}

export function EndDevice({ device, onClose }: Asking) {
  const [days, setDays] = useState<number>(30);
  const told = words.status.devices;
  return (
    <Change
      title={told.end}
      device={device}
      onClose={onClose}
      does={words.save}
      change={(isLast) => {
        const end = days === 0 ? null : new Date(Date.now() + days * 86_400_000).toISOString();
        return send("PATCH", `/devices/${device.id}`, { expires_at: end, ...(isLast && { last_admin: true }) });
      }}
    >
      <label className="field">
        {told.endAfter}
        <select value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {SPANS.map((one) => (
            <option key={one} value={one}>
              {told.span(one)}
            </option>
          ))}
        </select>
      </label>
    </Change>
  );
}

export function RevokeDevice({ device, onClose }: Asking) {
  const told = words.status.devices;
  return (
    <Change
      title={told.revokeTitle(device.name)}
      device={device}
      onClose={onClose}
      does={told.revoke}
      isGrave
      change={(isLast) => send("DELETE", `/devices/${device.id}${isLast ? "?last_admin=true" : ""}`)}
    >
      <p>{told.revokeExplain}</p>
    </Change>
  );
}

interface Changing extends Asking {
  title: string;
  does: string;
  isGrave?: boolean;
  /** `isLast`: the person knows that no other device is left that may do everything. */
  change: (isLast: boolean) => Promise<unknown>;
  children: ReactNode;
}

/** A change of a device. Of the last one that may do everything the server wants to hear it twice, and so the person does. */
function Change({ title, onClose, does, isGrave = false, change, children }: Changing) {
  const [isLast, setLast] = useState(false);
  const { isBusy, problem, attempt } = useAttempt();
  const isAsked = problem instanceof Refused && problem.details.needed === "last_admin";

  function submit(event: FormEvent) {
    event.preventDefault();
    void attempt(async () => {
      await change(isLast);
      onClose(true);
    });
  }

  return (
    <Dialog title={title} onClose={() => onClose(false)}>
      <form className="form" onSubmit={submit}>
        {children}
        {problem && <p className="problem">{problem.message}</p>}
        {(isAsked || isLast) && (
          <label className="tick">
            <input type="checkbox" checked={isLast} onChange={(event) => setLast(event.target.checked)} />
            {words.status.devices.last}
          </label>
        )}
        <div className="buttons">
          <button type="button" className="button" onClick={() => onClose(false)}>
            {words.cancel}
          </button>
          <button type="submit" className={isGrave ? "button danger" : "button primary"} disabled={isBusy}>
            {does}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

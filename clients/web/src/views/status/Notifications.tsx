import { useCallback, useEffect, useState } from "react";
import { keptRules, OCCASIONS, type PushStanding, pushOff, pushOn, pushStanding, type Rules } from "../../link/push";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { useAttempt } from "../attempt";
import { Card } from "./Card";

/** Seconds from which on an execution is told. */
const SECONDS = [0, 10, 60, 300, 1800] as const;

/** Whether this device is told what happens while nobody looks, and of what; where that cannot be, why. */
export function Notifications() {
  const worker = useKnown((state) => state.shell.worker);
  const isOnline = useKnown((state) => state.connection.is === "online");
  const [standing, setStanding] = useState<PushStanding | null>(null);
  const [rules, setRules] = useState<Rules>(keptRules);
  const [isWished, setWished] = useState<boolean | null>(null);
  const { isBusy, problem, attempt } = useAttempt();
  const told = words.status.push;

  const look = useCallback(async () => {
    const found = await pushStanding();
    setStanding(found);
    if (found.is === "on") setRules(found.rules);
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: asked when it may be otherwise, not at each drawing
  useEffect(() => {
    if (isOnline && worker === "ready") void attempt(look);
  }, [isOnline, worker, look]);

  function change(to: Rules) {
    setRules(to);
    if (standing?.is === "on") void attempt(() => pushOn(to));
  }

  /** What is wished is shown while the browser and the server are asked for it. */
  async function toggle(isOn: boolean) {
    setWished(isOn);
    await attempt(() => (isOn ? pushOn(rules) : pushOff()).then(look));
    setWished(null);
  }

  return (
    <Card title={told.title}>
      <p className="faint small">{told.explain}</p>
      {(worker === "refused" || worker === "none") && <Certificate />}
      {problem && <p className="problem">{problem.message}</p>}
      {standing?.is === "none" && <p>{told.none}</p>}
      {standing?.is === "apple" && <p>{told.apple}</p>}
      {standing?.is === "denied" && <p>{told.denied}</p>}
      {(standing?.is === "on" || standing?.is === "off") && (
        <>
          <label className="tick">
            <input
              type="checkbox"
              checked={isWished ?? standing.is === "on"}
              disabled={isBusy}
              onChange={(event) => void toggle(event.target.checked)}
            />
            {told.on}
          </label>
          <fieldset className="form rules">
            <legend className="small">{told.rules}</legend>
            {OCCASIONS.map((one) => (
              <label key={one} className="tick">
                <input
                  type="checkbox"
                  checked={rules.events.includes(one)}
                  onChange={(event) =>
                    change({
                      ...rules,
                      events: OCCASIONS.filter((other) =>
                        other === one ? event.target.checked : rules.events.includes(other),
                      ),
                    })
                  }
                />
                {told.events[one]}
              </label>
            ))}
            <label className="field">
              {told.seconds}
              <select
                value={rules.seconds}
                onChange={(event) => change({ ...rules, seconds: Number(event.target.value) })}
              >
                {[...new Set([...SECONDS, rules.seconds])].map((one) => (
                  <option key={one} value={one}>
                    {one === 0 ? told.always : words.lasts(one)}
                  </option>
                ))}
              </select>
            </label>
            <label className="tick">
              <input
                type="checkbox"
                checked={rules.quiet}
                onChange={(event) => change({ ...rules, quiet: event.target.checked })}
              />
              {told.quiet}
            </label>
          </fieldset>
          {standing.why && <p className="faint small">{standing.why}</p>}
        </>
      )}
    </Card>
  );
}

/** What is off in this browser because of the certificate, and the way to mend it. */
function Certificate() {
  const told = words.status.certificate;
  return (
    <div className="hint">
      <p>{told.off}</p>
      <a className="button" href="#/trust">
        {told.mend}
      </a>
    </div>
  );
}

import { useEffect, useState } from "react";
import { SYSTEMS, systemOf } from "../../state/pairing";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { PageBar } from "../PageBar";
import "../../styles/pairing.css";

/** Walks a person through trusting the server's own certificate, in the way of each system. */
export function TrustPage() {
  const worker = useKnown((state) => state.shell.worker);
  const isOwn = useOwnAuthority();
  const [system, setSystem] = useState(() => systemOf(navigator.userAgent, navigator.maxTouchPoints));
  const told = words.trust;
  return (
    <>
      <PageBar title={told.title} />
      <div className="sheet trusting">
        {worker === "ready" && <p className="good">{told.isTrusted}</p>}
        {worker === "refused" && <p className="hint">{words.status.certificate.off}</p>}
        {worker === "none" && <p className="hint">{told.none}</p>}
        {isOwn === false && <p>{told.given}</p>}
        {isOwn && (
          <>
            <p>{told.explain}</p>
            <label className="field">
              {told.system}
              <select
                value={system}
                onChange={(event) => setSystem(SYSTEMS.find((one) => one === event.target.value) ?? system)}
              >
                {SYSTEMS.map((one) => (
                  <option key={one} value={one}>
                    {told.systems[one]}
                  </option>
                ))}
              </select>
            </label>
            <ol className="steps">
              <li>
                <a className="button" href={system === "apple" ? "/ca.mobileconfig" : "/ca.crt"} download>
                  {system === "apple" ? told.profile : told.certificate}
                </a>
              </li>
              {told.steps[system].map((step) => (
                <li key={step}>
                  <Step text={step} />
                </li>
              ))}
              <li>
                {told.compare} <code className="typed">{told.command}</code>
              </li>
              <li>
                {told.last}{" "}
                <button type="button" className="button" onClick={() => window.location.reload()}>
                  {told.check}
                </button>
              </li>
            </ol>
            <p className="faint small">{told.better}</p>
          </>
        )}
        <a className="button" href="#/">
          {told.on}
        </a>
      </div>
    </>
  );
}

/** A sentence in which `…` marks what is typed. */
function Step({ text }: { text: string }) {
  return text.split("`").map((part, index) =>
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one sentence never change
      <code key={index} className="typed">
        {part}
      </code>
    ) : (
      part
    ),
  );
}

/** Whether the server's certificate is of its own making: only then there is something to install. */
function useOwnAuthority(): boolean | null {
  const [isOwn, setOwn] = useState<boolean | null>(null);
  useEffect(() => {
    fetch("/ca.crt", { method: "HEAD" }).then(
      ({ ok }) => setOwn(ok),
      () => setOwn(true), // it cannot be asked now: the steps are no worse for it
    );
  }, []);
  return isOwn;
}

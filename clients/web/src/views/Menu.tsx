import { type ReactNode, type Ref, useState } from "react";
import { Dialog } from "./Dialog";

/** One thing to choose in a menu. */
export interface Choice {
  label: string;
  isGrave?: boolean;
  choose: () => void;
}

/** A button with three dots, and what can be done behind it. `label` names both; `button` is for who opens it otherwise. */
export function Menu(of: {
  label: string;
  choices: readonly Choice[];
  head?: ReactNode;
  button?: Ref<HTMLButtonElement>;
}) {
  const [at, setAt] = useState<DOMRect | null>(null);
  return (
    <>
      <button
        ref={of.button}
        type="button"
        className="button bare icon dots"
        aria-label={of.label}
        aria-haspopup="dialog"
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      >
        ⋯
      </button>
      {at && (
        <Dialog title={of.label} at={at} onClose={() => setAt(null)}>
          {of.head}
          <ul className="choices">
            {of.choices.map((choice) => (
              <li key={choice.label}>
                <button
                  type="button"
                  className={choice.isGrave ? "button bare grave" : "button bare"}
                  onClick={() => {
                    setAt(null);
                    choice.choose();
                  }}
                >
                  {choice.label}
                </button>
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </>
  );
}

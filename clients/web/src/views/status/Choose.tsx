import { useId } from "react";

interface Choosing<T extends string | number> {
  label: string;
  from: readonly T[];
  chosen: T;
  choose: (one: T) => void;
  say: (one: T) => string;
}

/** One of a few, all of them seen. */
export function Choose<T extends string | number>({ label, from, chosen, choose, say }: Choosing<T>) {
  const name = useId();
  return (
    <fieldset className="choose">
      <legend className="hidden-label">{label}</legend>
      {from.map((one) => (
        <label key={one}>
          <input type="radio" name={name} checked={one === chosen} onChange={() => choose(one)} />
          <span>{say(one)}</span>
        </label>
      ))}
    </fieldset>
  );
}

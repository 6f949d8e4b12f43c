import { useKnown } from "../state/store";
import { words } from "../words";

/** Beside the list, where nothing is open yet. */
export function Welcome() {
  const isEmpty = useKnown((state) => state.isListed && Object.keys(state.projects).length === 0);
  const told = words.welcome;
  return (
    <div className="welcome">
      <img src="/icons/icon.svg" alt="" width="72" height="72" />
      <h2>{words.name}</h2>
      <p className="faint">{isEmpty ? words.projects.none : told.choose}</p>
    </div>
  );
}

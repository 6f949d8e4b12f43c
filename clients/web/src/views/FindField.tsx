/** Where a person writes a part of a name, and the list below it is cut down to what has it. */
export function FindField(props: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <input
      type="search"
      className="find"
      aria-label={props.label}
      placeholder={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
    />
  );
}

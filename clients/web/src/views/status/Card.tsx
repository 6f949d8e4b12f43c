import { type ReactNode, useId } from "react";

/** A part of the status page with its title. */
export function Card(of: { title: string; isWide?: boolean; children: ReactNode }) {
  const id = useId();
  return (
    <section className={of.isWide ? "panel wide" : "panel"} aria-labelledby={id}>
      <h2 id={id}>{of.title}</h2>
      {of.children}
    </section>
  );
}

/** Names and their values. */
export function Facts({ of }: { of: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

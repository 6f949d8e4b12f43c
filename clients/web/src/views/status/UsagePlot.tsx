import { useState } from "react";
import type { Bar, Plot } from "../../state/usage";
import { words } from "../../words";

/** Pixels. */
const HEIGHT = 160;

interface Shown {
  shown: Plot;
  said: (value: number) => string;
  nameOf: (projectId: string) => string;
}

/**
 * Stacked bars, a day each. A slider lies over them, so that pointer, finger, keyboard and screen reader choose a day alike;
 * what that day used stands below.
 */
export function UsagePlot({ shown, said, nameOf }: Shown) {
  const { bars, series, top } = shown;
  const [chosen, setChosen] = useState<number | null>(null);
  const told = words.status.usage;
  const index = Math.min(chosen ?? bars.length - 1, bars.length - 1);
  const bar = bars[index];
  const sayBar = ({ day, total, parts }: Bar) =>
    [`${words.day(day)}: ${said(total)}`, ...parts.map((one) => `${nameOf(one.projectId)} ${said(one.value)}`)].join(
      ", ",
    );
  return (
    <div className="usage">
      <div className="scale small faint" aria-hidden="true">
        <span>{said(top)}</span>
        <span>{said(0)}</span>
      </div>
      <div
        className="bars"
        onPointerMove={(event) => {
          const { left, width } = event.currentTarget.getBoundingClientRect();
          setChosen(Math.max(0, Math.min(bars.length - 1, Math.floor(((event.clientX - left) / width) * bars.length))));
        }}
      >
        <svg width="100%" height={HEIGHT} aria-hidden="true">
          {[0.25, 0.5, 0.75, 1].map((part) => (
            <line key={part} x1="0" x2="100%" y1={HEIGHT * (1 - part) + 0.5} y2={HEIGHT * (1 - part) + 0.5} />
          ))}
          {bars.map((one, at) => (
            <Stack key={one.day} bar={one} at={at} of={bars.length} shown={shown} isChosen={at === index} />
          ))}
        </svg>
        <input
          type="range"
          aria-label={told.day}
          min={0}
          max={bars.length - 1}
          value={index}
          aria-valuetext={bar && sayBar(bar)}
          onChange={(event) => setChosen(Number(event.target.value))}
        />
      </div>
      <p className="chosen" aria-hidden="true">
        {bar && (
          <>
            <strong>{words.day(bar.day)}</strong> {said(bar.total)}
          </>
        )}
      </p>
      <ul className="legend">
        {series.map(({ projectId, value }, at) => (
          <li key={projectId}>
            <span className={`swatch series-${at}`} />
            <span className="name">{nameOf(projectId)}</span>
            <span className="faint">
              {told.ofDay(said(bar?.parts.find((one) => one.projectId === projectId)?.value ?? 0), said(value))}
            </span>
          </li>
        ))}
        <li>
          <span className="swatch" />
          <span className="name">{told.total}</span>
          <span className="faint">{told.ofDay(said(bar?.total ?? 0), said(shown.total))}</span>
        </li>
      </ul>
    </div>
  );
}

interface Stacked {
  bar: Bar;
  at: number;
  of: number;
  shown: Plot;
  isChosen: boolean;
}

/** One day, its projects upon each other. */
function Stack({ bar, at, of, shown, isChosen }: Stacked) {
  let y = HEIGHT;
  return (
    <g className={isChosen ? "day is-chosen" : "day"}>
      <rect className="ground" x={`${(at / of) * 100}%`} y={0} width={`${100 / of}%`} height={HEIGHT} />
      {bar.parts.map(({ projectId, value }) => {
        const height = (value / shown.top) * HEIGHT;
        y -= height;
        const number = shown.series.findIndex((one) => one.projectId === projectId);
        return (
          <rect
            key={projectId}
            className={`series-${number}`}
            x={`${((at + 0.12) / of) * 100}%`}
            y={y}
            width={`${(0.76 / of) * 100}%`}
            height={Math.max(0, height - 1)}
          />
        );
      })}
    </g>
  );
}

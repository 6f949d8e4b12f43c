import { useState } from "react";
import type { SpendingFound } from "../../protocol/generated";
import { useKnown } from "../../state/store";
import { type Measure, OTHERS, plot } from "../../state/usage";
import { words } from "../../words";
import { useAnswer } from "../answer";
import { Card } from "./Card";
import { Choose } from "./Choose";
import { UsagePlot } from "./UsagePlot";

const SPANS = [7, 30, 90] as const;
const MEASURES: readonly Measure[] = ["cost", "tokens"];

/** What was used by day and project: a plot, a legend, and the same as a table. */
export function UsageCard() {
  const projects = useKnown((state) => state.projects);
  const [span, setSpan] = useState<(typeof SPANS)[number]>(30);
  const [measure, setMeasure] = useState<Measure>("cost");
  const { answer, problem } = useAnswer<SpendingFound>("/usage?days=90");
  const told = words.status.usage;
  const shown = plot(answer?.days ?? [], measure, span, new Date().toISOString().slice(0, 10));
  const said = (value: number) => (measure === "cost" ? words.dollars(value) : words.count(value));
  const nameOf = (id: string) => (id === OTHERS ? told.others : (projects[id]?.name ?? told.gone));
  return (
    <Card title={told.title} isWide>
      <div className="choosing">
        <Choose label={told.measure} from={MEASURES} chosen={measure} choose={setMeasure} say={(one) => told[one]} />
        <Choose label={told.span} from={SPANS} chosen={span} choose={setSpan} say={told.days} />
      </div>
      {problem && <p className="problem">{problem.message}</p>}
      <UsagePlot shown={shown} said={said} nameOf={nameOf} />
      <details>
        <summary>{told.table}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: by keyboard it is scrolled when it has the focus */}
        <section className="scrolling" aria-label={told.table} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{told.day}</th>
                {shown.series.map(({ projectId }) => (
                  <th key={projectId} scope="col">
                    {nameOf(projectId)}
                  </th>
                ))}
                <th scope="col">{told.total}</th>
              </tr>
            </thead>
            <tbody>
              {shown.bars.toReversed().map((bar) => (
                <tr key={bar.day}>
                  <th scope="row">{words.day(bar.day)}</th>
                  {shown.series.map(({ projectId }) => (
                    <td key={projectId}>{said(bar.parts.find((one) => one.projectId === projectId)?.value ?? 0)}</td>
                  ))}
                  <td>{said(bar.total)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </Card>
  );
}

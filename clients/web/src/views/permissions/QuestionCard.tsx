import { type FormEvent, useId, useMemo, useState } from "react";
import { harmless } from "../../state/harmless";
import {
  type Asked,
  answered,
  askedOf,
  chosen,
  isAnswered,
  NO_REPLY,
  type Reply,
  written,
} from "../../state/questions";
import { words } from "../../words";
import { CardFrame, type CardProps } from "./CardFrame";
import { Denial } from "./Denial";
import { useAnswer } from "./useAnswer";

/** What would the person have? The agent's own questions, all of them at once. */
export function QuestionCard(card: CardProps) {
  const { asked, project, whyNot } = card;
  const told = words.permissions;
  const form = useId();
  const questions = useMemo(() => askedOf(asked.input), [asked]);
  const [replies, setReplies] = useState<readonly Reply[]>(() => questions.map(() => NO_REPLY));
  const [isRefusing, setRefusing] = useState(false);
  const answer = useAnswer(project.id, asked.permission_id);
  const isWhole = replies.every(isAnswered);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (isWhole) answer({ behavior: "allow", updated_input: answered(asked.input, questions, replies) });
  }

  return (
    <CardFrame
      card={card}
      title={told.question}
      buttons={
        isRefusing ? (
          <Denial label={told.whatInstead} yes={told.noAnswer} back={() => setRefusing(false)} answer={answer} />
        ) : (
          <>
            <button type="submit" form={form} className="button primary" disabled={!isWhole}>
              {told.send}
            </button>
            <button type="button" className="button" onClick={() => setRefusing(true)}>
              {told.noAnswer}
            </button>
          </>
        )
      }
    >
      <form id={form} onSubmit={submit}>
        {questions.map((one, at) => (
          <QuestionField
            key={one.text}
            asked={one}
            reply={replies[at] ?? NO_REPLY}
            isDisabled={whyNot !== null}
            change={(reply) => setReplies(replies.with(at, reply))}
          />
        ))}
      </form>
    </CardFrame>
  );
}

/** One question with its options, and a field for an answer that is none of them. */
function QuestionField(props: { asked: Asked; reply: Reply; isDisabled: boolean; change: (reply: Reply) => void }) {
  const { asked, reply, isDisabled, change } = props;
  const name = useId();
  return (
    <fieldset className="question" disabled={isDisabled}>
      <legend>
        {asked.header && <span className="header small">{harmless(asked.header)}</span>}
        {harmless(asked.text)}
      </legend>
      {asked.options.map((option) => (
        <label key={option.label} className="option">
          <input
            type={asked.isMany ? "checkbox" : "radio"}
            name={name}
            checked={reply.labels.includes(option.label)}
            onChange={() => change(chosen(asked, reply, option.label))}
          />
          <span>
            {harmless(option.label)}
            {option.description && <span className="faint small">{harmless(option.description)}</span>}
            {option.preview && <pre>{harmless(option.preview)}</pre>}
          </span>
        </label>
      ))}
      <label className="field">
        <span className="small">{words.permissions.own}</span>
        <textarea rows={1} value={reply.own} onChange={(event) => change(written(asked, reply, event.target.value))} />
      </label>
    </fieldset>
  );
}

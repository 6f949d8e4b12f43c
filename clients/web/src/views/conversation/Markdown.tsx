import type { Token, Tokens } from "marked";
import { createContext, Fragment, memo, type ReactNode, useContext, useMemo, useRef } from "react";
import { blocksOf, decoded, linkTo, read, UNWRITTEN } from "../../state/markdown";
import { words } from "../../words";
import { Code } from "./Code";

/** How deep lists, quotes and emphasis are drawn within one another; what lies deeper stands there as it was written. */
const MAX_DEPTH = 24;

/** A text of the agent, drawn from the tokens of its Markdown. While it grows only its last block is drawn anew. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const written = useRef(UNWRITTEN);
  const blocks = useMemo(() => {
    written.current = read(text, written.current);
    return blocksOf(written.current);
  }, [text]);
  return (
    <div className="markdown">
      {blocks.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a text that is being written grows at its end
        <MarkdownBlock key={index} block={block} />
      ))}
    </div>
  );
});

const MarkdownBlock = memo(
  ({ block }: { block: Token }) => <>{blockOf(block, 0)}</>,
  (before, after) => before.block.raw === after.block.raw && before.block.type === after.block.type,
);

function blocks(tokens: readonly Token[], depth: number): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: tokens have no names
  return tokens.map((token, index) => <Fragment key={index}>{blockOf(token, depth)}</Fragment>);
}

function blockOf(token: Token, depth: number): ReactNode {
  if (depth > MAX_DEPTH) return <p>{token.raw}</p>;
  switch (token.type) {
    case "heading":
      // All of one level to a screen reader: an agent's headings come in any order, below those of the page.
      return <h3 data-depth={(token as Tokens.Heading).depth}>{inlineOf(token.tokens, depth)}</h3>;
    case "paragraph":
      return <p>{inlineOf(token.tokens, depth)}</p>;
    case "code":
      return <Code text={(token as Tokens.Code).text} language={(token as Tokens.Code).lang ?? ""} />;
    case "blockquote":
      return <blockquote>{blocks((token as Tokens.Blockquote).tokens, depth + 1)}</blockquote>;
    case "list":
      return <MarkdownList list={token as Tokens.List} depth={depth} />;
    case "table":
      return <MarkdownTable table={token as Tokens.Table} depth={depth} />;
    case "hr":
      return <hr />;
    case "space":
    case "def":
      return null;
    case "html":
      return <p className="verbatim">{token.raw.trimEnd()}</p>;
    default:
      return inlineOf([token], depth);
  }
}

function MarkdownList({ list, depth }: { list: Tokens.List; depth: number }) {
  const items = list.items.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: items have no names
    <li key={index} className={item.task ? "task" : undefined}>
      {blocks(item.tokens, depth + 1)}
    </li>
  ));
  if (!list.ordered) return <ul>{items}</ul>;
  return <ol start={list.start === "" ? undefined : list.start}>{items}</ol>;
}

function MarkdownTable({ table, depth }: { table: Tokens.Table; depth: number }) {
  const cell = (one: Tokens.TableCell) => inlineOf(one.tokens, depth);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <div className="table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {table.header.map((one, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns have no names
              <th key={index} scope="col" data-align={one.align ?? undefined}>
                {cell(one)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have no names
            <tr key={index}>
              {row.map((one, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: cells have no names
                <td key={at} data-align={one.align ?? undefined}>
                  {cell(one)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inlineOf(tokens: readonly Token[] | undefined, depth: number): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: tokens have no names
  return tokens?.map((token, index) => <Fragment key={index}>{inline(token, depth + 1)}</Fragment>);
}

function inline(token: Token, depth: number): ReactNode {
  if (depth > MAX_DEPTH) return token.raw;
  switch (token.type) {
    case "text":
      return token.tokens === undefined ? decoded((token as Tokens.Text).text) : inlineOf(token.tokens, depth);
    case "strong":
      return <strong>{inlineOf(token.tokens, depth)}</strong>;
    case "em":
      return <em>{inlineOf(token.tokens, depth)}</em>;
    case "del":
      return <del>{inlineOf(token.tokens, depth)}</del>;
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "checkbox":
      return <Tick isDone={(token as Tokens.Checkbox).checked} />;
    case "link":
      return <MarkdownLink link={token as Tokens.Link}>{inlineOf(token.tokens, depth)}</MarkdownLink>;
    case "image":
      return <MarkdownLink link={token as Tokens.Image}>{decoded((token as Tokens.Image).text) || "🖼"}</MarkdownLink>;
    case "escape":
      return (token as Tokens.Escape).text;
    default:
      return token.raw;
  }
}

function Tick({ isDone }: { isDone: boolean }) {
  return (
    <span className="tick" role="img" aria-label={words.conversation.todos[isDone ? "completed" : "pending"]}>
      {isDone ? "☑" : "☐"}
    </span>
  );
}

const InLink = createContext(false);

/** A link, or the picture of one: nothing is loaded from elsewhere unless the person goes there. */
function MarkdownLink({ link, children }: { link: Tokens.Link | Tokens.Image; children: ReactNode }) {
  const isWithin = useContext(InLink);
  const to = linkTo(link.href);
  if (to === null) return link.raw;
  if (isWithin) return children;
  return (
    <a href={to} title={to} target="_blank" rel="noreferrer">
      <InLink value={true}>{children}</InLink>
    </a>
  );
}

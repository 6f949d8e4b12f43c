/**
 * All that the client knows, in one place, and how each message changes it. Pure: no clock, no network, no storage.
 * Messages come in by `hear`; what a person or the connection does, by the functions below it.
 */

import { text } from "../protocol/agent";
import type {
  AgentContext,
  AgentInfo,
  ConnectionEstablished,
  Entry,
  MessagesFound,
  PermissionRequest,
  PermissionResolved,
  ProjectJoined,
  ProjectState,
  ServerStats,
} from "../protocol/generated";
import { entryOf, type Message } from "../protocol/messages";
import { words } from "../words";
import type { Passage } from "./passage";
import { type Choice, type Draft, dropped, type Unsent } from "./prompts";
import type { Seen } from "./seen";
import { type Shell, UNKNOWN } from "./shell";
import { append, empty, prepend, type Thread } from "./thread";
import { SILENT, type Writing, write } from "./writing";

/**
 * How the connection stands. `waiting`: it is lost, and is tried again at `retryAt`; `offline`: the browser has no network;
 * `out`: this device has no (more) credential.
 */
export type Connection =
  | { is: "connecting" }
  | { is: "online"; since: string; established: ConnectionEstablished }
  | { is: "waiting"; retryAt: number; why: string }
  | { is: "offline" }
  | { is: "out"; why: string };

/**
 * One project as it is open in this client. `isJoined`: whether the server tells us of it now; events up to `since` were
 * history when it was joined. `agent`, `context`: what the server last said of its process; null before. `trouble`: why
 * it cannot be joined.
 */
export interface Conversation {
  thread: Thread;
  journalId: string;
  hasOlder: boolean;
  isLoading: boolean;
  /** What the person looks at instead of the end. */
  passage: Passage | null;
  isJoined: boolean;
  since: number;
  permissions: readonly PermissionRequest[];
  writing: Writing;
  agent: AgentInfo | null;
  context: AgentContext | null;
  trouble: string;
}

export interface State {
  connection: Connection;
  /** Whether what is shown of the projects came from this server in this session, not from the shelf. */
  isListed: boolean;
  projects: Readonly<Record<string, ProjectState>>;
  conversations: Readonly<Record<string, Conversation>>;
  /** Oldest first. */
  unsent: readonly Unsent[];
  drafts: Readonly<Record<string, Draft>>;
  choices: Readonly<Record<string, Choice>>;
  /** What the CLI said of itself in any project. */
  agent: AgentInfo | null;
  /** What this browser has shown of the projects; null before it is known. */
  seen: Seen | null;
  shell: Shell;
  /** Figures of the server, as long as somebody looks at them. */
  stats: ServerStats | null;
  /** What a person should know, once: a refusal, a failure. */
  toast: { text: string; at: number } | null;
}

export const INITIAL: State = {
  connection: { is: "connecting" },
  isListed: false,
  projects: {},
  conversations: {},
  unsent: [],
  drafts: {},
  choices: {},
  agent: null,
  seen: null,
  shell: UNKNOWN,
  stats: null,
  toast: null,
};

export function conversation(head: number, journalId: string): Conversation {
  return {
    thread: empty(head),
    journalId,
    hasOlder: head > 0,
    isLoading: false,
    passage: null,
    isJoined: false,
    since: 0,
    permissions: [],
    writing: SILENT,
    agent: null,
    context: null,
    trouble: "",
  };
}

// -- what the server says

/** Take in messages in the order in which they came. Events of a batch are read together: the thread is built once. */
export function hear(state: State, messages: readonly Message[]): State {
  let events: Record<string, Entry[]> = {};
  let next = state;
  for (const message of messages) {
    if (message.type === "project_joined") {
      next = grown(next, events);
      events = {};
    }
    next = one(next, message);
    if (message.seq !== undefined && message.project_id !== undefined) {
      const those = events[message.project_id] ?? [];
      events[message.project_id] = those;
      those.push(entryOf({ ...message, seq: message.seq }));
    }
  }
  return grown(next, events);
}

function grown(state: State, events: Readonly<Record<string, readonly Entry[]>>): State {
  return Object.entries(events).reduce(
    (before, [id, entries]) => change(before, id, (open) => grow(open, entries)),
    state,
  );
}

/** What comes before the join is the rest of a subscription that was left: it follows on nothing. */
function grow(open: Conversation, entries: readonly Entry[]): Conversation {
  return open.isJoined ? { ...open, thread: append(open.thread, entries) } : open;
}

function one(state: State, message: Message): State {
  switch (message.type) {
    case "project_list_response":
      return listed(state, message.data.projects as ProjectState[]);
    case "project_deleted":
      return deleted(state, message.project_id ?? text(message.data, "project_id"));
    case "project_state":
      return stands(state, message);
    case "project_joined":
      return joined(state, message.data as unknown as ProjectJoined);
    case "agent_info": {
      const agent = message.data as unknown as AgentInfo;
      return message.project_id === undefined
        ? { ...state, agent }
        : change(state, message.project_id, (open) => ({ ...open, agent }));
    }
    case "agent_context": {
      const context = message.data as unknown as AgentContext;
      return change(state, message.project_id ?? "", (open) => ({ ...open, context }));
    }
    case "prompt_dropped":
      if (message.seq === undefined) return state;
      return happened(dropped(state, message, words.composer.dropped), message);
    case "server_stats":
      return { ...state, stats: message.data as unknown as ServerStats };
    default:
      return happened(state, message);
  }
}

/** All projects that there are, as they stand. */
export function listed(state: State, projects: readonly ProjectState[]): State {
  const found = Object.fromEntries(projects.map((project) => [project.id, project]));
  const conversations = Object.entries(state.conversations).filter(([id]) => id in found);
  const unsent = state.unsent.filter((prompt) => prompt.projectId in found);
  return { ...state, isListed: true, projects: found, conversations: Object.fromEntries(conversations), unsent };
}

function deleted(state: State, id: string): State {
  const { [id]: _project, ...projects } = state.projects;
  const { [id]: _conversation, ...conversations } = state.conversations;
  return { ...state, projects, conversations, unsent: state.unsent.filter((prompt) => prompt.projectId !== id) };
}

/** A reply, a message of the list, or an event: history does not change how a project stands. */
function stands(state: State, message: Message): State {
  const told = message.data as unknown as ProjectState;
  const known = state.projects[told.id];
  const isHistory = message.seq !== undefined && known !== undefined && message.seq < known.head_seq;
  const next = isHistory ? state : { ...state, projects: { ...state.projects, [told.id]: told } };
  if (message.seq !== undefined) return happened(next, message);
  if (!Array.isArray(told.pending_permissions)) return next;
  const permissions = told.pending_permissions;
  return change(next, told.id, (open) => ({ ...open, permissions }));
}

/** Who joins does so behind the last event of the thread; after a gap everything that there is comes anew. */
function joined(state: State, told: ProjectJoined): State {
  return change(state, told.project_id, (open) => {
    const isKnown = told.replay === "complete" && told.journal_id === open.journalId;
    const anew = isKnown
      ? {}
      : { thread: empty(told.first_seq - 1), hasOlder: false, journalId: told.journal_id, passage: null };
    return { ...open, ...anew, isJoined: true, since: told.head_seq, trouble: "", writing: SILENT };
  });
}

function happened(state: State, message: Message): State {
  const id = message.project_id;
  if (id === undefined) return state;
  const next = change(state, id, (open) => told(open, message));
  const project = next.projects[id];
  if (message.seq === undefined || project === undefined || project.head_seq >= message.seq) return next;
  return { ...next, projects: { ...next.projects, [id]: { ...project, head_seq: message.seq } } };
}

function told(open: Conversation, message: Message): Conversation {
  if (message.type === "agent_message") return { ...open, writing: write(open.writing, message.data) };
  if (message.seq === undefined) return open;
  switch (message.type) {
    case "permission_request": {
      if (message.seq <= open.since) return open; // the join has told which are open
      const asked = message.data as unknown as PermissionRequest;
      const others = open.permissions.filter((one) => one.permission_id !== asked.permission_id);
      return { ...open, permissions: [...others, asked] };
    }
    case "permission_resolved": {
      const { permission_id } = message.data as unknown as PermissionResolved;
      return { ...open, permissions: open.permissions.filter((one) => one.permission_id !== permission_id) };
    }
    case "project_state":
      return message.data.execution_id === null ? { ...open, writing: SILENT } : open;
    default:
      return open;
  }
}

// -- what this client does

/** Change one open conversation; nothing where it is not open. */
export function change(state: State, id: string, how: (open: Conversation) => Conversation): State {
  const open = state.conversations[id];
  if (open === undefined) return state;
  return { ...state, conversations: { ...state.conversations, [id]: how(open) } };
}

/** Open a project: with what is kept of it, or with nothing. */
export function opened(state: State, id: string, kept: Conversation): State {
  if (state.conversations[id] !== undefined) return state;
  return { ...state, conversations: { ...state.conversations, [id]: kept } };
}

/** The newest page of a project's journal, newest first, in the place of whatever was known of it. */
export function newest(state: State, id: string, found: MessagesFound): State {
  return change(state, id, (open) => {
    const entries = found.messages.toReversed();
    const thread = append(empty((entries[0]?.seq ?? found.head_seq + 1) - 1), entries);
    return { ...open, thread, hasOlder: found.has_more, journalId: found.journal_id, passage: null };
  });
}

/** The page of history that comes before event `before`, newest first. Where that is no longer the first, it is of no use. */
export function older(state: State, id: string, before: number, found: MessagesFound): State {
  return change(state, id, (open) => {
    if (open.thread.first !== before || open.journalId !== found.journal_id) return open;
    return { ...open, thread: prepend(open.thread, found.messages.toReversed()), hasOlder: found.has_more };
  });
}

/** The connection changed. Who is not connected has joined nothing, and hears no rest of what is being written. */
export function connected(state: State, connection: Connection): State {
  if (connection.is === "online") return { ...state, connection };
  const conversations = Object.fromEntries(
    Object.entries(state.conversations).map(([id, open]) => [
      id,
      { ...open, isJoined: false, isLoading: false, writing: SILENT },
    ]),
  );
  return { ...state, connection, conversations };
}

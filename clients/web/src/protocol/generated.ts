/* Made by types.mjs from the server's description of itself; never edited. */

/**
 * The states of a project (protocol section 6).
 */
export type State = "ERROR" | "EXECUTING" | "IDLE";
/**
 * The codes that clients know. A new one is a change of the protocol.
 */
export type Code =
  | "ATTACHMENT_NOT_FOUND"
  | "CLAUDE_NOT_FOUND"
  | "DEVICE_NOT_FOUND"
  | "EXECUTION_FAILED"
  | "EXECUTION_INTERRUPTED"
  | "EXECUTION_TIMEOUT"
  | "FORBIDDEN"
  | "INTERNAL_ERROR"
  | "INVALID_MESSAGE"
  | "INVALID_PATH"
  | "LINE_TOO_LARGE"
  | "MESSAGE_TOO_LARGE"
  | "PERMISSION_NOT_FOUND"
  | "PROCESS_ACTIVE"
  | "PROCESS_NOT_FOUND"
  | "PROJECT_EXISTS"
  | "PROJECT_NESTING"
  | "PROJECT_NOT_FOUND"
  | "RATE_LIMITED"
  | "RESOURCE_LIMIT"
  | "STORAGE_UNAVAILABLE"
  | "UNAUTHORIZED";
/**
 * Whether the parts of a project's directory that could run code by themselves were approved.
 */
export type Standing = "trusted" | "untrusted";
export type UpdateProject = UpdateProject1 & {
  project_id: string;
  name?: string | null;
  archived?: boolean | null;
};
export type UpdateProject1 =
  | {
      name: {
        [k: string]: unknown;
      };
    }
  | {
      archived: {
        [k: string]: unknown;
      };
    };
/**
 * Who said it: a person's device, the agent, or the server itself.
 */
export type Direction = "claude" | "client" | "server";
export type Order = "asc" | "desc";
/**
 * The CLI's own words for how much it asks.
 */
export type PermissionMode = "acceptEdits" | "auto" | "bypassPermissions" | "default" | "dontAsk" | "plan";
/**
 * What became of a prompt.
 */
export type Status = "done" | "dropped" | "failed" | "queued" | "running";
/**
 * Why something ended that waited: a permission request, or a prompt in the queue.
 */
export type Reason = "answered" | "ended" | "error" | "expired" | "interrupted" | "killed" | "removed" | "restart";
export type Configure = Configure1 & {
  project_id: string;
  model?: string | null;
  permission_mode?: PermissionMode | null;
};
export type Configure1 =
  | {
      model: {
        [k: string]: unknown;
      };
    }
  | {
      permission_mode: {
        [k: string]: unknown;
      };
    };
export type AnswerPermission = {
  project_id: string;
  permission_id: string;
  behavior: Behavior;
  updated_input?: {
    [k: string]: unknown;
  } | null;
  /**
   * @maxItems 256
   */
  updated_permissions?: PermissionUpdate[];
  message?: string;
  interrupt?: boolean;
} & AnswerPermission1;
/**
 * How a permission request ends. Only the first two are a person's.
 */
export type Behavior = "allow" | "cancelled" | "deny";
/**
 * An "always": what else a permission answer changes, in the CLI's own spelling (`claude-cli` PermissionUpdate).
 */
export type PermissionUpdate = {
  type: UpdateKind;
  destination: Destination;
  rules?: ToolRule[] | null;
  behavior?: string | null;
  mode?: PermissionMode | null;
  directories?: string[] | null;
} & PermissionUpdate1;
export type UpdateKind =
  "addDirectories" | "addRules" | "removeDirectories" | "removeRules" | "replaceRules" | "setMode";
/**
 * Where the CLI keeps a permission update.
 */
export type Destination = "cliArg" | "localSettings" | "projectSettings" | "session" | "userSettings";
export type PermissionUpdate1 =
  | {
      type?: "addRules" | "replaceRules" | "removeRules";
      rules: unknown[];
      behavior: "allow" | "deny" | "ask";
      mode?: null;
      directories?: null;
    }
  | {
      type?: "setMode";
      mode: {
        [k: string]: unknown;
      };
      rules?: null;
      behavior?: null;
      directories?: null;
    }
  | {
      type?: "addDirectories" | "removeDirectories";
      directories: unknown[];
      rules?: null;
      behavior?: null;
      mode?: null;
    };
export type AnswerPermission1 =
  | {
      behavior?: "allow";
      message?: "";
      interrupt?: false;
    }
  | {
      behavior?: "deny";
      updated_input?: null;
      /**
       * @maxItems 0
       */
      updated_permissions?: unknown[];
    };
export type Condition = "degraded" | "healthy" | "unhealthy";
/**
 * What an attachment may be: all that the Messages API takes.
 */
export type MediaType = "application/pdf" | "image/gif" | "image/jpeg" | "image/png" | "image/webp" | "text/plain";
/**
 * What a device may do. `read`, `execute` and `admin` each include the one before.
 */
export type Scope = "admin" | "execute" | "metrics" | "read";
/**
 * What a device is, and so how it shows who it is: a program by a token, a browser by a cookie, which no script of a page can read.
 */
export type Kind = "browser" | "program";
/**
 * What a device may be told of.
 */
export type Occasion = "failed" | "finished" | "permission";
/**
 * Whether a subscription can go on where its client left off.
 */
export type Replay = "complete" | "gap";
/**
 * Whatever a client may say.
 */
export type ClientRequest =
  | ProjectCreateRequest
  | ProjectUpdateRequest
  | ProjectTrustRequest
  | ProjectListRequest
  | ProjectGetRequest
  | ProjectDeleteRequest
  | ProjectJoinRequest
  | ProjectLeaveRequest
  | ExecuteRequest
  | QueueRemoveRequest
  | AgentConfigureRequest
  | AgentInterruptRequest
  | AgentKillRequest
  | AgentNewSessionRequest
  | PermissionResponseRequest
  | ErrorAcknowledgeRequest
  | GetMessagesRequest
  | MessageAckRequest
  | AgentInfoRequest
  | AgentContextRequest
  | HealthCheckRequest
  | ServerStatsRequest;
/**
 * Whatever a client may be told. Ignore a `type` that is not among these.
 */
export type ServerMessage =
  | ConnectionEstablishedEnvelope
  | ProjectStateEnvelope
  | ProjectListResponseEnvelope
  | ProjectDeletedEnvelope
  | ProjectJoinedEnvelope
  | ProjectLeftEnvelope
  | ExecutionAcceptedEnvelope
  | AgentConfiguredEnvelope
  | AgentInterruptedEnvelope
  | ProcessKilledEnvelope
  | SessionResetEnvelope
  | PermissionResolvedEnvelope
  | PromptDroppedEnvelope
  | MessagesResponseEnvelope
  | AgentInfoEnvelope
  | AgentContextEnvelope
  | HealthStatusEnvelope
  | ServerStatsEnvelope
  | ErrorEnvelope
  | ClientMessageEnvelope
  | PermissionRequestEnvelope
  | AgentMessageEnvelope;

export interface Protocol {
  ProjectListed?: ProjectListed;
  ProjectState?: ProjectState;
  State?: State;
  Queued?: Queued;
  Actor?: Actor;
  Failure?: Failure;
  Code?: Code;
  PermissionRequest?: PermissionRequest;
  Trust?: Trust;
  Standing?: Standing;
  CreateProject?: CreateProject;
  UpdateProject?: UpdateProject;
  ProjectDeleted?: ProjectDeleted;
  TrustProject?: TrustProject;
  GetMessages?: GetMessages;
  Direction?: Direction;
  Order?: Order;
  MessagesFound?: MessagesFound;
  Entry?: Entry;
  AcknowledgeMessages?: AcknowledgeMessages;
  Execute?: Execute;
  Options?: Options;
  PermissionMode?: PermissionMode;
  ExecutionAccepted?: ExecutionAccepted;
  Status?: Status;
  PromptDropped?: PromptDropped;
  Reason?: Reason;
  AgentInterrupted?: AgentInterrupted;
  ProcessKilled?: ProcessKilled;
  SessionReset?: SessionReset;
  AgentInfo?: AgentInfo;
  Configure?: Configure;
  AgentConfigured?: AgentConfigured;
  AgentContext?: AgentContext;
  AnswerPermission?: AnswerPermission;
  Behavior?: Behavior;
  PermissionUpdate?: PermissionUpdate;
  UpdateKind?: UpdateKind;
  Destination?: Destination;
  ToolRule?: ToolRule;
  PermissionResolved?: PermissionResolved;
  HealthStatus?: HealthStatus;
  Condition?: Condition;
  Finding?: Finding;
  ServerStats?: ServerStats;
  ConnectionStats?: ConnectionStats;
  Attachment?: Attachment;
  MediaType?: MediaType;
  AttachmentList?: AttachmentList;
  JoinProject?: JoinProject;
  PairRequest?: PairRequest;
  Paired?: Paired;
  DeviceState?: DeviceState;
  Scope?: Scope;
  Kind?: Kind;
  DeviceList?: DeviceList;
  ChangeRequest?: ChangeRequest;
  Candidates?: Candidates;
  Candidate?: Candidate;
  Prospect?: Prospect;
  Mentions?: Mentions;
  Mention?: Mention;
  Hits?: Hits;
  Hit?: Hit;
  SpendingFound?: SpendingFound;
  DaySpending?: DaySpending;
  PushState?: PushState;
  PushRules?: PushRules;
  Occasion?: Occasion;
  PushRequest?: PushRequest;
  PushKeys?: PushKeys;
  Error?: Error;
  Problem?: Problem;
  ListProjects?: ListProjects;
  GetProject?: GetProject;
  DeleteProject?: DeleteProject;
  LeaveProject?: LeaveProject;
  RemoveFromQueue?: RemoveFromQueue;
  Interrupt?: Interrupt;
  Kill?: Kill;
  NewSession?: NewSession;
  AcknowledgeError?: AcknowledgeError;
  GetAgentInfo?: GetAgentInfo;
  GetContext?: GetContext;
  CheckHealth?: CheckHealth;
  GetStats?: GetStats;
  ConnectionEstablished?: ConnectionEstablished;
  Greeting?: Greeting;
  ProjectJoined?: ProjectJoined;
  Replay?: Replay;
  ProjectLeft?: ProjectLeft;
  ExecutionError?: ExecutionError;
  ClientMessage?: ClientMessage;
  Attached?: Attached;
  ProjectCreateRequest?: ProjectCreateRequest;
  ProjectUpdateRequest?: ProjectUpdateRequest;
  ProjectTrustRequest?: ProjectTrustRequest;
  ProjectListRequest?: ProjectListRequest;
  ProjectGetRequest?: ProjectGetRequest;
  ProjectDeleteRequest?: ProjectDeleteRequest;
  ProjectJoinRequest?: ProjectJoinRequest;
  ProjectLeaveRequest?: ProjectLeaveRequest;
  ExecuteRequest?: ExecuteRequest;
  QueueRemoveRequest?: QueueRemoveRequest;
  AgentConfigureRequest?: AgentConfigureRequest;
  AgentInterruptRequest?: AgentInterruptRequest;
  AgentKillRequest?: AgentKillRequest;
  AgentNewSessionRequest?: AgentNewSessionRequest;
  PermissionResponseRequest?: PermissionResponseRequest;
  ErrorAcknowledgeRequest?: ErrorAcknowledgeRequest;
  GetMessagesRequest?: GetMessagesRequest;
  MessageAckRequest?: MessageAckRequest;
  AgentInfoRequest?: AgentInfoRequest;
  AgentContextRequest?: AgentContextRequest;
  HealthCheckRequest?: HealthCheckRequest;
  ServerStatsRequest?: ServerStatsRequest;
  ConnectionEstablishedEnvelope?: ConnectionEstablishedEnvelope;
  ProjectStateEnvelope?: ProjectStateEnvelope;
  ProjectListResponseEnvelope?: ProjectListResponseEnvelope;
  ProjectDeletedEnvelope?: ProjectDeletedEnvelope;
  ProjectJoinedEnvelope?: ProjectJoinedEnvelope;
  ProjectLeftEnvelope?: ProjectLeftEnvelope;
  ExecutionAcceptedEnvelope?: ExecutionAcceptedEnvelope;
  AgentConfiguredEnvelope?: AgentConfiguredEnvelope;
  AgentInterruptedEnvelope?: AgentInterruptedEnvelope;
  ProcessKilledEnvelope?: ProcessKilledEnvelope;
  SessionResetEnvelope?: SessionResetEnvelope;
  PermissionResolvedEnvelope?: PermissionResolvedEnvelope;
  PromptDroppedEnvelope?: PromptDroppedEnvelope;
  MessagesResponseEnvelope?: MessagesResponseEnvelope;
  AgentInfoEnvelope?: AgentInfoEnvelope;
  AgentContextEnvelope?: AgentContextEnvelope;
  HealthStatusEnvelope?: HealthStatusEnvelope;
  ServerStatsEnvelope?: ServerStatsEnvelope;
  ErrorEnvelope?: ErrorEnvelope;
  ClientMessageEnvelope?: ClientMessageEnvelope;
  PermissionRequestEnvelope?: PermissionRequestEnvelope;
  AgentMessageEnvelope?: AgentMessageEnvelope;
  ClientRequest?: ClientRequest;
  ServerMessage?: ServerMessage;
}
export interface ProjectListed {
  projects: ProjectState[];
  total: number;
}
/**
 * The whole `project_state`. `pending_permissions`: the requests themselves only in a reply to join.
 */
export interface ProjectState {
  id: string;
  name: string;
  path: string;
  archived: boolean;
  state: State;
  session_id: string | null;
  created_at: string;
  last_active: string;
  journal_id: string;
  head_seq: number;
  execution_id: string | null;
  queued: Queued[];
  error: Failure | null;
  pending_permissions: number | PermissionRequest[];
  trust: Trust;
  subscribers: number;
  last_words: string | null;
  cost_usd: number;
}
/**
 * A prompt that waits.
 */
export interface Queued {
  execution_id: string;
  prompt_id: string | null;
  by: Actor | null;
}
/**
 * Whose device it was.
 */
export interface Actor {
  id: string;
  name: string;
}
/**
 * Why a project is in ERROR.
 */
export interface Failure {
  code: Code;
  message: string;
}
/**
 * The data of `permission_request`: the CLI's request, with its usual fields lifted out of it.
 */
export interface PermissionRequest {
  permission_id: string;
  tool_name: string;
  display_name: string | null;
  input: {
    [k: string]: unknown;
  };
  description: string | null;
  suggestions: unknown[];
  tool_use_id: string | null;
  expires_at: string;
  request: {
    [k: string]: unknown;
  };
}
/**
 * What a directory would run without a question when the CLI starts there (protocol section 5, Trust).
 */
export interface Trust {
  state: Standing;
  fingerprint: string;
  files: string[];
}
export interface CreateProject {
  path: string;
  name?: string | null;
  trust?: string | null;
}
export interface ProjectDeleted {
  project_id: string;
}
export interface TrustProject {
  project_id: string;
  fingerprint: string;
}
export interface GetMessages {
  project_id: string;
  since?: string | null;
  until?: string | null;
  after_seq?: number | null;
  before_seq?: number | null;
  limit?: number;
  direction?: Direction | null;
  types?: string[] | null;
  order?: Order;
}
export interface MessagesFound {
  messages: Entry[];
  journal_id: string;
  head_seq: number;
  first_seq: number;
  has_more: boolean;
}
/**
 * An event of the journal as it is kept.
 */
export interface Entry {
  seq: number;
  timestamp: string;
  direction: Direction;
  type: string;
  message: {
    [k: string]: unknown;
  };
}
export interface AcknowledgeMessages {
  project_id: string;
  seq: number;
}
export interface Execute {
  project_id: string;
  prompt: string;
  options?: Options;
  queue?: boolean;
  prompt_id?: string | null;
  /**
   * @maxItems 16
   */
  attachments?: string[];
}
/**
 * How one execution is run (protocol section 5, `execute` options). Nothing here can be taken for a flag.
 */
export interface Options {
  model?: string | null;
  fallback_model?: string | null;
  permission_mode?: PermissionMode | null;
  /**
   * @maxItems 256
   */
  allowed_tools?: string[];
  /**
   * @maxItems 256
   */
  disallowed_tools?: string[];
  append_system_prompt?: string | null;
  mcp_config?: null;
  strict_mcp_config?: boolean;
  /**
   * @maxItems 256
   */
  add_dirs?: string[];
  dangerously_skip_permissions?: boolean;
  effort?: string | null;
  max_budget_usd?: number | null;
  timeout?: number | null;
}
/**
 * `position` in the queue, 0 when it runs.
 */
export interface ExecutionAccepted {
  execution_id: string;
  position: number;
  status: Status;
  duplicate: boolean;
}
export interface PromptDropped {
  execution_id: string;
  reason: Reason;
}
export interface AgentInterrupted {
  confirmed: boolean;
}
export interface ProcessKilled {
  execution_id: string;
}
export interface SessionReset {
  previous: string | null;
}
export interface AgentInfo {
  available: boolean;
  version: string | null;
  models:
    | {
        [k: string]: unknown;
      }[]
    | null;
  commands:
    | {
        [k: string]: unknown;
      }[]
    | null;
  permission_modes: string[];
}
export interface AgentConfigured {
  model: string | null;
  permission_mode: PermissionMode | null;
}
export interface AgentContext {
  total_tokens: number | null;
  max_tokens: number | null;
  cost_usd: number | null;
}
/**
 * A rule of a permission update, in the CLI's own spelling.
 */
export interface ToolRule {
  toolName: string;
  ruleContent?: string | null;
}
export interface PermissionResolved {
  permission_id: string;
  behavior: Behavior;
  by: Actor | null;
  reason: Reason;
}
export interface HealthStatus {
  status: Condition;
  checks: {
    [k: string]: Finding;
  };
}
/**
 * One check of the health. `reason`: why it is not well; `detail`: what was found in any case, in few words.
 */
export interface Finding {
  status: Condition;
  reason: string | null;
  detail: string | null;
}
export interface ServerStats {
  uptime: number;
  connections: number;
  subscriptions: number;
  projects: {
    [k: string]: number;
  };
  queued: number;
  warm_processes: number;
  journal_bytes: number;
  memory_bytes: number;
  reactor_delay_ms: number;
  connection_states: ConnectionStats[] | null;
}
/**
 * A connection as `admin` sees it (protocol section 3.6).
 */
export interface ConnectionStats {
  connection_id: string;
  device: string;
  state: string;
  active: boolean;
  connected_at: string;
  last_active: string;
  subscriptions: number;
}
/**
 * What is known of one besides its bytes. `id` is a UUID of ours; times as `message.timestamp` makes them.
 */
export interface Attachment {
  id: string;
  name: string;
  media_type: MediaType;
  size: number;
  sha256: string;
  created_at: string;
}
/**
 * The answer to `GET /api/v1/projects/ID/attachments`: the oldest first.
 */
export interface AttachmentList {
  attachments: Attachment[];
  total: number;
}
export interface JoinProject {
  project_id: string;
  after_seq?: number | null;
  journal_id?: string | null;
}
/**
 * `POST /api/v1/pair`. What else a device says of itself is ignored (AU-17).
 */
export interface PairRequest {
  code: string;
  name?: string | null;
  cookie?: boolean;
}
/**
 * The answer to `POST /api/v1/pair`; without a token where there is a cookie instead.
 */
export interface Paired {
  device: DeviceState;
  token?: string;
}
/**
 * A device, as it is shown.
 */
export interface DeviceState {
  id: string;
  name: string;
  scope: Scope;
  kind: Kind;
  created_at: string;
  expires_at: string | null;
  over: boolean;
  last_seen: string | null;
  client: string | null;
  connections: number;
}
/**
 * The answer to `GET /api/v1/devices`.
 */
export interface DeviceList {
  devices: DeviceState[];
  total: number;
}
/**
 * `PATCH /api/v1/devices/ID`. A typo here could cost safety.
 */
export interface ChangeRequest {
  name?: string;
  expires_at?: string | null;
  last_admin?: boolean;
}
/**
 * A `Listing` with what is known of the projects.
 */
export interface Candidates {
  path: string | null;
  parent: string | null;
  directories: Candidate[];
  truncated: boolean;
}
/**
 * A directory that may become a project. `project_id`: of the one that it is already. `nesting`: it lies in a project or around one, and so cannot be one itself.
 */
export interface Candidate {
  name: string;
  path: string;
  project_id: string | null;
  git: boolean;
  nesting: boolean;
}
/**
 * What that of a project in a directory would be. `problem` says why there can be none, None where there can.
 */
export interface Prospect {
  state: Standing;
  fingerprint: string;
  files: string[];
  problem: string | null;
}
export interface Mentions {
  files: Mention[];
  truncated: boolean;
}
/**
 * A file or a directory that may be meant.
 */
export interface Mention {
  path: string;
  directory: boolean;
}
/**
 * Newest first. `searched_to`: all from this number on was looked at, so that the next search goes on with it as `before_seq`. `has_more`: below it there is something that was not.
 */
export interface Hits {
  hits: Hit[];
  searched_to: number;
  has_more: boolean;
}
/**
 * An event in which it was found; `snippet` is the first place, on one line.
 */
export interface Hit {
  seq: number;
  timestamp: string;
  type: string;
  direction: string;
  snippet: string;
}
/**
 * What all projects used, by day.
 */
export interface SpendingFound {
  days: DaySpending[];
}
/**
 * What one project used on one day (UTC), such as `2026-01-31`.
 */
export interface DaySpending {
  day: string;
  project_id: string;
  cost_usd: number;
  turns: number;
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_creation_tokens: number;
}
/**
 * The answer to `GET /api/v1/push`. `rules` are those of the device that asks, null where it has not registered.
 */
export interface PushState {
  public_key: string;
  works: boolean;
  why: string | null;
  rules: PushRules | null;
}
/**
 * What a device wants to hear of. `seconds`: of executions only those that took so long; `quiet`: without sound.
 */
export interface PushRules {
  events?: Occasion[];
  seconds?: number;
  quiet?: boolean;
}
/**
 * `PUT /api/v1/push/subscription`: what the browser's `subscribe()` gave, and the rules. What else stands in it (`expirationTime`) is ignored.
 */
export interface PushRequest {
  endpoint: string;
  keys: PushKeys;
  rules?: PushRules;
}
/**
 * As `PushSubscription.toJSON()` of a browser has them: base64url.
 */
export interface PushKeys {
  p256dh: string;
  auth: string;
}
/**
 * What is answered instead: the `error` of the WebSocket.
 */
export interface Error {
  type: string;
  timestamp: string;
  data: Problem;
}
/**
 * Why a request was refused: `message` says to a person what to do, `details` names the field or value at fault.
 */
export interface Problem {
  code: Code;
  message: string;
  details: {
    [k: string]: unknown;
  };
}
export interface ListProjects {
  subscribe?: boolean | null;
}
export interface GetProject {
  project_id: string;
}
export interface DeleteProject {
  project_id: string;
}
export interface LeaveProject {
  project_id: string;
}
export interface RemoveFromQueue {
  project_id: string;
  execution_id: string;
}
export interface Interrupt {
  project_id: string;
}
export interface Kill {
  project_id: string;
}
export interface NewSession {
  project_id: string;
}
export interface AcknowledgeError {
  project_id: string;
}
export interface GetAgentInfo {
  project_id?: string | null;
}
export interface GetContext {
  project_id: string;
}
export interface CheckHealth {}
export interface GetStats {
  subscribe?: boolean | null;
}
export interface ConnectionEstablished {
  connection_id: string;
  server_version: string;
  protocol: number;
  device: Greeting;
  limits: {
    [k: string]: number;
  };
}
/**
 * Who a device is, to itself.
 */
export interface Greeting {
  id: string;
  name: string;
  scopes: Scope[];
}
export interface ProjectJoined {
  project_id: string;
  journal_id: string;
  state: State;
  session_id: string | null;
  head_seq: number;
  first_seq: number;
  acked_seq: number;
  replay: Replay;
}
export interface ProjectLeft {
  project_id: string;
}
/**
 * An `error` of an execution: journaled, unlike the error that answers a request.
 */
export interface ExecutionError {
  code: Code;
  message: string;
  details: {
    [k: string]: unknown;
  };
  execution_id: string | null;
}
export interface ClientMessage {
  execution_id: string;
  prompt_id: string | null;
  prompt: string;
  options: Options;
  by: Actor;
  queued: boolean;
  attachments: Attached[];
}
/**
 * One that a prompt names: what everybody is told of it.
 */
export interface Attached {
  id: string;
  name: string;
  media_type: MediaType;
  size: number;
}
export interface ProjectCreateRequest {
  type: "project_create";
  request_id?: string;
  data: CreateProject;
}
export interface ProjectUpdateRequest {
  type: "project_update";
  request_id?: string;
  data: UpdateProject;
}
export interface ProjectTrustRequest {
  type: "project_trust";
  request_id?: string;
  data: TrustProject;
}
export interface ProjectListRequest {
  type: "project_list";
  request_id?: string;
  data: ListProjects;
}
export interface ProjectGetRequest {
  type: "project_get";
  request_id?: string;
  data: GetProject;
}
export interface ProjectDeleteRequest {
  type: "project_delete";
  request_id?: string;
  data: DeleteProject;
}
export interface ProjectJoinRequest {
  type: "project_join";
  request_id?: string;
  data: JoinProject;
}
export interface ProjectLeaveRequest {
  type: "project_leave";
  request_id?: string;
  data: LeaveProject;
}
export interface ExecuteRequest {
  type: "execute";
  request_id?: string;
  data: Execute;
}
export interface QueueRemoveRequest {
  type: "queue_remove";
  request_id?: string;
  data: RemoveFromQueue;
}
export interface AgentConfigureRequest {
  type: "agent_configure";
  request_id?: string;
  data: Configure;
}
export interface AgentInterruptRequest {
  type: "agent_interrupt";
  request_id?: string;
  data: Interrupt;
}
export interface AgentKillRequest {
  type: "agent_kill";
  request_id?: string;
  data: Kill;
}
export interface AgentNewSessionRequest {
  type: "agent_new_session";
  request_id?: string;
  data: NewSession;
}
export interface PermissionResponseRequest {
  type: "permission_response";
  request_id?: string;
  data: AnswerPermission;
}
export interface ErrorAcknowledgeRequest {
  type: "error_acknowledge";
  request_id?: string;
  data: AcknowledgeError;
}
export interface GetMessagesRequest {
  type: "get_messages";
  request_id?: string;
  data: GetMessages;
}
export interface MessageAckRequest {
  type: "message_ack";
  request_id?: string;
  data: AcknowledgeMessages;
}
export interface AgentInfoRequest {
  type: "agent_info";
  request_id?: string;
  data: GetAgentInfo;
}
export interface AgentContextRequest {
  type: "agent_context";
  request_id?: string;
  data: GetContext;
}
export interface HealthCheckRequest {
  type: "health_check";
  request_id?: string;
  data: CheckHealth;
}
export interface ServerStatsRequest {
  type: "server_stats";
  request_id?: string;
  data: GetStats;
}
export interface ConnectionEstablishedEnvelope {
  type: "connection_established";
  timestamp: string;
  project_id?: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: ConnectionEstablished;
}
export interface ProjectStateEnvelope {
  type: "project_state";
  timestamp: string;
  project_id: string;
  /**
   * Of an event of the journal; else there is none.
   */
  seq?: number;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: ProjectState;
}
export interface ProjectListResponseEnvelope {
  type: "project_list_response";
  timestamp: string;
  project_id?: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: ProjectListed;
}
export interface ProjectDeletedEnvelope {
  type: "project_deleted";
  timestamp: string;
  project_id: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: ProjectDeleted;
}
export interface ProjectJoinedEnvelope {
  type: "project_joined";
  timestamp: string;
  project_id: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: ProjectJoined;
}
export interface ProjectLeftEnvelope {
  type: "project_left";
  timestamp: string;
  project_id: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: ProjectLeft;
}
export interface ExecutionAcceptedEnvelope {
  type: "execution_accepted";
  timestamp: string;
  project_id: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: ExecutionAccepted;
}
export interface AgentConfiguredEnvelope {
  type: "agent_configured";
  timestamp: string;
  project_id: string;
  /**
   * Of an event of the journal; else there is none.
   */
  seq?: number;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: AgentConfigured;
}
export interface AgentInterruptedEnvelope {
  type: "agent_interrupted";
  timestamp: string;
  project_id: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: AgentInterrupted;
}
export interface ProcessKilledEnvelope {
  type: "process_killed";
  timestamp: string;
  project_id: string;
  /**
   * Of an event of the journal; else there is none.
   */
  seq?: number;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: ProcessKilled;
}
export interface SessionResetEnvelope {
  type: "session_reset";
  timestamp: string;
  project_id: string;
  /**
   * Of an event of the journal; else there is none.
   */
  seq?: number;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: SessionReset;
}
export interface PermissionResolvedEnvelope {
  type: "permission_resolved";
  timestamp: string;
  project_id: string;
  /**
   * Of an event of the journal; else there is none.
   */
  seq?: number;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: PermissionResolved;
}
export interface PromptDroppedEnvelope {
  type: "prompt_dropped";
  timestamp: string;
  project_id: string;
  /**
   * Of an event of the journal; else there is none.
   */
  seq?: number;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: PromptDropped;
}
export interface MessagesResponseEnvelope {
  type: "messages_response";
  timestamp: string;
  project_id: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: MessagesFound;
}
export interface AgentInfoEnvelope {
  type: "agent_info";
  timestamp: string;
  project_id?: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: AgentInfo;
}
export interface AgentContextEnvelope {
  type: "agent_context";
  timestamp: string;
  project_id: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: AgentContext;
}
export interface HealthStatusEnvelope {
  type: "health_status";
  timestamp: string;
  project_id?: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: HealthStatus;
}
export interface ServerStatsEnvelope {
  type: "server_stats";
  timestamp: string;
  project_id?: string;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: ServerStats;
}
export interface ErrorEnvelope {
  type: "error";
  timestamp: string;
  project_id?: string;
  /**
   * Of an event of the journal; else there is none.
   */
  seq?: number;
  /**
   * Of the request that this answers; else there is none.
   */
  request_id?: string;
  data: ExecutionError | Problem;
}
export interface ClientMessageEnvelope {
  type: "client_message";
  timestamp: string;
  project_id: string;
  /**
   * Of an event of the journal; else there is none.
   */
  seq?: number;
  data: ClientMessage;
}
export interface PermissionRequestEnvelope {
  type: "permission_request";
  timestamp: string;
  project_id: string;
  /**
   * Of an event of the journal; else there is none.
   */
  seq?: number;
  data: PermissionRequest;
}
export interface AgentMessageEnvelope {
  type: "agent_message";
  timestamp: string;
  project_id: string;
  /**
   * Partial output has none.
   */
  seq?: number;
  /**
   * One line of the Claude CLI, untouched: stream-json has no schema of ours.
   */
  data: {
    [k: string]: unknown;
  };
}

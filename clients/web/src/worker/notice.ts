/** A push message of the server (docs/protocol.md section 11) -> the notification that is shown. Pure. */

export interface Notice {
  title: string;
  /** Of one project and kind there is one notification: a later one takes its place. */
  tag: string;
  silent: boolean;
  projectId: string;
}

/** A message that is not as the protocol has it is shown all the same, in general words: browsers demand it. */
export function noticeOf(message: unknown): Notice {
  const told = typeof message === "object" && message !== null ? (message as Record<string, unknown>) : {};
  const word = (name: string) => (typeof told[name] === "string" ? told[name] : "");
  return {
    title: word("title") || "Pocket Agent",
    tag: `${word("project_id")} ${word("kind")}`,
    silent: told.quiet === true,
    projectId: word("project_id"),
  };
}

/** The address of what a notification is about. */
export function pathOf(projectId: unknown): string {
  return typeof projectId === "string" && /^[\w-]{1,64}$/.test(projectId) ? `/#/projects/${projectId}` : "/";
}

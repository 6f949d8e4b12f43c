import { useState } from "react";
import { useServer } from "../../context";
import type { PermissionAnswer } from "../../link/server";

/** Sends the answer to a question, once: a second tap does nothing while the first is on its way. */
export function useAnswer(projectId: string, permissionId: string): (answer: PermissionAnswer) => void {
  const server = useServer();
  const [isSent, setSent] = useState(false);
  return (answer) => {
    if (isSent) return;
    setSent(true);
    void server.answer(projectId, permissionId, answer).then((isTaken) => setSent(isTaken));
  };
}

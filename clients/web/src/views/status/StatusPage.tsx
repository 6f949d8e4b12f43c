import { useKnown } from "../../state/store";
import { words } from "../../words";
import { PageBar } from "../PageBar";
import { ConnectionCard } from "./ConnectionCard";
import { Devices } from "./Devices";
import { Figures } from "./Figures";
import { Health } from "./Health";
import { Notifications } from "./Notifications";
import { ThisApp } from "./ThisApp";
import { UsageCard } from "./UsageCard";
import "../../styles/status.css";

/** How the server, the connection and this device stand. */
export function StatusPage() {
  const isOnline = useKnown((state) => state.connection.is === "online");
  return (
    <>
      <PageBar title={words.status.title} />
      <div className="sheet">
        <div className="panels">
          <ConnectionCard />
          {isOnline && (
            <>
              <Health />
              <UsageCard />
              <Figures />
              <Devices />
            </>
          )}
          <Notifications />
          <ThisApp />
        </div>
      </div>
    </>
  );
}

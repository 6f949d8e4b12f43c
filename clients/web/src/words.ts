/** Every word that the client shows, in one place. Functions where a number or a name stands in it. */

const plural = (count: number, one: string, many = `${one}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const DAY = new Intl.DateTimeFormat("en", { weekday: "long", year: "numeric", month: "long", day: "numeric" });
const SHORT_DAY = new Intl.DateTimeFormat("en", { year: "numeric", month: "short", day: "numeric" });
const TIME = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

const KINDS: Readonly<Record<string, string>> = { "application/pdf": "PDF", "text/plain": "Text" };

export const words = {
  name: "Pocket Agent",

  connection: {
    connecting: "Connecting …",
    online: "Connected",
    offline: "No network. What you write is kept, and sent when it is back.",
    waiting: (seconds: number) => `No connection. Trying again in ${plural(seconds, "second")}.`,
    retrying: "No connection. Trying again …",
    now: "Try now",
    needed: "That needs a connection.",
    tooLarge: "That is too much for one message to the server.",
    kept: "This is what was seen last.",
  },

  pair: {
    title: "Pair this browser",
    explain: "On the machine that the server runs on, type",
    command: "pocketagent pair",
    next: "Scan the picture with this phone's camera, open the link in this browser, or paste it here:",
    scan: "Scan the picture",
    link: "Link or code",
    device: "Name of this device",
    pair: "Pair",
    pairing: "Pairing …",
    found: "You have opened a link to pair. Give this device a name, so that you know it again.",
    later: "After pairing you are shown how to mend that.",
    elsewhere: "That link is for another server. Open it there:",
    unreadable: "That is no link or code of `pocketagent pair`: copy it whole.",
  },

  trust: {
    title: "Trust the server's certificate",
    isTrusted:
      "This browser trusts the server's certificate: the app can be installed, works offline and can notify you.",
    none: "This browser has no service workers (perhaps it is a private window): the app works online.",
    given:
      "The server's certificate is not of its own making. Whoever runs the server sees to it that browsers trust it.",
    explain:
      "The server has made its certificate itself. Tell this device once that it may be trusted; it vouches for this server only.",
    system: "System",
    systems: {
      android: "Android",
      apple: "iPhone, iPad",
      mac: "Mac",
      windows: "Windows",
      linux: "Linux",
      firefox: "Firefox",
    },
    certificate: "Get the certificate",
    profile: "Get the profile",
    steps: {
      android: [
        "Open the phone's Settings: Security and privacy, More, Encryption and credentials, Install a certificate, CA certificate.",
        "Choose “Install anyway”, and the file ca.crt in the downloads.",
      ],
      apple: [
        "Safari asks whether the profile may be loaded: allow it.",
        "Open Settings: General, VPN & Device Management, the profile, Install.",
        "Open Settings: General, About, Certificate Trust Settings, and switch it on.",
      ],
      mac: [
        "In the Terminal: `security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db ~/Downloads/ca.crt`",
      ],
      windows: ["In a command prompt: `certutil -user -addstore Root %USERPROFILE%\\Downloads\\ca.crt`"],
      linux: [
        "In a terminal, for Chrome and Chromium: `certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n pocketagent -i ~/Downloads/ca.crt`",
      ],
      firefox: [
        "Open Settings: Privacy & Security, View Certificates, Authorities, Import, and choose ca.crt.",
        "Tick “Trust this CA to identify websites”.",
      ],
    },
    compare: "Compare the fingerprint that the device shows of it with the one that the server's machine says:",
    command: "openssl x509 -in data/certificates/authority.pem -noout -fingerprint -sha256",
    last: "Close all windows of the browser, open this page again, and look whether it worked.",
    check: "Check",
    better: "Or give the server a certificate that all browsers trust: its operations manual says how.",
    on: "Go on to the projects",
  },

  projects: {
    title: "Projects",
    none: "No projects yet. A project is a directory in which Claude works.",
    create: "New project",
    idle: "Ready",
    executing: "Working",
    error: "Failed",
    asks: (count: number) => (count === 1 ? "Asks you" : `Asks you ${count} things`),
    archived: (count: number) => `${count.toLocaleString("en")} archived`,
    search: "Find a project",
    noneFound: "No project is called so.",
    news: "New:",
    notAdmin: "Only a device of scope admin may change projects.",
    menu: (name: string) => `What to do with ${name}`,
    name: "Name",
    rename: "Rename",
    archive: "Archive",
    unarchive: "Take out of the archive",
    remove: "Delete",
    removeTitle: (name: string) => `Delete ${name}?`,
    goes: "Its conversation and all else that the server keeps of it are deleted for ever, for all devices.",
    stays: "The directory stays as it is:",
    works: "Claude works in it now: stop that first.",
    ago: (seconds: number) => {
      if (seconds < 60) return "now";
      if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
      if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
      return `${Math.floor(seconds / 86_400)} d`;
    },
  },

  browsing: {
    where: "Where you look",
    roots: "All roots",
    choose: "Choose where to look",
    inside: "Directories in it",
    find: "Find a directory",
    empty: "There are no directories in it.",
    truncated: "There are more directories than can be shown.",
    hidden: "Show hidden directories, too",
    offline: "Directories can be looked through when there is a connection.",
    git: "git",
    nesting: "with a project",
    isProject: "project",
    already: "This is a project already:",
    create: "Make it a project",
    toIt: "To that project",
    trust: {
      title: "Files that run by themselves",
      explain: "Hooks, servers and settings in these files run code without any question when Claude starts here:",
      approve: "I know these files and trust them as they are",
      otherwise: "Without it the project works, and Claude ignores them. You can trust them later.",
      impossible: "They cannot be trusted: they cannot be read, or are too many.",
    },
  },

  welcome: {
    choose: "Choose a project, or make a new one.",
  },

  broken: {
    title: "This page failed",
    explain: "That is a mistake of the client. What you have sent is safe with the server.",
  },

  servers: {
    title: "Other servers",
    add: "Add a server",
    explain: "Each server is a page of its own. This browser keeps the addresses, and nothing secret.",
    link: "Address, or link of `pocketagent pair`",
    unreadable: "That is no address of a server: it begins with https://",
    same: "That is this server.",
    forget: (name: string) => `Forget ${name}`,
    remove: "Forget",
  },

  scopes: {
    read: "sees everything",
    execute: "gives Claude work",
    admin: "may do everything",
    metrics: "reads metrics",
  },

  status: {
    title: "Status",
    connection: {
      title: "Connection",
      not: "Not connected",
      kept: "You see what was seen last. Prompts that you write are kept and sent when the server is there again.",
      server: "Server",
      since: "Connected since",
      version: "Version",
      device: "This device",
    },
    health: {
      title: "Health",
      again: "Check again",
      conditions: { healthy: "Well", degraded: "Degraded", unhealthy: "Unhealthy" },
      checks: {
        claude: "Claude CLI",
        data: "Data directory",
        audit: "Audit log",
        disk: "Disk",
        devices: "Devices",
        journals: "Journals",
        reactor: "Reactor",
        certificate: "Certificate",
      } as Record<string, string>,
    },
    figures: {
      title: "Figures",
      uptime: "Running for",
      working: "Projects at work",
      queued: "Prompts that wait",
      connections: "Connections",
      memory: "Memory",
      journals: "Journals",
      delay: "Delay",
    },
    usage: {
      title: "Usage",
      measure: "What is shown",
      cost: "Cost",
      tokens: "Tokens",
      span: "Since when",
      days: (count: number) => `${count} days`,
      table: "As a table",
      day: "Day",
      total: "Together",
      others: "Others",
      gone: "A deleted project",
      ofDay: (day: string, all: string) => `${day} of ${all}`,
    },
    devices: {
      title: "Devices",
      own: "This device",
      this: "this one",
      here: "connected",
      seen: (when: string) => `seen ${when}`,
      never: "never seen",
      over: "its time is over",
      until: (when: string) => `until ${when}`,
      menu: (name: string) => `What to do with ${name}`,
      rename: "Rename",
      end: "Set an end",
      endAfter: "It ends",
      span: (days: number) => (days === 0 ? "never" : days === 365 ? "in a year" : `in ${plural(days, "day")}`),
      revoke: "Revoke",
      revokeTitle: (name: string) => `Revoke ${name}?`,
      revokeExplain: "It is shut out at once. To come again it must be paired anew.",
      revoked: (name: string) => `${name} is revoked.`,
      last: "No other device may do everything. Then only the server's own machine can let one in.",
    },
    push: {
      title: "Notifications",
      explain: "They come also while this page is closed, and say the name of the project, never what was written.",
      on: "Notify this device",
      rules: "Of what",
      events: {
        permission: "Claude asks something",
        finished: "Work is finished",
        failed: "Work has failed",
      },
      seconds: "Of work that took at least",
      always: "any time",
      quiet: "Without sound",
      none: "This browser has no notifications of this kind.",
      apple:
        "On this device they come when the app is installed: tap Share, then “Add to Home Screen”, and open it from there.",
      denied: "You have forbidden notifications to this page. Allow them in the settings of the browser.",
    },
    certificate: {
      off: "Installing the app, working offline and notifications are off, because this browser does not trust the server's certificate.",
      mend: "How to mend that",
      more: "Trust this server on other devices",
    },
    app: {
      title: "This app",
      theme: "Colours",
      themes: { system: "As the system", light: "Light", dark: "Dark" },
      install: "Install the app",
      installHow: "To install it as an app, use the menu of the browser.",
      signOut: "Sign out",
      signOutExplain:
        "This browser is no device of the server any more, and forgets all that it has kept, also what was not sent.",
    },
  },

  conversation: {
    label: "Conversation",
    empty: "Nothing was said yet.",
    loading: "Loading …",
    beginning: "This is the beginning.",
    newest: "To the newest",
    news: (count: number) => `${count.toLocaleString("en")} new`,
    thinking: "Thinking …",
    thought: "Thoughts",
    words: (count: number) => plural(count, "word"),
    working: "Working …",
    compacting: "Compacting the conversation …",
    retrying: "Waiting for the API …",
    preparing: (tool: string) => `Preparing ${tool} …`,
    unsent: "Not sent yet",
    resend: "Send again",
    discard: "Discard",
    saidBy: (device: string) => (device ? `You, on ${device}` : "You"),
    copy: "Copy",
    copied: "Copied",
    all: (lines: number) => `Show all ${plural(lines, "line")}`,
    more: (lines: number) => `${plural(lines, "more line")} not shown`,
    less: "Show less",
    cut: "It is longer than what can be shown here.",
    added: "added",
    removed: "removed",
    input: "Input",
    output: "Output",
    picture: "A picture that the tool has returned",
    pictureName: (type: string) => `picture.${type.slice("image/".length)}`,
    fullSize: "Full size",
    stderr: "What the agent's process said",
    begin: "New conversation",
    retry: "Retry",
    noPrompt: "Its prompt is not among the last ones: write it again.",
    lost: "The agent has this conversation no more. You can still read it here.",
    allowedBy: (device: string) => (device ? `Allowed on ${device}` : "Allowed"),
    deniedBy: (device: string) => (device ? `Denied on ${device}` : "Denied"),
    failures: (count: number) => `${count} failed`,
    run: (title: string, count: number) =>
      ({ Read: `Read ${plural(count, "file")}`, Grep: plural(count, "search", "searches") })[title] ??
      (count === 1 ? title : `${title} × ${count}`),
    calls: {
      running: "Running",
      waiting: "Waits for you",
      background: "In the background",
      done: "Done",
      failed: "Failed",
      denied: "Denied",
      lost: "Did not finish",
    },
    todos: { completed: "Done", in_progress: "At it", pending: "To do" } as Record<string, string>,
    day: (at: string) => DAY.format(new Date(at)),
    time: (at: string) => TIME.format(new Date(at)),
    wholeSeconds: (seconds: number) =>
      seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`,
    ended: {
      "": "Done",
      interrupted: "Interrupted",
      killed: "Killed",
      turns: "Stopped at the limit of turns",
      budget: "Stopped at the limit of cost",
      failed: "Failed",
      told: "",
    } as Record<string, string>,
    seconds: (seconds: number) =>
      seconds < 60
        ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
        : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`,
    cost: (dollars: number) => `$${dollars.toFixed(dollars < 1 ? 4 : 2)}`,
    tokens: (count: number) => plural(count, "token"),
    notices: {
      session_reset: "A new conversation begins.",
      compacted: "The conversation was compacted.",
      command: "Output",
      task: "A background task ended",
      report: "A subagent in the background reports",
      told: "Claude Code says",
      raw: "Output that is not JSON",
      rate_limit: "A rate limit is near or reached",
      "dropped:removed": "A waiting prompt was removed",
      "dropped:killed": "A waiting prompt was dropped: the agent was killed",
      "dropped:error": "A waiting prompt was dropped: the execution failed",
      "dropped:restart": "A waiting prompt was dropped: the server started anew",
    } as Record<string, string>,
  },

  search: {
    label: "Search this conversation",
    searching: "Searching …",
    unreachable: "There is no connection: only what is shown can be read now.",
    found: (count: number, isMore: boolean) =>
      count === 0 ? (isMore ? "Nothing found so far." : "Nothing found.") : plural(count, "place"),
    further: "Search further back",
    by: (type: string, direction: string) =>
      type === "client_message" ? "You" : direction === "claude" ? "Claude" : "Pocket Agent",
    when: (at: string) => `${SHORT_DAY.format(new Date(at))}, ${TIME.format(new Date(at))}`,
  },

  permissions: {
    title: "Questions of the agent",
    answer: "Answer",
    waits: "Waits for a device that may answer.",
    offline: "It can be answered when there is a connection again.",
    allow: "Allow",
    always: "Always …",
    edit: "Edit …",
    deny: "Deny",
    stop: "Deny and stop",
    offers: "Allow it now, and from now on:",
    why: "Why not? The agent reads it. It may be empty.",
    allowChanged: "Allow this",
    noObject: "That is no JSON object.",
    noCommand: "There is no command left.",
    fields: {
      "": "The whole input, as JSON",
      command: "The command that runs",
      content: "What is written to the file",
      new_string: "What stands there instead",
      new_source: "What stands in the cell instead",
    } as Record<string, string>,
    reason: "Why it asks:",
    blocked: "Because of:",
    rule: "A rule says to ask:",
    mcp: "MCP server:",
    subagent: "A subagent asks.",
    asks: {
      run: () => "Run this command?",
      edit: (path: string) => `Edit ${path}?`,
      write: (path: string) => `Write ${path}?`,
      read: (path: string) => `Read ${path}?`,
      fetch: (url: string) => `Fetch ${url}?`,
      search: (query: string) => `Search the web for ${query}?`,
    } as Record<string, (subject: string) => string>,
    uses: (tool: string, name: string) => `Use ${tool}${name && ` (${name})`}?`,
    left: (minutes: number) => `${plural(minutes, "minute")} left`,
    answered: (behavior: string, device: string, reason: string) => {
      const done = { allow: "Allowed", deny: "Denied" }[behavior] ?? "Taken back";
      return reason === "answered" && device ? `${done} on ${device}.` : `${done}: ${reason}.`;
    },
    plan: "Go on with this plan?",
    noPlan: "The agent did not send its plan along.",
    goOn: "Go on",
    goOnEdits: "Go on, allow edits",
    keepPlanning: "Keep planning",
    whatInstead: "What should the agent do instead? It may be empty.",
    question: "The agent asks",
    send: "Answer",
    noAnswer: "No answer",
    own: "Something else",
  },

  composer: {
    label: "Prompt",
    placeholder: "What is to be done?",
    placeholderRunning: "What is to be done next?",
    send: "Send",
    sendWaits: "Send: it waits until the agent is ready",
    interrupt: "Interrupt",
    interruptHint: "Interrupt (Esc Esc)",
    interrupting: "Interrupting …",
    unconfirmed: "The agent does not answer. Killing it ends it with all that it has started.",
    kill: "Kill",
    dropped: "It was dropped before it ran.",
    suggestions: "What fits",
    offered: (count: number) => plural(count, "suggestion"),
    dictate: "Dictate",
    listening: "Listening. Press again to stop.",
    deaf: (why: string) => `The browser cannot listen: ${why}.`,
    readOnly: "This device may only read.",
    edit: "Edit",
  },

  queue: {
    title: "Waiting prompts",
    waiting: (count: number) => (count === 1 ? "One prompt waits" : `${count} prompts wait`),
    edit: (at: number) => `Edit waiting prompt ${at}`,
    remove: (at: number) => `Remove waiting prompt ${at}`,
  },

  attaching: {
    title: "Attachments",
    show: (name: string) => `Show ${name}`,
    kind: (type: string, size: number) => `${KINDS[type] ?? "Picture"}, ${words.bytes(size)}`,
    gone: "The server has it no more.",
    add: "Attach files",
    drop: "Drop to attach",
    pasted: "pasted picture",
    sending: (name: string) => `Sending ${name}`,
    remove: (name: string) => `Remove ${name}`,
    offline: "Files can be attached when there is a connection.",
    type: "only pictures (PNG, JPEG, GIF, WebP), PDF and texts can be attached",
    empty: "it is empty",
    size: (mebibytes: number) => `it is too large: up to ${mebibytes.toLocaleString("en")} MiB each`,
    count: "a prompt has up to 16 attachments",
    together: "too much for one prompt: up to 10 MiB together",
  },

  choices: {
    model: "Model",
    mode: "Permissions",
    unknownMode: "Mode",
    unchosen: "Nothing chosen",
    unchosenDetail: "As the server and the project have it",
    noModels: "Which models there are is known once an agent has run.",
  },

  /** The CLI's permission modes. */
  modes: {
    plan: { name: "Plan", detail: "Looks and plans, and changes nothing until you agree" },
    default: { name: "Ask", detail: "Asks before it changes files or runs commands" },
    acceptEdits: { name: "Accept edits", detail: "Changes files without asking, asks before it runs commands" },
    auto: { name: "Auto", detail: "Decides by itself what is safe, and asks about the rest" },
    dontAsk: { name: "Never ask", detail: "Does what is allowed already, and leaves what it would have to ask for" },
    bypassPermissions: {
      name: "Bypass",
      detail: "Danger: does everything without asking. Only where nothing can be lost; the server may forbid it",
    },
  },

  /** The commands that are the client's own. */
  commands: {
    new: "Begin a new conversation",
    search: "Search in the conversation",
    model: "Which model answers; alone: the server's",
    mode: "How much the agent asks; alone: the server's",
    stop: "Interrupt what runs",
    kill: "Kill the agent and all that it has started",
  },

  project: {
    trust: {
      title: "This project has files that run by themselves. Claude ignores them until they are trusted.",
      meaning: "Hooks, servers and settings in these files run code without any question when Claude starts here.",
      approve: "Trust them as they are",
      leave: "Leave it so",
    },
    menu: "What can be done",
    newConversation: "New conversation",
    kill: "Kill the agent",
    dismiss: "Dismiss",
    elapsed: (seconds: number) => `${Math.floor(seconds / 60)}:${`${seconds % 60}`.padStart(2, "0")}`,
    context: (percent: number) => `${percent} % of the context is used`,
    contextTitle: "Context",
    tokens: (used: number, most: number) => `${used.toLocaleString("en")} of ${plural(most, "token")}`,
    cost: (dollars: string) => `This conversation has cost ${dollars}.`,
    costTitle: "What this project has cost so far",
    compacts: "When it is full the agent goes on with a summary. A new conversation begins empty.",
  },

  /** What is asked before it is done. */
  wishes: {
    new: {
      title: "New conversation?",
      explain: "The agent forgets what was said so far. You can still read it here.",
      action: "Begin anew",
    },
    kill: {
      title: "Kill the agent?",
      explain: "It ends at once, with everything that it has started. Waiting prompts are dropped.",
      action: "Kill",
    },
  },

  shortcuts: {
    title: "Keys",
    switch: "Go to a project",
    nothing: "No project has this name.",
    all: [
      { keys: ["Ctrl K"], does: "Go to a project" },
      { keys: ["Alt ↑", "Alt ↓"], does: "The project before, the next one" },
      { keys: ["Ctrl F"], does: "Search the conversation" },
      { keys: ["/"], does: "To the composer" },
      { keys: ["Enter", "Ctrl Enter"], does: "Send; Shift Enter begins a line" },
      { keys: ["↑"], does: "What you wrote before, in an empty composer" },
      { keys: ["Ctrl F"], does: "Search in the conversation" },
      { keys: ["Esc Esc"], does: "Interrupt the agent" },
      { keys: ["?"], does: "These keys" },
    ],
  },

  time: (iso: string) => {
    const when = new Date(iso);
    const isToday = when.toDateString() === new Date().toDateString();
    return isToday
      ? when.toLocaleTimeString("en", { timeStyle: "short" })
      : when.toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  },
  day: (day: string) => new Date(`${day}T00:00:00`).toLocaleDateString("en", { day: "numeric", month: "short" }),
  lasts: (seconds: number) => {
    if (seconds < 60) return plural(Math.floor(seconds), "second");
    if (seconds < 3600) return plural(Math.floor(seconds / 60), "minute");
    if (seconds < 172_800) return plural(Math.floor(seconds / 3600), "hour");
    return plural(Math.floor(seconds / 86_400), "day");
  },
  bytes: (bytes: number) =>
    bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`,
  dollars: (dollars: number) => `$${dollars.toFixed(dollars > 0 && dollars < 0.1 ? 4 : 2)}`,
  count: (count: number) => count.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 }),

  windowTitle: (project: string, asked: number) =>
    `${asked > 0 ? `(${asked}) ` : ""}${project ? `${project} – ` : ""}Pocket Agent`,
  newer: "A new version is ready.",
  skip: "Skip the list",
  back: "Back",
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  again: "Try again",
  reload: "Reload",
};

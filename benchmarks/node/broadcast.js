// What our server is measured against: a bare broadcaster on Node's `ws`. It starts a child, sends each line of the
// child's stdout to every WebSocket, and hands the body of a POST to the child's stdin. No tokens, no journal.
//
//     node broadcast.js CERTIFICATE PRIVATE_KEY COMMAND...      prints its port
//
// It pauses the child while a client has more than 1 MiB unsent: without that it would hold everything in memory.

const { readFileSync } = require('node:fs');
const { createServer } = require('node:https');
const { spawn } = require('node:child_process');
const { WebSocketServer } = require('ws');

const [certificate, privateKey, ...command] = process.argv.slice(2);
const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(privateKey) }, (request, response) => {
  request.pipe(child.stdin, { end: false });
  request.on('end', () => response.end('ok'));
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket) => socket.on('error', () => {}));

const BOUND = 1 << 20;
let rest = [];

function isBehind() {
  for (const socket of sockets.clients) if (socket.bufferedAmount > BOUND) return true;
  return false;
}

function resumeWhenDrained() {
  if (isBehind()) setTimeout(resumeWhenDrained, 1);
  else child.stdout.resume();
}

child.stdout.on('data', (data) => {
  let start = 0;
  for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10, start)) {
    const piece = data.subarray(start, end);
    const line = rest.length ? Buffer.concat([...rest, piece]) : piece;
    rest = [];
    start = end + 1;
    for (const socket of sockets.clients) socket.send(line, { binary: false });
  }
  if (start < data.length) rest.push(data.subarray(start));
  if (isBehind()) {
    child.stdout.pause();
    resumeWhenDrained();
  }
});

process.stdin.on('end', () => {
  child.kill('SIGKILL');
  process.exit(0);
});
process.stdin.resume();
server.listen(0, '127.0.0.1', () => console.log(server.address().port));

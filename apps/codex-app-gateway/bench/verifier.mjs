import { createServer } from 'node:http';

// Stands for codex-auth: an HTTP server that says yes to every token and takes every report of sessions, at the cost of a small answer and nothing
// else.
const ANSWER = JSON.stringify({ user_id: 'user-of-the-bench', workspace_id: 'workspace-of-the-bench' });
const HEADERS = { 'content-type': 'application/json', 'content-length': ANSWER.length };

const server = createServer({ keepAlive: true, keepAliveTimeout: 60_000 }, (req, res) => {
  req.resume().on('end', () => {
    if (req.url === '/api/internal/codex/tokens/verify') res.writeHead(200, HEADERS).end(ANSWER);
    else if (req.url === '/internal/codex-auth/remote-sessions') res.writeHead(204).end();
    else res.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not_found"}');
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');

// A reverse proxy that takes a prefix off the paths and, as nginx does unless told otherwise, names the gateway
// as the host.
import { once } from "node:events";
import http from "node:http";

/** Starts one that ends with the test `t`; it answers 502 until it is told where to forward to. */
export async function proxy(t, prefix) {
  let target = null;
  const server = http.createServer((request, response) => {
    if (target === null || !request.url.startsWith(`${prefix}/`)) {
      response.writeHead(502).end();
      return;
    }
    const headers = { ...request.headers, host: `127.0.0.1:${target}` };
    const options = { port: target, path: request.url.slice(prefix.length), method: request.method, headers };
    const forwarded = http.request(options, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    forwarded.on("error", () => response.destroy());
    request.pipe(forwarded);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: server.address().port, forwardTo: (port) => (target = port) };
}

// A real gateway on a port of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { createInterface } from "node:readline";

const PROGRAM = process.env.SHARDGATE_BIN ?? new URL("../../../target/debug/shardgate", import.meta.url).pathname;
const START_MS = 20_000;

/** Starts a gateway with these flags; ends with the test `t`. Its own paths lie below `prefix`. */
export async function start(t, { flags = [], prefix = "" } = {}) {
  const words = ["--web.listen-address=127.0.0.1:0", ...flags];
  const child = spawn(PROGRAM, words, { stdio: ["ignore", "inherit", "pipe"] });
  const lines = createInterface({ input: child.stderr });
  const log = [];
  const port = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the gateway does not listen:\n${log.join("\n")}`)), START_MS);
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`the gateway has ended:\n${log.join("\n")}`)));
    lines.on("line", (line) => {
      log.push(line);
      const listening = /listening.*127\.0\.0\.1:(\d+)/.exec(line);
      if (listening) {
        clearTimeout(late);
        resolve(Number(listening[1]));
      }
    });
  });
  t.after(async () => {
    child.removeAllListeners("exit");
    if (child.exitCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }
  });
  return new Gateway(port, prefix, log);
}

class Gateway {
  constructor(port, prefix, log) {
    this.port = port;
    this.origin = `http://127.0.0.1:${port}`;
    this.prefix = prefix;
    this.log = log;
  }

  /** The URL of one of its pages, given without the prefix. */
  url(path) {
    return this.origin + this.prefix + path;
  }

  /** Pushes a body to a group, given as its labels; answers the status. */
  async push(labels, body, method = "PUT") {
    const answer = await fetch(this.url(groupPath("/metrics", labels)), { method, body });
    await answer.arrayBuffer();
    return answer.status;
  }

  /** The samples that a scrape shows of a job. */
  async scrape(job) {
    const answer = await fetch(this.url(`/metrics?job=${encodeURIComponent(job)}`));
    return await answer.text();
  }

  /** Pushes a body to each of many groups, over a few connections; each group is given as its labels. */
  async pushMany(count, labels, body, connections = 16) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
    let next = 0;
    const worker = async () => {
      while (next < count) {
        const at = next++;
        const status = await this.#put(agent, groupPath("/metrics", labels(at)), body(at));
        if (status !== 200) throw new Error(`push ${at}: ${status}`);
      }
    };
    await Promise.all(Array.from({ length: connections }, worker));
    agent.destroy();
  }

  #put(agent, path, body) {
    return new Promise((resolve, reject) => {
      const options = { agent, port: this.port, path: this.prefix + path, method: "PUT" };
      const request = http.request(options, (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode));
      });
      request.on("error", reject);
      request.end(body);
    });
  }
}

/** The path of a group below `root`, every value in base64, so that there may be anything in it. */
export function groupPath(root, labels) {
  const { job, ...others } = labels;
  const encoded = (value) => Buffer.from(value).toString("base64url") || "=";
  const path = Object.entries(others).map(([name, value]) => `/${name}@base64/${encoded(value)}`);
  return `${root}/job@base64/${encoded(job)}${path.join("")}`;
}

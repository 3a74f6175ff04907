// Pushes with prom-client as a job would:
//   node push.mjs <gateway> push|pushAdd|delete <groupings as JSON> [gzip]
// Prints the status that the client got.
import { Counter, Histogram, Pushgateway, Registry } from "prom-client";

const [, , gatewayUrl, action, groupings, encoding] = process.argv;
const registry = new Registry();
const rows = new Counter({
  name: "node_rows_total",
  help: "Rows handled",
  labelNames: ["kind"],
  registers: [registry],
});
rows.inc({ kind: "é" }, 5);
const seconds = new Histogram({ name: "node_seconds", help: "Run time", registers: [registry] });
seconds.observe(0.3);

const headers = encoding ? { "Content-Encoding": encoding } : {};
const gateway = new Pushgateway(gatewayUrl, { timeout: 10_000, headers }, registry);
const job = { jobName: "node batch", groupings: JSON.parse(groupings) };
const { resp } = await gateway[action](job);
console.log(resp.statusCode);

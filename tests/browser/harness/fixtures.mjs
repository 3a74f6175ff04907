// Groups as one finds them: a few jobs, one of which fails, and one with values that are awkward to show.
import { Buffer } from "node:buffer";

import { groupPath } from "./gateway.mjs";

const PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
// A counter with an exemplar, a histogram that is classic and native, and a summary.
const NATIVE = Buffer.from(
  "LwoBYyIqCgYKAXgSATEaIAkAAAAAAAD4PxIVCgoKBXRyYWNlEgF0EQAAAAAAAOA/IAoBaBgEIhk6FwgBGgsIAREAAAAAAAAAQGIECAAQAWgCHwoBcxgCIhgiFggFGhIJAAAAAAAA4D8RAAAAAAAAHEA=",
  "base64",
);

const BACKUP = `# HELP backup_bytes How much was copied.
# TYPE backup_bytes gauge
backup_bytes{volume="/srv"} 73400320
backup_bytes{volume="/home"} 1288490188
# HELP backup_duration_seconds How long the parts took.
# TYPE backup_duration_seconds histogram
backup_duration_seconds_bucket{le="1"} 3
backup_duration_seconds_bucket{le="10"} 17
backup_duration_seconds_bucket{le="60"} 40
backup_duration_seconds_bucket{le="+Inf"} 41
backup_duration_seconds_sum 512.5
backup_duration_seconds_count 41
# HELP backup_file_bytes Sizes of files.
# TYPE backup_file_bytes summary
backup_file_bytes{quantile="0.5"} 4096
backup_file_bytes{quantile="0.99"} 1048576
backup_file_bytes_sum 7.34e+07
backup_file_bytes_count 9120
# TYPE last_success_timestamp_seconds gauge
last_success_timestamp_seconds 1.7e+09
`;

/** Values that a page must show as they are. */
export const AWKWARD = [`a "quoted" value`, `it's`, `a/b//c`, `<b>bold</b> & more`, `🚒 Feuerwehr 消防`, `back\\slash`, `%41 100%`, `a?b#c=d&e`, ` `];

/** Pushes all of it. */
export async function typical(gateway) {
  for (const instance of ["db1.example.org", "db2.example.org", "db3.example.org"]) {
    await expected(gateway.push({ job: "backup", instance }, BACKUP), 200);
  }
  await expected(gateway.push({ job: "nightly-report", region: "eu" }, "report_rows 120934\nreport_errors 0\n"), 200);
  await expected(gateway.push({ job: "import", instance: "w1" }, "# TYPE rows counter\nrows 17\n"), 200);
  // Another type than the one that is stored: the group of w2 exists, and has only failed.
  await expected(gateway.push({ job: "import", instance: "w2" }, "# TYPE rows gauge\nrows 17\n"), 400);
  const answer = await fetch(gateway.url(groupPath("/metrics", { job: "native", instance: "n1" })), {
    method: "PUT",
    headers: { "content-type": PROTOBUF },
    body: NATIVE,
  });
  await expected(answer.status, 200);
  for (const value of AWKWARD) await expected(gateway.push({ job: "awkward", value }, "m 1\n"), 200);
}

async function expected(status, wanted) {
  if ((await status) !== wanted) throw new Error(`a push was answered with ${await status}`);
}
